#!/usr/bin/env python3
"""Whether what the search does with too little memory is the faster way: computed again, or kept on the host.

  measure.py BUILD

Sixteen dense layers, data-parallel, on two clusters of the examples: nodes with NVLink from the GPU to the CPU, and boxes
in which four cards share a PCI Express switch. The devices get a little less memory than keeping everything takes. The
choice is compiled, then each way alone, and each plan runs under the simulated clock. Exits with 1 if the choice is
slower than an alternative by more than the bound.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
LAYERS = os.path.join(ROOT, "test", "distribute", "search", "Inputs", "layers.py")

JOB = """model: model.mlir
data:
  train:
    samples: 196608
    fields:
      x: {files: [x.npy], format: npy}
      y: {files: [y.npy], format: npy}
loss: {mse: {target: y}}
optimizer: {sgd: {lr: 0.001}}
steps: 4
batch: 196608
"""

# Cluster -> memory of a device as it is, and what it is given.
CLUSTERS = {"summit": ("16 GB", "2600 MB"), "pcie-box": ("40 GB", "3500 MB")}
WAYS = {"as chosen": "", "computed again": ", offload: none", "on the host": ", offload: activations"}
BOUND = 1.02


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
    return result.stdout


def measure(tools, folder, cluster, way):
    """Text of the choice, bytes of a device, simulated seconds of a step."""
    job, plan = os.path.join(folder, "job.yaml"), os.path.join(folder, "job.plan")
    with open(job, "w") as file:
        file.write(JOB + f"parallel: {{strategy: zero, mesh: {{data: -1}}{way}}}\n")
    text = run(os.path.join(tools, "of-compile"), job, f"--cluster={cluster}", "-o", plan, "--explain")
    again = re.search(r"of \d+ blocks (\d+) in full", text)
    host = re.search(r"on the host for the backward pass: (\d+) blocks", text)
    why = re.search(r"of what does not stay.*", text)
    simulated = json.loads(run(os.path.join(tools, "of-plan"), "simulate", "--json", plan))
    return {"again": int(again[1]) if again else 0, "host": int(host[1]) if host else 0, "why": why[0] if why else "",
            "bytes": int(re.search(r"memory of each device of mesh main: (\d+)", text)[1]),
            "seconds": simulated["step_seconds"]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    options = parser.parse_args()
    tools = os.path.join(options.build, "bin")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "model.mlir"), "w") as file:
            file.write(run(sys.executable, LAYERS, "--layers", "16", "--width", "2048"))
        for name, (memory, given) in CLUSTERS.items():
            with open(os.path.join(ROOT, "examples", "clusters", name + ".yaml")) as file:
                text = file.read()
            cluster = os.path.join(folder, "cluster.yaml")
            rows = {}
            for way, keys in [("all kept", ", offload: none, recompute: none"), *WAYS.items()]:
                with open(cluster, "w") as file:
                    file.write(text if way == "all kept" else text.replace(f"memory: {memory}", f"memory: {given}"))
                rows[way] = found = measure(tools, folder, cluster, keys)
                print(f"{name:9} {way:15} {found['again']:2} again {found['host']:2} on the host  "
                      f"{found['bytes'] / 1e6:7.0f} MB  {found['seconds'] * 1e3:6.1f} ms", flush=True)
            print(f"{name}: {rows['as chosen']['why']}")
            best = min(rows[way]["seconds"] for way in WAYS)
            if not rows["as chosen"]["seconds"] <= BOUND * best:
                failed = True
                print(f"{name}: the choice takes {rows['as chosen']['seconds'] / best:.2f} times the fastest")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
