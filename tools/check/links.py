"""check-links: a program that must stay light loads no compiler library.

usage: links.py PROGRAM...
"""
import re
import subprocess
import sys

FORBIDDEN = re.compile(r"\blib(LLVM|MLIR|lld|clang)[^ ]*")


def check(program):
    done = subprocess.run(["ldd", program], capture_output=True, text=True)
    if done.returncode:
        yield f"{program}: ldd failed: {done.stderr.strip()}"
    for match in FORBIDDEN.finditer(done.stdout):
        yield f"{program}: loads {match.group(0)}; the runtime has no compiler in it"


if __name__ == "__main__":
    complaints = sorted({c for program in sys.argv[1:] for c in check(program)})
    print("\n".join(complaints), end="\n" if complaints else "")
    sys.exit(1 if complaints or len(sys.argv) < 2 else 0)
