#!/usr/bin/env python3
"""Writes text.npy and labels.npy into FOLDER/train and FOLDER/eval: windows of a text as BERT masks them.

  make-data.py FOLDER [--length 64] [--train 3300] [--eval 360] [FILE ...]

Without files the text is that of the licences that every Debian system has.

Of the bytes 15 % are chosen; of those 80 % become the mask (token 256), 10 % another byte, 10 % stay. labels.npy has
the byte where one was chosen and -100 elsewhere.
"""
import argparse
import glob
import os
import sys

import numpy


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("files", nargs="*")
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--train", type=int, default=3300)
    parser.add_argument("--eval", type=int, default=360)
    args = parser.parse_args()
    names = args.files or sorted(f for f in glob.glob("/usr/share/common-licenses/*") if not os.path.islink(f))
    text = b"".join(open(name, "rb").read() for name in names)
    rows = args.train + args.eval
    if len(text) < rows * args.length:
        sys.exit(f"the text has {len(text)} bytes; {rows} windows of {args.length} need {rows * args.length}")
    text = numpy.frombuffer(text[:rows * args.length], numpy.uint8).reshape(rows, -1).astype(numpy.int64)
    draw = numpy.random.default_rng(0)
    text = draw.permutation(text)
    chosen, how = draw.random(text.shape) < 0.15, draw.random(text.shape)
    masked = numpy.where(chosen & (how < 0.8), 256, text)
    masked = numpy.where(chosen & (how >= 0.9), draw.integers(0, 256, text.shape), masked)
    labels = numpy.where(chosen, text, -100)
    for part, begin, end in (("train", 0, args.train), ("eval", args.train, rows)):
        os.makedirs(os.path.join(args.folder, part), exist_ok=True)
        numpy.save(os.path.join(args.folder, part, "text.npy"), masked[begin:end])
        numpy.save(os.path.join(args.folder, part, "labels.npy"), labels[begin:end])


if __name__ == "__main__":
    main()
