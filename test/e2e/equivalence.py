#!/usr/bin/env python3
"""Every way to spread a job computes the same: losses against one device, through the real tools.

  equivalence.py --bin build/bin --data FOLDER [--steps N] [--case NAME] [--keep FOLDER]

In fp64, losses of N free-running steps within 1e-9 (relative) of one device's. Bits: each layout
run twice gives equal losses. Prints one line per case; exit code 1 if one fails.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(HERE, "..", "..", "examples")


def cluster(nodes, devices, hosts=1):
    """A cluster.yaml of `nodes` processes with `devices` CPU devices each."""
    lines = ["nodes:"]
    for n in range(nodes):
        lines += [f"  - name: n{n}", f"    host: h{n % hosts}", "    devices:"]
        lines += ["      - {kind: cpu, threads: 1}"] * devices
    return "\n".join(lines) + "\n"


def pin(what, name, **sbp):
    axes = ", ".join(f"{axis}: {value}" for axis, value in sbp.items())
    return f"    - {{{what}: {name}, sbp: {{{axes}}}}}"


def parallel(mesh=None, strategy="data", stages=(), pins=()):
    out = ["parallel:", f"  strategy: {strategy}"]
    if mesh:
        out.append("  mesh: {" + ", ".join(f"{a}: {n}" for a, n in mesh.items()) + "}")
    if stages:
        out.append("  stages: [" + ", ".join(stages) + "]")
    if pins:
        out += ["  pins:"] + list(pins)
    return "\n".join(out) + "\n"


DATA = {
    "1x1": (cluster(1, 1), parallel()),
    "1x2": (cluster(1, 2), parallel()),
    "2x1": (cluster(2, 1), parallel()),
    "2x2": (cluster(2, 2), parallel()),
}

# Per model: layouts, and changes to the example's job (regex -> text).
MODELS = {
    "mlp": {
        "example": "mlp",
        "layouts": {
            **DATA,
            "hybrid": (cluster(2, 1), parallel({"model": 2}, "none", pins=[
                pin("parameter", "fc1.weight", model="S(1)"),
                pin("parameter", "fc1.bias", model="S(0)"),
                pin("parameter", "fc2.weight", model="S(0)")])),
            "last layer by columns": (cluster(2, 1), parallel({"data": 2}, "data", pins=[
                pin("parameter", "fc2.weight", data="S(1)"),
                pin("parameter", "fc2.bias", data="S(0)"),
                pin("value", "logits", data="S(1)")])),
            "pipeline": (cluster(2, 1), parallel(stages=["z2"])),
            "data x model": (cluster(2, 2), parallel({"data": 2, "model": 2}, "data", pins=[
                pin("parameter", "fc1.weight", model="S(1)"),
                pin("parameter", "fc1.bias", model="S(0)"),
                pin("parameter", "fc2.weight", model="S(0)")])),
            "uneven": (cluster(3, 1), parallel()),
            "two hosts": (cluster(2, 1, hosts=2), parallel()),
        },
        "batch": 64,
    },
}


class Failure(Exception):
    pass


def run(command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise Failure(f"{' '.join(command)}\nexit {result.returncode}\n{result.stdout}{result.stderr}")
    return result


def job_text(model, steps, micros, parallel_text):
    spec = MODELS[model]
    with open(os.path.join(EXAMPLES, spec["example"], "job.yaml")) as file:
        text = file.read()
    for key in ("epochs", "steps", "precision", "accumulate", "evaluate", "checkpoint"):
        text = re.sub(rf"(?m)^{key}:.*\n(  .*\n)*", "", text)
    text = re.sub(r"(?m)^batch:.*$", f"batch: {spec['batch']}", text)
    model_file = os.path.join(EXAMPLES, spec["example"], "model.mlir")
    text = re.sub(r"(?m)^model:.*$", f"model: {model_file}", text)
    for pattern, replacement in spec.get("edits", {}).items():
        text = re.sub(pattern, replacement, text)
    return text + f"steps: {steps}\nprecision: fp64\naccumulate: {micros}\n" + parallel_text


def losses(args, folder, model, name, layout, micros, tag=""):
    cluster_text, parallel_text = layout
    base = os.path.join(folder, re.sub(r"\W+", "-", f"{model}-{name}-{micros}{tag}"))
    os.makedirs(base, exist_ok=True)
    with open(os.path.join(base, "job.yaml"), "w") as file:
        file.write(job_text(model, args.steps, micros, parallel_text))
    with open(os.path.join(base, "cluster.yaml"), "w") as file:
        file.write(cluster_text)
    plan = os.path.join(base, "job.plan")
    run([os.path.join(args.bin, "of-compile"), os.path.join(base, "job.yaml"),
         "--cluster=" + os.path.join(base, "cluster.yaml"), "-o", plan])
    port = 20000 + hash_of(base) % 20000
    run([os.path.join(args.bin, "of-run"), plan, "--local", "--data", args.data, "--out", base,
         "--port", str(port)])
    out = []
    with open(os.path.join(base, "metrics.jsonl")) as file:
        for line in file:
            record = json.loads(line)
            if record["program"] == "train":
                out.append(record["loss"])
    if len(out) != args.steps:
        raise Failure(f"{base}: {len(out)} losses for {args.steps} steps")
    return out


def hash_of(text):
    value = 2166136261
    for c in text.encode():
        value = (value ^ c) * 16777619 % 2**32
    return value


def deviation(a, b):
    return max(abs(x - y) / max(abs(x), 1e-30) for x, y in zip(a, b))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--model", action="append")
    parser.add_argument("--case", action="append")
    parser.add_argument("--keep")
    args = parser.parse_args()
    args.bin = os.path.abspath(args.bin)
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = os.path.abspath(args.keep) if args.keep else temporary
        for model in args.model or MODELS:
            single = {}
            for name, layout in MODELS[model]["layouts"].items():
                if args.case and name not in args.case:
                    continue
                micros = 4 if name == "pipeline" else 1
                try:
                    if micros not in single:
                        single[micros] = losses(args, folder, model, "1x1", DATA["1x1"], micros, "-one")
                    one = single[micros]
                    mine = losses(args, folder, model, name, layout, micros)
                    again = losses(args, folder, model, name, layout, micros, "-again")
                    worst = deviation(one, mine)
                    fall = 1 - min(mine) / mine[0]
                    ok = worst <= 1e-9 and mine == again
                    print(f"{'ok  ' if ok else 'FAIL'} {model}, {name}: {args.steps} steps, worst "
                          f"deviation {worst:.1e}, loss falls {100 * fall:.0f} %, repeated "
                          f"{'alike' if mine == again else 'DIFFERENT'}", flush=True)
                except Failure as failure:
                    ok = False
                    print(f"FAIL {model}, {name}: {failure}", flush=True)
                failed += not ok
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
