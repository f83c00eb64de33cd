#!/usr/bin/env python3
"""Writes GPT-2 (Radford et al. 2019) as ONNX, with random weights.

  export.py [--size small|medium|full|tiny|xl] [--out FILE]

small reads bytes in windows of 64; medium, of 4M parameters, in windows of 128; full is GPT-2 of 124M parameters with
1024 positions, xl that of 1.5B. The last product shares its weights with the embedding. No dropout.
"""
import os
import sys

import torch
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from attention import Attention, FeedForward, Places  # noqa: E402
from exporting import main  # noqa: E402


class Layer(nn.Module):
    def __init__(self, width, heads, length):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, length)
        self.inner = FeedForward(width, 4 * width, nn.GELU)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.inner(self.norm2(x))


class GPT2(nn.Module):
    def __init__(self, tokens, length, width, heads, layers):
        super().__init__()
        self.start = Places(tokens, length, width)
        self.layers = nn.Sequential(*(Layer(width, heads, length) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)

    def forward(self, text):
        return self.norm(self.layers(self.start(text))) @ self.start.tokens.weight.T


LENGTHS = {"small": 64, "medium": 128, "full": 1024, "tiny": 16, "xl": 1024}
SIZES = {"small": lambda: GPT2(256, 64, 128, 4, 4), "medium": lambda: GPT2(256, 128, 256, 4, 5),
         "full": lambda: GPT2(50257, 1024, 768, 12, 12),
         "tiny": lambda: GPT2(256, 16, 32, 4, 2), "xl": lambda: GPT2(50257, 1024, 1600, 25, 48)}
OUTPUTS = ["logits"]


def inputs(size, rows):
    return {"text": torch.randint(256, (rows, LENGTHS[size]))}


if __name__ == "__main__":
    main(__file__, __doc__, SIZES, inputs, OUTPUTS)
