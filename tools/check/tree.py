"""What the checks have in common: the files of the tree, and how a check reports and ends."""
import os
import sys

SKIPPED = ("build", "install", "out")  # by beginning of a folder's name


def folders(root):
    """(relative folder, file names) of the tree, in order, without build trees and dot folders."""
    for path, names, files in os.walk(root):
        names[:] = sorted(n for n in names if not n.startswith(SKIPPED) and
                          (not n.startswith(".") or n == ".ci") and n != "__pycache__")
        relative = os.path.relpath(path, root)
        yield ("" if relative == "." else relative), sorted(files)


def files(root, endings):
    """Relative paths of the files with one of these endings, in order."""
    for folder, names in folders(root):
        for name in names:
            if name.endswith(endings):
                yield os.path.join(folder, name)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def main(check, argv):
    """Runs check(root) -> complaints; prints them and exits with 1 if there are any."""
    if len(argv) != 2:
        sys.exit(f"usage: {os.path.basename(argv[0])} ROOT")
    complaints = list(check(argv[1]))
    for complaint in complaints:
        print(complaint)
    sys.exit(1 if complaints else 0)
