#!/usr/bin/env python3
"""How long does of-compile take for large models on many devices?

  measure.py BUILD [--case NAME]... [--keep FOLDER] [--to RUNG]

Writes each case's model, job and cluster, compiles it with `strategy: auto`, and prints wall and processor seconds, peak
memory, the size of the plan and where the time went (`--mlir-timing`). Needs Python and nothing but the tools.
"""
import argparse
import os
import resource
import subprocess
import tempfile
import time

import models

JOB = """model: model.mlir
data:
  train:
    samples: 100000000
    fields:
      text: {{files: [text.bin], format: tokens, sequence: {sequence}}}
      next: {{files: [text.bin], format: tokens, sequence: {sequence}, offset: 1}}
loss: {{cross_entropy: {{labels: next}}}}
optimizer: {{adam: {{lr: 0.0001}}}}
batch: {batch}
accumulate: {accumulate}
steps: 1000
parallel: {{strategy: auto{mesh}}}
"""

# A100 with 80 GB: the figures of examples/clusters/dgx-a100.yaml, with the memory of the larger card.
CLUSTER = """nodes:
  - {{name: n, count: {nodes}, devices: [{{kind: cuda, count: 8, memory: 80 GB, gflops_f32: 19500, memory_gb_per_s: 1555, launch_us: 5}}]}}
resources:
  - {{name: nvlink, per: device, duplex: full, gb_per_s: 300, latency_us: 3}}
  - {{name: nic, per: device, duplex: full, gb_per_s: 25, latency_us: 5}}
paths:
  - {{from: "n*", to: "n*", within: node, over: [nvlink]}}
  - {{from: "n*", to: "n*", within: cluster, over: [nic]}}
"""

MESH = ", mesh: {node: -1, device: 8}"


class Case:
    def __init__(self, family, nodes, batch, accumulate, mesh="", layers=None):
        self.family, self.nodes, self.batch, self.accumulate, self.mesh = family, nodes, batch, accumulate, mesh
        self.size = models.FAMILIES[family]
        self.layers = layers or self.size.layers

    def write(self, folder):
        with open(os.path.join(folder, "model.mlir"), "w") as out:
            out.write(models.Model(self.size).text(self.layers))
        with open(os.path.join(folder, "job.yaml"), "w") as out:
            out.write(JOB.format(sequence=self.size.sequence, batch=self.batch, accumulate=self.accumulate,
                                 mesh=self.mesh))
        with open(os.path.join(folder, "cluster.yaml"), "w") as out:
            out.write(CLUSTER.format(nodes=self.nodes))


CASES = {
    "bert-large": Case("bert-large", 8, 512, 16),
    # Micro-batches of four sequences: of 24 no choice fits 80 GB in fp32.
    "gpt3-175b": Case("gpt3-175b", 128, 1536, 384),
    "llama-8b": Case("llama-8b", 8, 512, 64, MESH),
    # One family on more devices, each with as many rows, and with more layers.
    **{f"devices-{8 * n}": Case("llama-8b", n, 64 * n, 4, MESH, layers=8) for n in (1, 4, 16, 64)},
    **{f"layers-{n}": Case("llama-8b", 8, 512, 4, MESH, layers=n) for n in (4, 8, 16, 32, 64)},
}


def compile_case(build, case, folder, to):
    case.write(folder)
    plan = os.path.join(folder, "job.plan" if to == "export" else to + ".mlir")
    command = [os.path.join(build, "bin", "of-compile"), os.path.join(folder, "job.yaml"),
               "--cluster=" + os.path.join(folder, "cluster.yaml"), "--compile-to=" + to, "-o", plan, "--mlir-timing"]
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    wall, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if done.returncode:
        return f"{wall:.1f} s, refused: {done.stderr.splitlines()[-1]}", ""
    size = os.path.getsize(plan) / 1e6
    # The largest of all children so far: cases run from small to large, or alone.
    return f"{wall:.1f} s, {processor:.1f} s of a processor, {after.ru_maxrss / 1e6:.2f} GB, {size:.1f} MB", done.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--case", action="append", choices=CASES)
    parser.add_argument("--keep", help="write files here instead of a temporary folder")
    parser.add_argument("--to", default="export", help="rung to stop at")
    args = parser.parse_args()
    for name in args.case or CASES:
        with tempfile.TemporaryDirectory() as temporary:
            folder = os.path.join(args.keep, name) if args.keep else temporary
            os.makedirs(folder, exist_ok=True)
            result, timing = compile_case(args.build, CASES[name], folder, args.to)
            print(f"{name}: {result}", flush=True)
            if timing and args.case:
                print(timing)


if __name__ == "__main__":
    main()
