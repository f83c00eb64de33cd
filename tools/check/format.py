"""check-format: every C and C++ source is as clang-format 14 writes it.

To reformat what differs: git ls-files '*.h' '*.cpp' '*.c' | xargs clang-format-14 -i
"""
import os
import re
import subprocess
import sys

import tree

WARNING = re.compile(r"^([^:\n]+):(\d+):\d+: ", re.MULTILINE)


def check(root):
    paths = list(tree.files(root, (".h", ".cpp", ".c")))
    if not paths:
        return
    done = subprocess.run(["clang-format-14", "--dry-run", "-Werror", *paths], cwd=root,
                          capture_output=True, text=True)
    seen = set()
    for path, line in WARNING.findall(done.stderr):
        if path not in seen:
            yield f"{path}:{line}: clang-format-14 writes this differently"
        seen.add(path)
    if done.returncode and not seen:
        yield f"clang-format-14 failed: {done.stderr.strip()}"


if __name__ == "__main__":
    tree.main(check, sys.argv)
