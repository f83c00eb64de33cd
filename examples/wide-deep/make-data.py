#!/usr/bin/env python3
"""Writes a table of Debian packages into FOLDER/train and FOLDER/eval: categories, pairs, numbers, labels as npy.

  make-data.py FOLDER [STATUS]     STATUS: /var/lib/dpkg/status, or a Packages file of a Debian mirror

A fifth of the packages is for evaluation. The job wants 1024 and 256 rows: some are left out or come again.

To be told is whether several architectures of a package can be installed together (Multi-Arch: same), from its
section, priority, architecture and maintainer, its size, the number of what it needs and the length of its name.
"""
import argparse
import math
import os
import zlib

import numpy

ROWS = 4096  # of the model's tables


def packages(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        for paragraph in file.read().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in paragraph.split("\n") if ": " in line and line[0] != " ")
            if "Installed-Size" in fields and "Section" in fields:
                yield fields


def row(*values):
    return zlib.crc32("|".join(values).encode()) % ROWS


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("status", nargs="?", default="/var/lib/dpkg/status")
    args = parser.parse_args()
    categories, pairs, numbers, labels = [], [], [], []
    for p in packages(args.status):
        words = [f"{key}={p.get(key, '')}" for key in ("Section", "Priority", "Architecture", "Maintainer")]
        categories.append([row(word) for word in words])
        pairs.append([row(a, b) for i, a in enumerate(words) for b in words[i + 1:]])
        numbers.append([math.log1p(int(p["Installed-Size"])) / 10, p.get("Depends", "").count(",") / 10,
                        len(p["Package"]) / 20])
        labels.append(p.get("Multi-Arch") == "same")
    order = numpy.random.default_rng(0).permutation(len(labels))
    tables = {"categories": numpy.array(categories, numpy.int64), "pairs": numpy.array(pairs, numpy.int64),
              "numbers": numpy.array(numbers, numpy.float32), "labels": numpy.array(labels, numpy.float32)}
    cut = len(labels) // 5
    for part, chosen, count in (("train", order[cut:], 1024), ("eval", order[:cut], 256)):
        os.makedirs(os.path.join(args.folder, part), exist_ok=True)
        for name, table in tables.items():
            numpy.save(os.path.join(args.folder, part, name + ".npy"), table[numpy.resize(chosen, count)])
    print(f"{len(labels)} packages, {100 * numpy.mean(labels):.0f} % of them positive")


if __name__ == "__main__":
    main()
