#!/usr/bin/env python3
"""Does what docs/tutorial.md says, as it says it: writes its files, runs its commands.

  tutorial.py --bin build/bin [--keep FOLDER]

A block under a line that is a name in backticks is that file; a block of `sh` is run; `sh background` while the next
one runs. Other than for a reader, `python3` is the Python that runs this, the tools are found already, and ports are
free ones. Then what the text promises is looked at. Exit code 1 if a command fails or a promise is not kept.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from ports import free_ports  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TUTORIAL = os.path.join(HERE, "..", "..", "docs", "tutorial.md")
BLOCK = re.compile(r"(?:^`(?P<file>[^`\n]+)`\n)?^```(?P<kind>[\w ]*)\n(?P<text>.*?)^```$", re.M | re.S)


class Reader:
    """Works through the tutorial in a folder, which stands for the repository at first."""

    def __init__(self, folder, binaries):
        self.folder, self.commands = folder, 0
        own = os.path.join(folder, "own")
        os.makedirs(own)
        os.symlink(sys.executable, os.path.join(own, "python3"))
        self.env = {**os.environ, "PATH": os.pathsep.join([own, binaries, os.environ["PATH"]])}
        self.ports = dict(zip(("29500", "29501"), map(str, free_ports(2))))
        self.waiting = None

    def shell(self, text):
        for port, free in self.ports.items():
            text = text.replace(port, free)
        self.commands += sum(bool(line.strip()) for line in text.splitlines())
        # Where a command leaves the shell is where the next one begins.
        script = f"set -euo pipefail\n{text}\npwd > {self.folder}/place\n"
        return subprocess.Popen(["bash", "-c", script], cwd=self.folder if not os.path.exists(f"{self.folder}/place")
                                else self.place(), env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def place(self):
        with open(os.path.join(self.folder, "place")) as file:
            return file.read().strip()

    def finish(self, process, text):
        output = process.communicate(timeout=900)[0]
        if process.returncode:
            raise SystemExit(f"exit {process.returncode} of\n{text}{output}")

    def block(self, file, kind, text):
        if file:
            with open(os.path.join(self.place(), file), "w") as out:
                out.write(text)
        elif kind == "sh background":
            self.waiting = self.shell(text), text
        elif kind == "sh":
            self.finish(self.shell(text), text)
            if self.waiting:
                self.finish(*self.waiting)
                self.waiting = None


def last(path, program):
    with open(path) as file:
        return [r for r in map(json.loads, file) if r["program"] == program][-1]


def promises(folder):
    """What the text says of the results."""
    one, two = (last(os.path.join(folder, run, "metrics.jsonl"), "eval") for run in ("one", "two"))
    good = one["accuracy"] > 0.9 and two["accuracy"] > 0.9
    good &= abs(one["loss"] - two["loss"]) < 0.05
    good &= all(os.path.getsize(os.path.join(folder, name)) for name in ("trained.onnx", "trained.safetensors", "logits.npy"))
    return good, f"accuracy {one['accuracy']:.3f} on one machine, {two['accuracy']:.3f} on two hosts"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--keep")
    args = parser.parse_args()
    with open(TUTORIAL) as file:
        blocks = [m.groupdict() for m in BLOCK.finditer(file.read())]
    with tempfile.TemporaryDirectory() as temporary:
        reader = Reader(os.path.abspath(args.keep or temporary), os.path.abspath(args.bin))
        for block in blocks:
            reader.block(block["file"], block["kind"].strip(), block["text"])
        good, line = promises(reader.place())
    print(f"{'ok  ' if good else 'FAIL'} {reader.commands} commands; {line}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
