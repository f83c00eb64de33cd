#!/usr/bin/env python3
"""Every loss of a job against PyTorch's formula of it: same weights, same batches, fp64, plain SGD.

  losses.py --bin build/bin [--full] [--only REGEX] [--keep FOLDER]

Small models on random data. Bounds as in oracle.py; the evaluation at the end (its last batch is partial) gives
PyTorch's loss to 1e-8 and exactly its accuracy. With --full every loss also runs on two devices, the margin softmax
with its classes split. Exit code 1 if one fails.
"""
import argparse
import functools
import json
import math
import os
import re
import sys
import tempfile

import numpy
import torch
from torch.nn import functional as F

from comparison import compare, run_cases
from models import SEED
from samples import SampleOrder
from tensors import write_safetensors
from tools import Failure, Tools, cluster, parallel, pin

BATCH, STEPS, EVAL, WIDTH, CLASSES, LENGTH = 8, 5, 11, 4, 7, 6
LR = 0.5

SCORES = """func.func @scores(%x: tensor<?x4xf32>) -> tensor<?x7xf32> {
  %w = of.parameter "w" init(#of.init<constant, 0.0>) : tensor<7x4xf32>
  %y = of.matmul %x, %w transpose_rhs : (tensor<?x4xf32>, tensor<7x4xf32>) -> tensor<?x7xf32>
  return %y : tensor<?x7xf32>
}
"""
TEXT = """func.func @text(%x: tensor<?x6xi64>) -> tensor<?x6x7xf32> {
  %w = of.parameter "w" init(#of.init<constant, 0.0>) : tensor<7x7xf32>
  %y = of.embedding %w, %x : (tensor<7x7xf32>, tensor<?x6xi64>) -> tensor<?x6x7xf32>
  return %y : tensor<?x6x7xf32>
}
"""
COSINES = """func.func @cosines(%x: tensor<?x4xf32>) -> tensor<?x7xf32> {
  %w = of.parameter "w" init(#of.init<constant, 0.0>) : tensor<7x4xf32>
  %xx = of.mul %x, %x : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %xs = of.reduce_sum %xx dims [1] keepdims : (tensor<?x4xf32>) -> tensor<?x1xf32>
  %xr = of.rsqrt %xs : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %xn = of.mul %x, %xr : (tensor<?x4xf32>, tensor<?x1xf32>) -> tensor<?x4xf32>
  %ww = of.mul %w, %w : (tensor<7x4xf32>, tensor<7x4xf32>) -> tensor<7x4xf32>
  %ws = of.reduce_sum %ww dims [1] keepdims : (tensor<7x4xf32>) -> tensor<7x1xf32>
  %wr = of.rsqrt %ws : (tensor<7x1xf32>) -> tensor<7x1xf32>
  %wn = of.mul %w, %wr : (tensor<7x4xf32>, tensor<7x1xf32>) -> tensor<7x4xf32>
  %y = of.matmul %xn, %wn transpose_rhs : (tensor<?x4xf32>, tensor<7x4xf32>) -> tensor<?x7xf32>
  return %y : tensor<?x7xf32>
}
"""


def linear(w, x):
    return x @ w.T


def table(w, x):
    return F.embedding(x, w)


def cosines(w, x):
    return F.normalize(x) @ F.normalize(w).T


def margins(scale, angular, cosine):
    """As insightface writes it."""
    def loss(y, label):
        target = y.gather(1, label[:, None])
        if angular:
            turned = target * math.cos(angular) - (1 - target**2).sqrt() * math.sin(angular)
            target = torch.where(target > math.cos(math.pi - angular), turned,
                                 target - math.sin(math.pi - angular) * angular)
        hit = F.one_hot(label, y.shape[1]).bool()
        return F.cross_entropy(scale * torch.where(hit, target - cosine, y), label)
    return loss


def classes(**more):
    return lambda y, label: F.cross_entropy(y.flatten(0, -2), label.flatten(), **more)


def next_token(y, tokens):
    return F.cross_entropy(y[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), ignore_index=3)


# Kinds of label: one class per row, classes of positions (some not counted), values, values from 0 to 1.
CASES = {
    "cross_entropy: {labels: label}": (SCORES, linear, "class", classes()),
    "cross_entropy: {labels: label, label_smoothing: 0.1}": (SCORES, linear, "class", classes(label_smoothing=0.1)),
    "cross_entropy: {labels: label, ignore_index: 2}": (SCORES, linear, "class", classes(ignore_index=2)),
    "masked_lm: {labels: label, label_smoothing: 0.2}": (
        TEXT, table, "masked", classes(ignore_index=-100, label_smoothing=0.2)),
    "next_token: {tokens: x, ignore_index: 3}": (TEXT, table, "tokens", next_token),
    "mse: {target: label}": (SCORES, linear, "values", F.mse_loss),
    "binary_cross_entropy: {target: label}": (SCORES, linear, "shares", F.binary_cross_entropy_with_logits),
    "margin_softmax: {labels: label, scale: 8, angular_margin: 0.5}": (COSINES, cosines, "class", margins(8, 0.5, 0)),
    "margin_softmax: {labels: label, scale: 8, angular_margin: 1.2, cosine_margin: 0.1}": (
        COSINES, cosines, "class", margins(8, 1.2, 0.1)),
    "margin_softmax: {labels: label, scale: 8, cosine_margin: 0.35}": (
        COSINES, cosines, "class", margins(8, 0, 0.35)),
}


class Data:
    """Random inputs and labels of one kind, as npy files for training and for evaluation."""
    batch = BATCH

    def __init__(self, folder, model, kind):
        generator = numpy.random.default_rng(SEED)
        self.parts, self.job = {}, ""
        for part, rows in (("train", BATCH * STEPS), ("eval", EVAL)):
            if model is TEXT:
                x = generator.integers(0, CLASSES, (rows, LENGTH))
            else:
                x = generator.standard_normal((rows, WIDTH)).astype(numpy.float32)
            fields = {"x": x, "label": self.labels(generator, kind, rows)}
            if kind == "tokens":
                del fields["label"]
            self.job += f"  {part}:\n    samples: {rows}\n    fields:\n"
            for name, values in fields.items():
                file = os.path.join(folder, f"{kind}-{'text' if model is TEXT else 'x'}-{part}-{name}.npy")
                numpy.save(file, values)
                self.job += f"      {name}: {{files: [{file}], format: npy}}\n"
            tensors = [torch.from_numpy(v) for v in fields.values()]
            self.parts[part] = [t.double() if t.is_floating_point() else t for t in tensors]

    @staticmethod
    def labels(generator, kind, rows):
        if kind == "class":
            return generator.integers(0, CLASSES, rows)
        if kind in ("masked", "tokens"):
            labels = generator.integers(0, CLASSES, (rows, LENGTH))
            return numpy.where(generator.random((rows, LENGTH)) < 0.3, labels, -100)
        values = generator.random((rows, CLASSES)).astype(numpy.float32)
        return values if kind == "shares" else 4 * values

    def __call__(self, part, rows):
        fields = [t[rows] for t in self.parts[part]]
        return fields[0], fields[-1]


def job_text(loss, file, weights, data, metrics):
    return f"""model: {file}
initial: {weights}
seed: {SEED}
precision: fp64
data:
{data.job}loss:
  {loss}
optimizer: {{sgd: {{lr: {LR}}}}}
batch: {BATCH}
epochs: 1
evaluate: {{metrics: [{metrics}]}}
checkpoint: {{every_steps: 1, keep: 0}}
"""


def train_twin(model, loss_of, data, start):
    w = start.clone().requires_grad_()
    order = SampleOrder(BATCH * STEPS, SEED, 0)
    losses, first = [], None
    for t in range(STEPS):
        x, y = data("train", [order(t * BATCH + j) for j in range(BATCH)])
        loss = loss_of(model(w, x), y)
        (gradient,) = torch.autograd.grad(loss, w)
        w = (w - LR * gradient).detach().requires_grad_()
        losses.append(loss.item())
        first = w.detach() if first is None else first
    return losses, {"w": first}, {"w": w.detach()}


def accuracy_of(scores, labels, loss):
    if loss.startswith("next_token"):
        scores, labels = scores[:, :-1], labels[:, 1:]
    ignored = re.search(r"ignore_index: (\d+)", loss)
    counted = labels != (int(ignored[1]) if ignored else -100)
    return ((scores.argmax(-1) == labels) & counted).sum().item() / counted.sum().item()


def check_evaluation(base, loss, scores, labels, expected):
    with open(os.path.join(base, "metrics.jsonl")) as file:
        found = [record for record in map(json.loads, file) if record["program"] == "eval"][-1]
    if not abs(found["loss"] - expected) <= 1e-8 * max(1, abs(expected)):
        raise Failure(f"evaluation gives loss {found['loss']}, PyTorch {expected}")
    if "accuracy" in found and abs(found["accuracy"] - accuracy_of(scores, labels, loss)) > 1e-12:
        raise Failure(f"evaluation gives accuracy {found['accuracy']}, PyTorch {accuracy_of(scores, labels, loss)}")


class Runner:
    def __init__(self, tools):
        self.tools = tools

    def __call__(self, loss, layout=""):
        text, model, kind, loss_of = CASES[loss]
        folder = self.tools.folder
        data = Data(folder, text, kind)
        file = os.path.join(folder, re.search(r"@(\w+)", text)[1] + ".mlir")
        with open(file, "w") as out:
            out.write(text)
        shape = (CLASSES, CLASSES if text is TEXT else WIDTH)
        start = torch.randn(shape, generator=torch.Generator().manual_seed(SEED), dtype=torch.float64)
        weights = os.path.join(folder, re.search(r"@(\w+)", text)[1] + ".safetensors")
        write_safetensors(weights, {"w": start})
        title = loss + (" on two devices" if layout else "")
        metrics = "loss" if kind in ("values", "shares") else "loss, accuracy"
        base = self.tools.compile(title, job_text(loss, file, weights, data, metrics) + layout,
                                  cluster(1, 2 if layout else 1))
        self.tools.train(base)
        twin = train_twin(model, loss_of, data, start)
        x, y = data("eval", list(range(EVAL)))
        scores = model(twin[2]["w"], x)
        check_evaluation(base, loss, scores, y, loss_of(scores, y).item())
        return compare(title, base, "fp64", {"w": start}, twin)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--keep")
    args = parser.parse_args()
    torch.set_num_threads(1)
    split = parallel({"model": 2}, "none", pins=[pin("parameter", "w", model="S(0)")])
    with tempfile.TemporaryDirectory() as temporary:
        folder = os.path.abspath(args.keep) if args.keep else temporary
        os.makedirs(folder, exist_ok=True)
        runner = Runner(Tools(args.bin, folder, folder))
        print(f"weights, data and sample order by seed {SEED}")

        def chosen():
            for loss in CASES:
                layouts = [""] + ([parallel({"data": 2})] if args.full else [])
                if "margin" in loss and (args.full or "angular_margin: 1.2" in loss):
                    layouts.append(split)
                if re.search(args.only, loss):
                    yield from ((loss, functools.partial(runner, loss, layout)) for layout in layouts)

        return 1 if run_cases(chosen()) else 0


if __name__ == "__main__":
    sys.exit(main())
