#!/usr/bin/env python3
"""Writes what the newest PyTorch exports, and how it trains that: the .onnx files here and figures.json.

  make.py          with that PyTorch, onnx and onnxscript

Each model goes through both exporters; the dynamo exporter also writes one with its weights beside it. figures.json
has the version, and for each file the loss of every step and the norm of each parameter's change, in fp64 from the
exported fp32 values. test/e2e/newest.py holds them against what is trained here.
"""
import copy
import json
import os
import re
import sys

import onnx
import torch
from torch import nn
from torch.nn import functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", ".."), os.path.join(HERE, "..", "..", "..", "..", "examples", "common")]
from exporting import export  # noqa: E402
from newest import LR, STEPS, samples  # noqa: E402


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.conv2, self.norm2 = nn.Conv2d(4, 8, 3, stride=2, groups=2), nn.GroupNorm(2, 8)
        self.fc = nn.Linear(8, 10)

    def forward(self, image):
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(image))), 2)
        x = F.leaky_relu(self.norm2(self.conv2(x)))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Attention(nn.Module):
    """A layer of a language model; the last product shares its weights with the embedding."""

    def __init__(self, tokens=16, width=8, heads=2):
        super().__init__()
        self.tokens, self.heads = nn.Embedding(tokens, width), heads
        self.norm, self.qkv, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, text):
        x = self.tokens(text)
        rows, length, width = x.shape
        q, k, v = (t.reshape(rows, length, self.heads, -1).transpose(1, 2) for t in self.qkv(self.norm(x)).chunk(3, -1))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(rows, length, width)
        return F.gelu(x + self.out(y)) @ self.tokens.weight.T


MODELS = {"cnn": CNN, "attention": Attention}


def train(model, x, y):
    """Losses, and the norm of each change, of plain SGD on the same batch."""
    start = {k: v.clone() for k, v in model.state_dict().items()}
    optimizer, losses = torch.optim.SGD(model.parameters(), lr=LR), []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x).flatten(0, -2), y.flatten())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    changes = {k: (v - start[k]).norm().item() for k, v in model.state_dict().items() if v.is_floating_point()}
    return {"losses": losses, "changes": changes}


def without_folders(path):
    """Takes the folders of this machine out of the stack traces that the dynamo exporter writes."""
    model = onnx.load(path, load_external_data=False)
    graphs = [model.graph, *model.functions]
    for holder in [model, *graphs, *(part for graph in graphs for part in [*graph.node, *graph.value_info])]:
        for entry in holder.metadata_props:
            entry.value = re.sub(r"/[^\s\"]*/", "", entry.value)
    onnx.save(model, path)


def main():
    figures = {"pytorch": torch.__version__.split("+")[0], "models": {}}
    for name, kind in MODELS.items():
        torch.manual_seed(0)
        model = kind().train()
        x, y = (torch.from_numpy(values) for values in samples(name).values())
        inputs = {next(iter(samples(name))): x[:2]}
        for exporter in ("torchscript", "dynamo"):
            exported, title = copy.deepcopy(model), f"{name}-{exporter}"
            export(exported, inputs, ["logits"], os.path.join(HERE, title + ".onnx"), exporter)
            if exporter == "dynamo":
                without_folders(os.path.join(HERE, title + ".onnx"))
            # A model that was traced in training mode has other running statistics than before, and so has the file.
            figures["models"][title] = train(exported.double(), x.double() if x.is_floating_point() else x, y)
    with open(os.path.join(HERE, "figures.json"), "w") as file:
        json.dump(figures, file, indent=1)


if __name__ == "__main__":
    main()
