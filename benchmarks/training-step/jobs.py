"""The cases as jobs: models exported, data made, how they are trained."""
import json
import os
import re
import sys

import numpy
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "examples", "common"))

from exporting import export  # noqa: E402

ROWS = 4  # batches of data


def isa():
    """What a probe of this machine would write into cluster.yaml."""
    with open("/proc/cpuinfo") as file:
        flags = set(re.search(r"(?m)^flags\s*: (.*)$", file.read())[1].split())
    if {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"} <= flags:
        return "x86-64-v4"
    return "x86-64-v3" if {"avx2", "fma", "bmi2"} <= flags else "x86-64-v2"


def job_text(tools, name, case):
    """Exports the model, makes data, says how it is trained."""
    torch.manual_seed(1)
    inputs, labels = case.tensors(ROWS * case.batch)
    onnx = os.path.join(tools.folder, name + ".onnx")
    export(case.model(), {k: v[:2] for k, v in inputs.items()}, ["result"], onnx)
    fields = ""
    for key, value in {**inputs, "label": labels}.items():
        file = os.path.join(tools.folder, f"{name}-{key}.npy")
        numpy.save(file, value.numpy())
        fields += f"      {key}: {{files: [{file}], format: npy}}\n"
    optimizer, keys = case.optimizer
    loss = "cross_entropy: {labels: label}" if case.labels[1] else "binary_cross_entropy: {target: label}"
    return (f"model: {onnx}\nseed: 1\ndata:\n  train:\n    samples: {ROWS * case.batch}\n    fields:\n{fields}"
            f"loss: {{{loss}}}\noptimizer: {{{optimizer}: {json.dumps(keys)}}}\nbatch: {case.batch}\nsteps: 1000000\n")
