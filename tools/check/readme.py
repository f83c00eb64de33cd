"""check-readme: folders are described, links lead somewhere, and no text knows a machine's paths.

A folder with more than three source files has a README.md. Below test/ and tools/ and below a part that has
one (runtime/kernel/cpu), it is enough that a README.md above lists the folder in a table or in
backticks.
"""
import os
import re
import sys

import tree

SOURCES = (".h", ".cpp", ".c", ".td", ".fbs", ".py", ".sh", ".mlir", ".test")
TEXTS = SOURCES + (".md", ".txt", ".cmake", ".json", ".yaml", ".yml")
LINK = re.compile(r"\[[^\]]*\]\(([^)#]+)(#[^)]*)?\)")
# Split, so that this file does not complain about itself.
MACHINE = re.compile("/(?:" + "home|root|Users|wo" + "rk)/[A-Za-z0-9_.-]")


def describes(text, folder):
    return re.search(rf"(\||`)\s*{re.escape(folder)}/?\s*(\||`)", text) is not None


def isDescribed(root, folder):
    if os.path.exists(os.path.join(root, folder, "README.md")):
        return True
    isPart = folder.count("/") == 1 and not folder.startswith(("test/", "tools/"))
    if isPart:
        return False
    above = os.path.dirname(folder)
    while True:
        readme = os.path.join(above, "README.md")
        if os.path.exists(os.path.join(root, readme)) and describes(
                tree.read(root, readme), os.path.relpath(folder, above or ".")):
            return True
        if not above:
            return False
        above = os.path.dirname(above)


def check(root):
    for folder, names in tree.folders(root):
        count = sum(name.endswith(SOURCES) for name in names)
        if count > 3 and not isDescribed(root, folder):
            yield f"{folder or '.'}: {count} source files and no README.md"
    for path in tree.files(root, ".md"):
        for number, line in enumerate(tree.read(root, path).split("\n"), 1):
            for target, _ in LINK.findall(line):
                isLocal = "://" not in target and not target.startswith("mailto:")
                if isLocal and not os.path.exists(
                        os.path.join(root, os.path.dirname(path), target.strip())):
                    yield f"{path}:{number}: the link to {target} leads nowhere"
    for path in tree.files(root, TEXTS):
        for number, line in enumerate(tree.read(root, path).split("\n"), 1):
            if MACHINE.search(line):
                yield f"{path}:{number}: a path of some machine: {line.strip()}"


if __name__ == "__main__":
    tree.main(check, sys.argv)
