#!/usr/bin/env python3
"""Models that PyTorch exports to ONNX, trained here and by PyTorch: same first values, same batches.

  exported.py --bin build/bin --data FOLDER [--steps N] [--only REGEX] [--keep FOLDER]

Each model is exported for training by the PyTorch that runs this, compiled from its .onnx and trained with
plain SGD, so that the change of parameters in the first step is their gradient. Bounds as in oracle.py:

  first    that change against PyTorch's, of its norm: 1e-8 fp64, 1e-3 fp32
  loss     of every step: 1e-8 fp64
  change   of parameters and running statistics over all steps, of its norm: 1e-6 fp64

fp32 takes one step. The checkpoint then goes back into the .onnx, whose values are read again. Exit code 1 if one fails.
"""
import argparse
import functools
import os
import re
import sys
import tempfile
import warnings

import torch

import exports
from comparison import compare, run_cases, train_module
from models import SEED, Images, Text
from samples import SampleOrder
from tensors import read_safetensors
from tools import EXAMPLES, Failure, Tools, checkpoint, cluster, parallel, run

LR = 0.1


class Pictures(Images):
    """Fashion-MNIST with its channel."""
    batch = 16

    def __call__(self, samples, dtype):
        images, labels = super().__call__(samples, dtype)
        return images.reshape(-1, 1, 28, 28), labels


# model -> input, data
MODELS = {"mlp": ("image", Pictures), "cnn": ("image", Pictures), "resnet": ("image", Pictures),
          "gpt": ("text", Text), "encoder": ("text", Text)}


def job_text(model, data, precision, steps):
    return f"""model: {model}
seed: {SEED}
precision: {precision}
data:
{data.job}loss:
  cross_entropy: {{labels: label}}
optimizer: {{sgd: {{lr: {LR}}}}}
batch: {data.batch}
steps: {steps}
checkpoint: {{every_steps: 1, keep: 0}}
"""


def cross_entropy(logits, labels):
    return torch.nn.functional.cross_entropy(logits.flatten(0, -2), labels.flatten())


class Runner:
    def __init__(self, tools, steps):
        self.tools, self.steps = tools, steps

    def __call__(self, title, name, precision, machines, layout=""):
        """A line of the table, and whether everything is within bounds."""
        input_name, kind = MODELS[name]
        data = kind(self.tools.data if issubclass(kind, Images) else self.tools.folder)
        dtype = torch.float64 if precision == "fp64" else torch.float32
        steps = self.steps if precision == "fp64" else 1
        torch.manual_seed(SEED)
        model = getattr(exports, name)().to(dtype)
        file = os.path.join(self.tools.folder, f"{name}-{precision}.onnx")
        exports.export(model, data([0, 1], dtype)[0], input_name, file)
        start = {k: v.detach().double().clone() for k, v in model.state_dict().items()
                 if v.is_floating_point() and "mask" not in k}
        base = self.tools.compile(title, job_text(file, data, precision, steps) + layout, machines)
        self.tools.train(base)
        rounding = 1e-12 if precision == "fp64" else 1e-6
        order = SampleOrder(data.samples, SEED, 0)
        rows = [data([order(t * data.batch + j) for j in range(data.batch)], dtype) for t in range(steps)]
        twin = train_module(model, cross_entropy, [([x], y) for x, y in rows], LR)
        line = compare(title, base, precision, start, twin, rounding)
        self.goes_back(file, base, steps)
        return line

    def goes_back(self, file, base, step):
        """The trained model in ONNX again has the checkpoint's values, under the same names."""
        trained = checkpoint(base, step)
        back, module = os.path.join(base, "back.onnx"), os.path.join(base, "back.mlir")
        run([self.tools.tool("of-run"), "export", trained, "--onnx", file, "--out", back])
        run([self.tools.tool("of-compile"), back, "--job", os.path.join(base, "job.yaml"), "--cluster",
             os.path.join(base, "cluster.yaml"), "--compile-to=import", "-o", module])
        found, wanted = read_safetensors(os.path.join(base, "back.safetensors")), read_safetensors(trained)
        for name, value in found.items():
            if not torch.equal(value.float(), wanted[name].float()):
                raise Failure(f"'{name}' of {back} is not what the checkpoint has")


def example(tools):
    """The example's export goes in with its job."""
    folder = os.path.join(EXAMPLES, "resnet18")
    model = os.path.join(tools.folder, "resnet18.onnx")
    run([sys.executable, "-B", os.path.join(folder, "export.py"), "--width", "4", "--out", model])
    run([tools.tool("of-compile"), model, "--job", os.path.join(folder, "job.yaml"), "--cluster",
         os.path.join(folder, "cluster-1.yaml"), "--compile-to=import", "-o", os.path.join(tools.folder, "resnet18.mlir")])
    found = read_safetensors(os.path.join(tools.folder, "resnet18.safetensors"))
    return f"ok   examples/resnet18: {len(found)} parameters"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep")
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    print(f"PyTorch {torch.__version__}; weights and sample order by seed {SEED}")
    two = parallel({"data": 2})
    runs = [(m, p, cluster(1, 1), "") for m in MODELS for p in ("fp64", "fp32")]
    runs += [(m, "fp64", cluster(2, 1), two) for m in ("cnn", "gpt")]
    with tempfile.TemporaryDirectory() as temporary:
        folder = os.path.abspath(args.keep) if args.keep else temporary
        os.makedirs(folder, exist_ok=True)
        runner = Runner(Tools(args.bin, args.data, folder), args.steps)
        if re.search(args.only, "example"):
            print(example(runner.tools), flush=True)

        def chosen():
            for name, precision, machines, layout in runs:
                if re.search(args.only, f"{name} {precision}"):
                    title = f"{name}, {precision}" + (", two devices" if layout else "")
                    yield title, functools.partial(runner, title, name, precision, machines, layout)

        return 1 if run_cases(chosen()) else 0


if __name__ == "__main__":
    sys.exit(main())
