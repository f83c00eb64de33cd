#!/usr/bin/python3
"""Chosen plans against pinned alternatives and against one device: real runs through of-compile and of-run.

  measure.py BUILD [--steps N] [--repeat N] [--case NAME] [--device TEXT] [--cluster FILE]

BUILD is a build folder. Each case is compiled as chosen (`strategy: auto`), within each named family (`data`, `zero`, `tensor`),
as chosen but for the large weight, which is pinned to each distribution on two devices in turn, and for one device; all
train on the same data, on two processes of one host with one device each. The plans run in turn, so that each is measured in the
same minutes as the others. Printed for each: how much longer than the chosen one its step takes (the median of its runs, of which
each is the median period of a step), milliseconds of a step and how far its losses are from one device's. --cluster: numbers of the
devices and what lies between them, as `of-run probe --nodes 2 --threads 1` writes them; else they are defaults.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

import numpy

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "prediction"))
from predict import stepSeconds  # noqa: E402

HEAD = """func.func @net(%x: tensor<?x64xf32>) -> tensor<?x100000xf32> {
  %w1 = of.parameter "features.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<64x64xf32>
  %w2 = of.parameter "classes.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<64x100000xf32>
  %z1 = of.matmul %x, %w1 : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %h1 = of.relu %z1 : (tensor<?x64xf32>) -> tensor<?x64xf32>
  %z2 = of.matmul %h1, %w2 : (tensor<?x64xf32>, tensor<64x100000xf32>) -> tensor<?x100000xf32>
  return %z2 : tensor<?x100000xf32>
}
"""
TABLE = """func.func @net(%x: tensor<?x4xi32>) -> tensor<?x10xf32> {
  %t = of.parameter "table.weight" init(#of.init<normal, 0.0, 0.02>) : tensor<200000x32xf32>
  %w1 = of.parameter "dense.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<128x10xf32>
  %e = of.embedding %t, %x : (tensor<200000x32xf32>, tensor<?x4xi32>) -> tensor<?x4x32xf32>
  %f = of.reshape %e to [0, 128] : (tensor<?x4x32xf32>) -> tensor<?x128xf32>
  %z = of.matmul %f, %w1 : (tensor<?x128xf32>, tensor<128x10xf32>) -> tensor<?x10xf32>
  return %z : tensor<?x10xf32>
}
"""
MLP = """func.func @net(%x: tensor<?x512xf32>) -> tensor<?x10xf32> {
  %w1 = of.parameter "wide.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<512x2048xf32>
  %w2 = of.parameter "narrow.weight" init(#of.init<xavier_uniform>) {fan = "in_out"} : tensor<2048x10xf32>
  %z1 = of.matmul %x, %w1 : (tensor<?x512xf32>, tensor<512x2048xf32>) -> tensor<?x2048xf32>
  %h1 = of.relu %z1 : (tensor<?x2048xf32>) -> tensor<?x2048xf32>
  %z2 = of.matmul %h1, %w2 : (tensor<?x2048xf32>, tensor<2048x10xf32>) -> tensor<?x10xf32>
  return %z2 : tensor<?x10xf32>
}
"""
SAMPLES = 256
RANDOM = numpy.random.default_rng(1)
# model, batch, inputs, classes, large weight
CASES = {
    "100,000 classes": (HEAD, 16, lambda: RANDOM.normal(size=(SAMPLES, 64)).astype("float32"), 100000, "classes.weight"),
    "table of 200,000 rows": (TABLE, 64, lambda: RANDOM.integers(0, 200000, (SAMPLES, 4), dtype="int32"), 10, "table.weight"),
    "layer of 512 x 2048": (MLP, 64, lambda: RANDOM.normal(size=(SAMPLES, 512)).astype("float32"), 10, "wide.weight"),
}
JOB = """model: model.mlir
seed: 1
data:
  train:
    samples: {samples}
    fields:
      x: {{files: [x.npy], format: npy}}
      label: {{files: [label.npy], format: npy, dtype: i64}}
loss: {{cross_entropy: {{labels: label}}}}
optimizer: {{sgd: {{lr: 0.1, momentum: 0.9}}}}
batch: {batch}
steps: {steps}
parallel: {{{parallel}}}
"""


FAMILIES = {"data-parallel": "data", "data-parallel, state split": "zero", "tensor-parallel": "tensor"}


def cluster(nodes, device):
    return "nodes:\n" + "".join(f"  - {{name: n{i}, host: here, devices: [{device}]}}\n" for i in range(nodes))


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


class Plan:
    def __init__(self, folder, tools, name, batch, parallel, cluster):
        self.folder, self.tools, self.name, self.seconds = folder, tools, name, []
        self.base = os.path.join(folder, name.replace(" ", "-").replace(",", ""))
        os.makedirs(self.base)
        self.batch, self.parallel, self.cluster = batch, parallel, cluster

    def compile(self, steps):
        job = os.path.join(self.base, "job.yaml")
        with open(job, "w") as file:
            file.write(JOB.format(samples=SAMPLES, batch=self.batch, steps=steps, parallel=self.parallel))
        os.symlink(os.path.join(self.folder, "model.mlir"), os.path.join(self.base, "model.mlir"))
        run(os.path.join(self.tools, "of-compile"), job, "--cluster=" + self.cluster, "-o", os.path.join(self.base, "job.plan"))
        plan = run(os.path.join(self.tools, "of-plan"), "simulate", "--json", os.path.join(self.base, "job.plan"))
        self.predicted = json.loads(plan)["step_seconds"]

    def train(self, port):
        run(os.path.join(self.tools, "of-run"), os.path.join(self.base, "job.plan"), "--local", "--trace", "--data", self.folder,
            "--out", self.base, "--port", str(port))
        self.seconds.append(stepSeconds(self.base, self.batch))

    def losses(self):
        with open(os.path.join(self.base, "metrics.jsonl")) as file:
            return [r["loss"] for r in map(json.loads, file) if r["program"] == "train"]


def plansOf(folder, tools, batch, large, one, two):
    plans = [Plan(folder, tools, "chosen", batch, "strategy: auto", two), Plan(folder, tools, "one device", batch, "", one)]
    for name, strategy in FAMILIES.items():
        plans.append(Plan(folder, tools, name, batch, f"strategy: {strategy}", two))
    for sbp in ("S(0)", "S(1)", "B"):
        pin = f"strategy: auto, mesh: {{d: 2}}, pins: [{{parameter: {large}, sbp: {{d: {sbp}}}}}]"
        plans.append(Plan(folder, tools, f"{large} {sbp}", batch, pin, two))
    return plans


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--case", default="")
    parser.add_argument("--device", default="{kind: cpu}", help="as in cluster.yaml")
    parser.add_argument("--cluster")
    args = parser.parse_args()
    tools, port = os.path.join(os.path.abspath(args.build), "bin"), 21000 + os.getpid() * 37 % 20000
    print("| case | plan | times the chosen | ms per step | predicted | largest difference of a loss |\n| --- | --- | --- | --- | --- | --- |")
    for case, (model, batch, inputs, classes, large) in CASES.items():
        if args.case not in case:
            continue
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "model.mlir"), "w") as file:
                file.write(model)
            numpy.save(os.path.join(folder, "x.npy"), inputs())
            numpy.save(os.path.join(folder, "label.npy"), RANDOM.integers(0, classes, SAMPLES))
            one, two = (os.path.join(folder, f"cluster{nodes}.yaml") for nodes in (1, 2))
            for nodes, path in ((1, one), (2, two)):
                with open(path, "w") as file:
                    file.write(cluster(nodes, args.device))
            plans = plansOf(folder, tools, batch, large, one, os.path.abspath(args.cluster) if args.cluster else two)
            for plan in plans:
                plan.compile(args.steps)
            for _ in range(args.repeat):
                for plan in plans:
                    port += 32
                    plan.train(port)
            expected = next(plan for plan in plans if plan.name == "one device").losses()
            chosen = statistics.median(plans[0].seconds)
            for plan in plans:
                far = max(abs(a - b) / abs(a) for a, b in zip(expected, plan.losses()))
                step = statistics.median(plan.seconds)
                print(f"| {case} | {plan.name} | {step / chosen:.2f} | {step * 1e3:.2f} | {plan.predicted * 1e3:.2f} | {far:.1e} |", flush=True)


if __name__ == "__main__":
    main()
