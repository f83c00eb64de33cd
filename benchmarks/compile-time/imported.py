#!/usr/bin/python3
"""How long does of-compile take for the large models of examples/, and how does every part of it grow with a model?

  imported.py BUILD [--only REGEX] [--repeat 3] [--keep FOLDER]     the full sizes, for one device
  imported.py BUILD --layers 2,4,8,16,32                            a narrow GPT-2 of so many layers

Weights are files without blocks (hollow.py), which are copied beside the plan all the same. Printed for each: least wall seconds,
peak memory, size of the plan; with --layers for each part its seconds and how they grow with the number of ops: the slope of a
line through their logarithms, over all sizes and over the last two. Import and export are what their rungs take beyond the passes.
Needs PyTorch for the exports.
"""
import argparse
import math
import os
import re
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import hollow  # noqa: E402

EXAMPLES = os.path.join(hollow.HERE, "..", "..", "examples")
CLUSTER = "nodes: [{name: n0, devices: [{kind: cpu, threads: 1}]}]\n"
CASES = {"bert-large": "full", "gpt2": "xl", "resnext101": "full", "inception-v3": "full"}
PASS = re.compile(r"^ +([\d.]+) \( *[\d.]+%\)  .*::(\w+)Pass$", re.MULTILINE)


class Compile:
    """One of-compile: wall seconds, peak bytes, seconds of passes."""

    def __init__(self, build, model, job, folder, rung):
        cluster = os.path.join(folder, "cluster.yaml")
        with open(cluster, "w") as out:
            out.write(CLUSTER)
        self.output = os.path.join(folder, "job.plan" if rung == "export" else "job.mlir")
        command = [os.path.join(build, "bin", "of-compile"), model, "--job", job, "--cluster", cluster, "-o", self.output,
                   "--compile-to=" + rung, "--mlir-timing"]
        begin = time.monotonic()
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        self.seconds, self.peak = time.monotonic() - begin, usage.ru_maxrss << 10
        if status:
            raise SystemExit(f"{' '.join(command)}:\n{said}")
        self.passes = {name: float(seconds) for seconds, name in PASS.findall(said)}


def sizes(args, folder):
    for name, size in CASES.items():
        if not re.search(args.only, name):
            continue
        model = os.path.join(folder, name + ".onnx")
        if not os.path.exists(model):
            hollow.example(name, size, model)
        runs = [Compile(args.build, model, os.path.join(EXAMPLES, name, "full.yaml"), folder, "export")
                for _ in range(args.repeat)]
        best = min(runs, key=lambda r: r.seconds)
        parts = ", ".join(f"{n} {s:.2f}" for n, s in sorted(best.passes.items(), key=lambda p: -p[1])[:5])
        print(f"{name} {size}: {best.seconds:.1f} s, {max(r.peak for r in runs) / 1e9:.2f} GB, plan of "
              f"{os.path.getsize(best.output) / 1e6:.1f} MB, weights of {os.path.getsize(model + '.data') / 1e9:.1f} GB; {parts}",
              flush=True)


def parts_of(args, model, folder):
    """Least seconds of every part, and the number of ops of the training program."""
    job, least = os.path.join(EXAMPLES, "gpt2", "full.yaml"), {}

    def keep(name, seconds):
        least[name] = min(seconds, least.get(name, math.inf))
    for _ in range(args.repeat):
        runs = {rung: Compile(args.build, model, job, folder, rung) for rung in ("import", "schedule", "export")}
        passes, whole = runs["export"].passes, runs["export"].seconds
        for name, seconds in passes.items():
            keep(name, seconds)
        keep("import", runs["import"].seconds)
        keep("export", whole - runs["schedule"].seconds)
        keep("all", whole)
    with open(runs["schedule"].output) as text:
        return least, sum(" = task.kernel" in line or " = of." in line for line in text)


def slope(points):
    """Of a least-squares line through the logarithms."""
    xs, ys = [math.log(x) for x, _ in points], [math.log(max(y, 1e-4)) for _, y in points]
    middle, level = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - middle) * (y - level) for x, y in zip(xs, ys)) / sum((x - middle) ** 2 for x in xs)


def growth(args, folder, counts):
    found = []
    for layers in counts:
        model = os.path.join(folder, f"gpt2-{layers}.onnx")
        if not os.path.exists(model):
            hollow.example("gpt2", "full", model, lambda script: script.GPT2(256, 1024, 32, 4, layers))
        found.append(parts_of(args, model, folder))
    print("layers".ljust(24), *(f"{n:9}" for n in counts), "    slope  last")
    print("ops".ljust(24), *(f"{ops:9}" for _, ops in found))
    for name in found[-1][0]:
        points = [(ops, least[name]) for least, ops in found]
        print(name.ljust(24), *(f"{s:9.4f}" for _, s in points), f"{slope(points):9.2f} {slope(points[-2:]):5.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build")
    parser.add_argument("--only", default="")
    parser.add_argument("--layers", help="numbers of layers, comma-separated")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--keep", help="write files here instead of a temporary folder")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = os.path.abspath(args.keep or temporary)
        os.makedirs(folder, exist_ok=True)
        if args.layers:
            growth(args, folder, [int(n) for n in args.layers.split(",")])
        else:
            sizes(args, folder)


if __name__ == "__main__":
    main()
