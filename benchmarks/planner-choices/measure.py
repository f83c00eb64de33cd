#!/usr/bin/python3
"""Chosen plans against pure data-parallel ones and against one device: real runs through of-compile and of-run.

  measure.py BUILD [--steps N] [--repeat N] [--case NAME] [--device TEXT]

BUILD is a build folder. Each case is compiled with `strategy: auto` and `strategy: data` for two processes of
one host with one device each, and for one device; all train on the same data. Printed for each plan:
milliseconds of a step, and how far its losses are from one device's. A step is the time of a run of 2 N steps
less that of one of N, divided by N, the least of the repeats, which alternate between the plans.
"""
import argparse
import json
import os
import re
import subprocess
import tempfile
import time

import numpy

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
SAMPLES = 256
RANDOM = numpy.random.default_rng(1)
CASES = {
    "100,000 classes": (HEAD, 16, lambda: RANDOM.normal(size=(SAMPLES, 64)).astype("float32"), 100000),
    "table of 200,000 rows": (TABLE, 64, lambda: RANDOM.integers(0, 200000, (SAMPLES, 4), dtype="int32"), 10),
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
parallel: {{strategy: {strategy}}}
"""


def cluster(nodes, device):
    return "nodes:\n" + "".join(f"  - {{name: n{i}, host: here, devices: [{device}]}}\n" for i in range(nodes))


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


class Plan:
    def __init__(self, folder, tools, name, batch, strategy, nodes, device):
        self.folder, self.tools, self.strategy = folder, tools, strategy
        self.base = os.path.join(folder, name)
        os.makedirs(self.base, exist_ok=True)
        with open(os.path.join(self.base, "cluster.yaml"), "w") as file:
            file.write(cluster(nodes, device))
        self.batch, self.plans, self.best = batch, {}, float("inf")

    def compile(self, steps):
        job = os.path.join(self.folder, f"job-{steps}-{self.strategy}.yaml")
        with open(job, "w") as file:
            file.write(JOB.format(samples=SAMPLES, batch=self.batch, steps=steps, strategy=self.strategy))
        self.plans[steps] = os.path.join(self.base, f"{steps}.plan")
        run(os.path.join(self.tools, "of-compile"), job, "--cluster=" + os.path.join(self.base, "cluster.yaml"),
            "-o", self.plans[steps])

    def train(self, steps, port):
        begin = time.monotonic()
        run(os.path.join(self.tools, "of-run"), self.plans[steps], "--local", "--data", self.folder, "--out",
            self.base, "--port", str(port))
        return time.monotonic() - begin

    def losses(self):
        with open(os.path.join(self.base, "metrics.jsonl")) as file:
            return [r["loss"] for r in map(json.loads, file) if r["program"] == "train"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--case", default="")
    parser.add_argument("--device", default="{kind: cpu}", help="as in cluster.yaml")
    args = parser.parse_args()
    tools, port = os.path.join(args.build, "bin"), 21000 + os.getpid() * 37 % 20000
    print("| case | plan | ms per step | largest difference of a loss |\n| --- | --- | --- | --- |")
    for case, (model, batch, inputs, classes) in CASES.items():
        if args.case not in case:
            continue
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "model.mlir"), "w") as file:
                file.write(model)
            numpy.save(os.path.join(folder, "x.npy"), inputs())
            numpy.save(os.path.join(folder, "label.npy"), RANDOM.integers(0, classes, SAMPLES))
            plans = {"one device": Plan(folder, tools, "one", batch, "data", 1, args.device),
                     "data-parallel": Plan(folder, tools, "data", batch, "data", 2, args.device),
                     "chosen": Plan(folder, tools, "auto", batch, "auto", 2, args.device)}
            for plan in plans.values():
                for steps in (args.steps, 2 * args.steps):
                    plan.compile(steps)
            for _ in range(args.repeat):
                for plan in plans.values():
                    port += 32
                    short = plan.train(args.steps, port)
                    port += 32
                    plan.best = min(plan.best, (plan.train(2 * args.steps, port) - short) / args.steps)
            expected = plans["one device"].losses()
            for name, plan in plans.items():
                far = max(abs(a - b) / abs(a) for a, b in zip(expected, plan.losses()))
                print(f"| {case} | {name} | {plan.best * 1e3:.1f} | {far:.1e} |", flush=True)


if __name__ == "__main__":
    main()
