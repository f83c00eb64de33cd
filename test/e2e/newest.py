#!/usr/bin/env python3
"""What the newest PyTorch exports, trained here against how it trained it: files in Inputs/newest, written by make.py.

  newest.py --bin build/bin [--only REGEX] [--keep FOLDER]

Five steps of plain SGD in fp64 on one batch: the loss of every step within 1e-8, the norm of each parameter's and
running statistic's change within 1e-6 of it. Exit code 1 if one fails.
"""
import argparse
import json
import os
import re
import sys
import tempfile

import numpy

from tools import HERE, Failure, Tools, checkpoint, cluster, load_tensors, losses, norm

LR, STEPS, ROWS = 0.1, 5, 8
FOLDER = os.path.join(HERE, "Inputs", "newest")


def samples(model):
    """Input and labels of a model by field, the same wherever they are computed."""
    def numbers(*shape):
        return numpy.arange(numpy.prod(shape)).reshape(shape)

    if model == "cnn":
        # No two elements of a window are close, so that a maximum does not depend on rounding.
        return {"image": (numbers(ROWS, 1, 8, 8) * 97 % 512 / 256 - 1).astype(numpy.float32),
                "label": numbers(ROWS) * 7 % 10}
    return {"text": numbers(ROWS, 6) ** 2 * 5 % 16, "label": numbers(ROWS, 6) * 11 % 16}


def job_text(folder, model, file):
    lines = ""
    for name, values in samples(model).items():
        path = os.path.join(folder, f"{model}-{name}.npy")
        numpy.save(path, values)
        lines += f"      {name}: {{files: [{path}], format: npy}}\n"
    return f"""model: {file}
precision: fp64
data:
  train:
    samples: {ROWS}
    shuffle: false
    fields:
{lines}loss:
  cross_entropy: {{labels: label}}
optimizer: {{sgd: {{lr: {LR}}}}}
batch: {ROWS}
steps: {STEPS}
checkpoint: {{every_steps: 1, keep: 0}}
"""


def start_of(base):
    """First values: what the export has."""
    return {name: values for name, (_, values) in load_tensors(base).items()}


def case(tools, file, wanted):
    """A line of the table, and whether all is within bounds."""
    title = file[:-len(".onnx")]
    model = title.split("-")[0]
    base = tools.compile(title, job_text(tools.folder, model, os.path.join(FOLDER, file)), cluster(1, 1))
    start = start_of(base)
    tools.train(base)
    loss = max(abs(ours - theirs) / abs(theirs) for ours, theirs in zip(losses(base), wanted["losses"], strict=True))
    after = {name: values for name, (_, values) in load_tensors(checkpoint(base, STEPS)).items()}
    whole = norm(wanted["changes"].values())
    change = 0
    for name, theirs in wanted["changes"].items():
        if name not in after:
            raise Failure(f"the checkpoint has no '{name}'; it has {', '.join(sorted(after))}")
        ours = norm([x - y for x, y in zip(after[name], start[name], strict=True)])
        # A change that is nothing but rounding is measured by the whole.
        change = max(change, abs(ours - theirs) / max(theirs, 1e-6 * whole))
    good = loss <= 1e-8 and change <= 1e-6
    return f"{'ok  ' if good else 'FAIL'} {title:40} loss {loss:.1e}  change {change:.1e}", good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep")
    args = parser.parse_args()
    with open(os.path.join(FOLDER, "figures.json")) as file:
        figures = json.load(file)
    print(f"exported by PyTorch {figures['pytorch']}")
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = os.path.abspath(args.keep) if args.keep else temporary
        os.makedirs(folder, exist_ok=True)
        tools = Tools(args.bin, folder, folder)
        for file in sorted(name for name in os.listdir(FOLDER) if name.endswith(".onnx") and re.search(args.only, name)):
            try:
                line, good = case(tools, file, figures["models"][file[:-len(".onnx")]])
            except Failure as failure:
                line, good = f"FAIL {file}: {failure}", False
            print(line, flush=True)
            failed += not good
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
