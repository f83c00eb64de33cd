"""Writes man pages from what the programs say of themselves with --help.

usage: man.py FOLDER VERSION PROGRAM...     FOLDER/of-run.1.gz for of-run, and so on
"""
import gzip
import os
import re
import sys

from reference import helpOf, output, passLines


def escaped(text):
    """Text as roff takes it literally."""
    lines = text.replace("\\", "\\e").replace("-", "\\-").split("\n")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in lines)


def sections(program):
    """(title, text): of the program, then of each of its subcommands."""
    for part in helpOf(program):
        yield re.match(r"#+ (.*)\n\n```\n(.*)\n```\n$", part, re.S).groups()


def summary(text):
    """The sentence that a help begins with, as a NAME section has it."""
    first = re.sub(r"^OVERVIEW: ", "", text.split("\n")[0]).rstrip(".")
    return first[0].lower() + first[1:]


def page(program, version):
    name = os.path.basename(program)
    if name == "of-opt":  # mlir-opt's help is a book of its own
        parts = [(name, "Runs passes over modules: mlir-opt's flags, and these passes.\n\n" + passLines(output(program, "--help")))]
    else:
        parts = list(sections(program))
    lines = [f'.TH {name.upper()} 1 "" "oneflow-compiler {version}"', ".SH NAME",
             f"{escaped(name)} \\- {escaped(summary(parts[0][1]))}"]
    for title, text in parts:
        lines += [".SH " + ("DESCRIPTION" if title == name else escaped(title.upper())), ".nf", escaped(text), ".fi"]
    return "\n".join(lines) + "\n"


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    folder, version, programs = sys.argv[1], sys.argv[2], sys.argv[3:]
    os.makedirs(folder, exist_ok=True)
    for program in programs:
        path = os.path.join(folder, os.path.basename(program) + ".1.gz")
        with open(path + ".tmp", "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
            file.write(page(program, version).encode())
        os.replace(path + ".tmp", path)


if __name__ == "__main__":
    main()
