#!/usr/bin/env python3
"""Writes BERT-Large (Devlin et al. 2018) with its masked language model as ONNX, with random weights.

  export.py [--size small|full|tiny] [--out FILE]

small reads bytes in windows of 64 and has a token more, the mask; full is BERT-Large, 336M parameters, 512 positions.
No dropout.
"""
import os
import sys

import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from attention import Attention, FeedForward, Places  # noqa: E402
from exporting import main  # noqa: E402


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.attention, self.norm1 = Attention(width, heads), nn.LayerNorm(width, eps=1e-12)
        self.inner, self.norm2 = FeedForward(width, 4 * width, nn.GELU), nn.LayerNorm(width, eps=1e-12)

    def forward(self, x):
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.inner(x))


class Bert(nn.Module):
    def __init__(self, tokens, length, width, heads, layers):
        super().__init__()
        self.start, self.norm = Places(tokens, length, width), nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.Sequential(*(Layer(width, heads) for _ in range(layers)))
        self.head, self.head_norm = nn.Linear(width, width), nn.LayerNorm(width, eps=1e-12)
        self.bias = nn.Parameter(torch.zeros(tokens))

    def forward(self, text):
        x = self.layers(self.norm(self.start(text)))
        x = self.head_norm(F.gelu(self.head(x)))
        return x @ self.start.tokens.weight.T + self.bias


LENGTHS = {"small": 64, "full": 512, "tiny": 16}
SIZES = {"small": lambda: Bert(257, 64, 128, 4, 4), "full": lambda: Bert(30522, 512, 1024, 16, 24),
         "tiny": lambda: Bert(257, 16, 32, 4, 2)}
OUTPUTS = ["logits"]


def inputs(size, rows):
    return {"text": torch.randint(256, (rows, LENGTHS[size]))}


if __name__ == "__main__":
    main(__file__, __doc__, SIZES, inputs, OUTPUTS)
