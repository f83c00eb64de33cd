"""The models of Inputs: their data as PyTorch sees it, jobs that train them, weights to start from."""
import gzip
import math
import os
import re

import torch

from tools import HERE

SEED = 20


# ---- Data ---------------------------------------------------------------------------------------------

class Images:
    """Fashion-MNIST as the job reads it."""
    samples, batch = 60000, 24
    job = """  train:
    samples: 60000
    fields:
      image: {files: [train-images-idx3-ubyte.gz], format: idx, scale: 0.00392156862745098}
      label: {files: [train-labels-idx1-ubyte.gz], format: idx}
"""

    def __init__(self, folder):
        def read(name, header):
            with gzip.open(os.path.join(folder, name)) as file:
                return torch.frombuffer(bytearray(file.read()[header:]), dtype=torch.uint8)
        self.images = read("train-images-idx3-ubyte.gz", 16).reshape(-1, 784)
        self.labels = read("train-labels-idx1-ubyte.gz", 8).long()

    def __call__(self, samples, dtype):
        # The reader scales in f64 and rounds once.
        return (self.images[samples].double() * 0.00392156862745098).to(dtype), self.labels[samples]


class Text:
    """Bytes of this folder's own sources, in samples of 16 with the next byte as label."""
    batch = 12
    sources = ("oracle.py", "twins.py", "README.md")

    def __init__(self, folder):
        text = b""
        for name in self.sources:
            with open(os.path.join(HERE, name), "rb") as file:
                text += file.read()
        with open(os.path.join(folder, "text"), "wb") as file:
            file.write(text)
        self.bytes = torch.frombuffer(bytearray(text), dtype=torch.uint8).long()
        self.samples = (len(text) - 1) // 16
        files = os.path.join(folder, "text")
        self.job = f"""  train:
    samples: {self.samples}
    fields:
      text: {{files: [{files}], format: tokens, sequence: 16}}
      label: {{files: [{files}], format: tokens, sequence: 16, offset: 1}}
"""

    def __call__(self, samples, dtype):
        places = torch.tensor(samples)[:, None] * 16 + torch.arange(16)
        return self.bytes[places], self.bytes[places + 1]


MODELS = {"mlp": Images, "cnn": Images, "transformer": Text}


class DataSets(dict):
    """By model, opened when first asked for."""

    def __init__(self, tools):
        super().__init__()
        self.folders = {Images: tools.data, Text: tools.folder}

    def __missing__(self, model):
        kind = MODELS[model]
        found = next((d for d in self.values() if type(d) is kind), None)
        self[model] = found or kind(self.folders[kind])
        return self[model]


# ---- Jobs, weights --------------------------------------------------------------------------------------

def job_text(model, data, precision, optimizer, steps, checkpoint_every, **more):
    return f"""model: {os.path.join(HERE, "Inputs", model + ".mlir")}
seed: {SEED}
precision: {precision}
data:
{data.job}loss:
  cross_entropy: {{labels: label}}
optimizer: {optimizer}
batch: {data.batch}
steps: {steps}
checkpoint: {{every_steps: {checkpoint_every}}}
""" + "".join(f"{key}: {value}\n" for key, value in more.items())


def draw_weights(model):
    """f64 values of f32 precision by name, so that both precisions start alike."""
    with open(os.path.join(HERE, "Inputs", model + ".mlir")) as file:
        text = file.read()
    generator = torch.Generator().manual_seed(SEED)
    weights = {}
    for name, shape in re.findall(r'of.parameter "([^"]+)".*: tensor<([\dx]+)xf32>', text):
        dims = [int(d) for d in shape.split("x")]
        draw = torch.randn(dims, generator=generator, dtype=torch.float64)
        if len(dims) > 1:
            fan = dims[0] if len(dims) == 2 else math.prod(dims[1:])
            value = draw / math.sqrt(fan)
        else:
            value = 0.2 * draw + (1 if name.endswith(("weight", "var")) else 0)
        weights[name] = value.float().double()
    return weights
