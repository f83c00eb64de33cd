#!/usr/bin/env python3
"""Plants an error into the gradient of every op and asks the oracle to find it.

  mutations.py [--only REGEX] [--keep FOLDER]

In a worktree of HEAD the differentiator gets a switch that scales what one op gives to one of its operands.
of-oracle-test is built there once; then, for each op and each operand it has a gradient for, the gradient is
zeroed and halved, and a family of cases that uses the op must fail. Exit code 1 if one mutation survives.
Not a test of ctest: it builds, and takes some ten minutes.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
FAMILIES = ["pointwise", "tensors", "convolution", "pooling", "activation", "layers"]
PLACE = """    if (failed(built))
      return failure();
"""
SWITCH = PLACE + """    if (const char *mutation = getenv("OF_MUTATION")) {
      for (auto [i, gradient] : llvm::enumerate(operandGradients)) {
        if (!gradient || !reached.contains(op->getOperand(i)))
          continue;
        std::string name = (op->getName().getStringRef() + ":" + std::to_string(i)).str();
        if (StringRef(mutation) == "list")
          llvm::errs() << "mutable " << name << "\\n";
        else if (auto [where, factor] = StringRef(mutation).split('*'); where == name) {
          double value = factor == "0" ? 0.0 : 0.5;
          gradient = MulOp::create(b, op->getLoc(), gradient,
                                   scalarLike(b, op->getLoc(), gradient, value));
        }
      }
    }
"""


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if done.returncode:
        sys.exit(f"mutations.py: {' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def build(tree):
    """of-oracle-test with the switch in it."""
    run(["git", "-C", ROOT, "worktree", "add", "--force", "--detach", tree, "HEAD"])
    path = os.path.join(tree, "lib", "Train", "Autodiff.cpp")
    with open(path) as file:
        text = file.read()
    if text.count(PLACE) != 1:
        sys.exit("mutations.py: lib/Train/Autodiff.cpp has changed; the place of the switch is not there once")
    with open(path, "w") as file:
        file.write('#include "dialects/Of/Build.h"\n' + text.replace(PLACE, SWITCH))
    run([os.path.join(tree, "tools", "build.sh"), "of-oracle-test"])
    return os.path.join(tree, "build", "bin", "of-oracle-test")


def test(binary, family, mutation):
    return subprocess.run([binary, f"[{family}]", "--abort", "--rng-seed", "1"], capture_output=True, text=True,
                          env={**os.environ, "OF_MUTATION": mutation})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", help="folder of the worktree, kept for a second run")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        tree = os.path.abspath(args.keep) if args.keep else os.path.join(temporary, "tree")
        try:
            binary = os.path.join(tree, "build", "bin", "of-oracle-test")
            if not (args.keep and os.path.exists(binary)):
                binary = build(tree)
            return mutate(binary, args.only)
        finally:
            if not args.keep:
                subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", tree])


def mutate(binary, only):
    places = {}
    for family in FAMILIES:
        done = test(binary, family, "list")
        if done.returncode:
            sys.exit(f"mutations.py: {family} fails without a mutation:\n{done.stdout[-2000:]}")
        for place in re.findall(r"^mutable (\S+)$", done.stderr, re.MULTILINE):
            places.setdefault(place, []).extend([family] if family not in places.get(place, []) else [])
    survived = tried = 0
    for place in sorted(places):
        if not re.search(only, place):
            continue
        for factor in ("0", "0.5"):
            found = next((f for f in places[place] if test(binary, f, f"{place}*{factor}").returncode), None)
            tried += 1
            survived += found is None
            print(f"{'ok  ' if found else 'MISS'} {place} times {factor}: " +
                  (f"found by {found}" if found else f"survives {', '.join(places[place])}"), flush=True)
    print(f"{tried} mutations of {len(places)} gradients, {survived} survived")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
