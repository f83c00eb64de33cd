#!/usr/bin/env python3
"""The models of examples/ beside PyTorch: exported by their own scripts, trained with the loss of their own jobs.

  examples.py --bin build/bin [--steps N] [--only REGEX] [--size tiny] [--lr RATE] [--exporter torchscript]
              [--keep FOLDER]

Each model is taken in its size for tests, on random data, with plain SGD; bounds are those of exported.py. In single
precision gradients are read from the momentum, and where they jump (kinks.py) PyTorch's for parameters some units in
the last place away count too. In fp64 a line ends with how far PyTorch parts from itself when its first values are
moved by one unit ("own"): a run that is chaotic says nothing about anything it is held against. By hand all of them,
about four minutes; with the Python of a newer PyTorch its exports, by either exporter. With --compile it prints what
compiling the other sizes takes instead: parameters, seconds, bytes of the plan. Exit code 1 if one fails.
"""
import argparse
import copy
import functools
import math
import os
import re
import sys
import tempfile
import time
import warnings

import numpy
import torch
from torch.nn import functional as F

from comparison import compare, compare_gradients, gradients_of, moved, run_cases, train_module
from losses import margins
from models import SEED
from samples import SampleOrder
from tools import EXAMPLES, Tools, cluster, example_script, job_text, parallel, run

BATCH, LR = 8, 0.1
# At 0.1 the narrow tiny Inception is chaotic: PyTorch moved by one unit in the last place parts from itself by 2e-2.
SMALLER_LR = {"inception-v3": 0.01}
MODELS = ["alexnet", "vgg16", "inception-v3", "resnet50", "resnext101", "gpt2", "bert-large", "transformer",
          "wide-deep", "face-recognition"]


def loss_of(model):
    """The loss of the example's job: its text, the field of its labels, and PyTorch's formula."""
    with open(os.path.join(EXAMPLES, model, "job.yaml")) as file:
        text = re.search(r"(?m)^loss:\n  (.*)$", file.read())[1]
    field = re.search(r"(?:labels|target): (\w+)", text)[1]
    numbers = {key: float(value) for key, value in re.findall(r"(\w+): ([\d.]+)", text)}
    if text.startswith("binary"):
        return text, field, F.binary_cross_entropy_with_logits
    if text.startswith("margin"):
        return text, field, margins(numbers["scale"], numbers["angular_margin"], 0)
    smoothing = numbers.get("label_smoothing", 0)
    return text, field, lambda y, label: F.cross_entropy(y.flatten(0, -2), label.flatten(), ignore_index=-100,
                                                         label_smoothing=smoothing)


class Data:
    """Random inputs and labels, as npy files."""
    batch = BATCH

    def __init__(self, folder, inputs, output, loss, field):
        generator = numpy.random.default_rng(SEED)
        rows = len(next(iter(inputs.values())))
        fields = {name: value.numpy() for name, value in inputs.items()}
        if loss.startswith("binary"):
            fields[field] = (generator.random(output.shape) < 0.5).astype(numpy.float32)
        else:
            fields[field] = generator.integers(0, output.shape[-1], output.shape[:-1])
        if loss.startswith("masked"):
            fields[field] = numpy.where(generator.random(fields[field].shape) < 0.3, fields[field], -100)
        self.lines = ""
        for name, values in fields.items():
            file = os.path.join(folder, name + ".npy")
            numpy.save(file, values)
            self.lines += f"      {name}: {{files: [{file}], format: npy}}\n"
        self.job = f"\n  train:\n    samples: {rows}\n    fields:\n{self.lines}"
        self.tensors = [torch.from_numpy(values) for values in fields.values()]

    def __call__(self, rows, dtype):
        return [t[rows].to(dtype) if t.is_floating_point() else t[rows] for t in self.tensors]


class SingleMath:
    """PyTorch's dynamo exporter writes numbers of Python in single precision, in models of double precision too: what is
    trained here is held against what the file says."""

    @staticmethod
    def sqrt(value):
        return numpy.float32(math.sqrt(value)).item()


class Runner:
    def __init__(self, tools, args):
        self.tools, self.steps, self.size, self.lr, self.exporter = tools, args.steps, args.size, args.lr, args.exporter

    def __call__(self, title, name, precision, machines, layout):
        module, (text, field, loss) = example_script(name), loss_of(name)
        if self.exporter == "dynamo" and "attention" in sys.modules:
            sys.modules["attention"].math = SingleMath
        dtype = torch.float64 if precision == "fp64" else torch.float32
        lr = self.lr or SMALLER_LR.get(name, LR)
        steps, momentum = (self.steps, 0) if precision == "fp64" else (1, 0.9)
        folder = os.path.join(self.tools.folder, "model " + title)
        os.makedirs(folder, exist_ok=True)
        torch.manual_seed(SEED)
        model = module.SIZES[self.size]().to(dtype)
        inputs = module.inputs(self.size, BATCH * self.steps)
        sample = {k: v[:2].to(dtype) if v.is_floating_point() else v[:2] for k, v in inputs.items()}
        file = os.path.join(folder, "model.onnx")
        sys.modules["exporting"].export(model, sample, module.OUTPUTS, file, self.exporter)
        start = {k: v.detach().double().clone() for k, v in model.state_dict().items() if v.is_floating_point()}
        data = Data(folder, inputs, self.output(model, inputs, dtype), text, field)
        job = job_text(name, {"model": file, "data": None, "seed": SEED, "precision": precision, "schedule": None,
                              "clip_norm": None, "optimizer": f"{{sgd: {{lr: {lr}, momentum: {momentum}}}}}", "batch": BATCH, "epochs": None,
                              "steps": steps, "evaluate": None, "checkpoint": "{every_steps: 1, keep: 0}"})
        base = self.tools.compile(title, job + "data:" + data.job + layout, machines)
        self.tools.train(base)
        order = SampleOrder(len(data.tensors[0]), SEED, 0)
        rows = [data([order(t * BATCH + j) for j in range(BATCH)], dtype) for t in range(steps)]
        if precision == "fp32":
            *inputs, labels = rows[0]
            return compare_gradients(title, base, precision, gradients_of(copy.deepcopy(model), loss, inputs, labels), 1e-6,
                                     lambda *how: gradients_of(moved(model, *how), loss, inputs, labels)[1])
        batches = [(inputs, labels) for *inputs, labels in rows]
        other, _, _ = train_module(moved(model, 1, SEED), loss, batches, lr)
        return compare(title, base, precision, start, train_module(model, loss, batches, lr), 1e-12, other)

    @staticmethod
    def output(model, inputs, dtype):
        """Only its shape counts."""
        model.eval()
        with torch.no_grad():
            return model(*(v.to(dtype) if v.is_floating_point() else v for v in inputs.values()))


def compile_sizes(tools, only):
    """A line of the table of examples for each model and size."""
    for name in MODELS:
        for size, job, machines in (("small", "job.yaml", cluster(1, 1)), ("full", "full.yaml", cluster(1, 1)),
                                    ("full", "full.yaml", cluster(8, 8))):
            title = f"{name} {size}"
            if not re.search(only, title):
                continue
            model = os.path.join(tools.folder, f"{name}-{size}.onnx")
            if not os.path.exists(model):
                run([sys.executable, "-B", os.path.join(EXAMPLES, name, "export.py"), "--size", size, "--out", model])
            with open(os.path.join(tools.folder, "cluster.yaml"), "w") as file:
                file.write(machines)
            plan, begin = os.path.join(tools.folder, "job.plan"), time.time()
            run([tools.tool("of-compile"), model, "--job", os.path.join(EXAMPLES, name, job), "--cluster",
                 os.path.join(tools.folder, "cluster.yaml"), "-o", plan])
            weights = os.path.getsize(os.path.join(tools.folder, "job.safetensors"))
            print(f"{title:24} devices {machines.count('kind:'):3}  weights {weights / 4e6:7.1f} M  compile "
                  f"{time.time() - begin:6.1f} s  plan {os.path.getsize(plan) / 1e6:6.2f} MB", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--only", default="")
    parser.add_argument("--size", default="tiny")
    parser.add_argument("--lr", type=float, help="for all; by default what each model stands")
    parser.add_argument("--exporter", choices=("torchscript", "dynamo"), default="torchscript")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--keep")
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    places = [("one", cluster(1, 1), ""), ("2 x 2", cluster(2, 2), parallel(strategy="auto"))]
    runs = [(m, p, *place) for place in places for m in MODELS for p in ("fp64", "fp32")]
    with tempfile.TemporaryDirectory() as temporary:
        folder = os.path.abspath(args.keep) if args.keep else temporary
        os.makedirs(folder, exist_ok=True)
        tools = Tools(args.bin, folder, folder)
        if args.compile:
            return compile_sizes(tools, args.only)
        runner = Runner(tools, args)
        print(f"PyTorch {torch.__version__}, exporter {args.exporter}", flush=True)

        def chosen():
            for name, precision, place, machines, layout in runs:
                title = f"{name} {precision} {place}"
                if re.search(args.only, title):
                    yield title, functools.partial(runner, title, name, precision, machines, layout)

        return 1 if run_cases(chosen()) else 0


if __name__ == "__main__":
    sys.exit(main())
