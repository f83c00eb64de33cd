#!/usr/bin/env python3
"""Writes the transformer (Vaswani et al. 2017), encoder and decoder, as ONNX, with random weights.

  export.py [--size small|full|tiny] [--out FILE]

small reads a window of 32 bytes and writes the next 32; full is the paper's big model, 37000 tokens. No dropout.
"""
import os
import sys

import torch
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from attention import Attention, FeedForward, Places  # noqa: E402
from exporting import main  # noqa: E402


class EncoderLayer(nn.Module):
    def __init__(self, width, heads, inner):
        super().__init__()
        self.attention, self.inner = Attention(width, heads), FeedForward(width, inner, nn.ReLU)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x):
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.inner(x))


class DecoderLayer(nn.Module):
    def __init__(self, width, heads, inner, length):
        super().__init__()
        self.attention, self.source = Attention(width, heads, length), Attention(width, heads)
        self.inner = FeedForward(width, inner, nn.ReLU)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))

    def forward(self, x, memory):
        x = self.norm1(x + self.attention(x))
        x = self.norm2(x + self.source(x, memory))
        return self.norm3(x + self.inner(x))


class Transformer(nn.Module):
    def __init__(self, tokens, length, width, heads, inner, layers):
        super().__init__()
        self.source, self.target = Places(tokens, length, width), Places(tokens, length, width)
        self.encoder = nn.ModuleList(EncoderLayer(width, heads, inner) for _ in range(layers))
        self.decoder = nn.ModuleList(DecoderLayer(width, heads, inner, length) for _ in range(layers))
        self.head = nn.Linear(width, tokens)

    def forward(self, source, target):
        memory = self.source(source)
        for layer in self.encoder:
            memory = layer(memory)
        x = self.target(target)
        for layer in self.decoder:
            x = layer(x, memory)
        return self.head(x)


LENGTHS = {"small": 32, "full": 256, "tiny": 8}
SIZES = {"small": lambda: Transformer(256, 32, 128, 4, 256, 2),
         "full": lambda: Transformer(37000, 256, 1024, 16, 4096, 6),
         "tiny": lambda: Transformer(256, 8, 16, 2, 32, 1)}
OUTPUTS = ["logits"]


def inputs(size, rows):
    return {name: torch.randint(256, (rows, LENGTHS[size])) for name in ("source", "target")}


if __name__ == "__main__":
    main(__file__, __doc__, SIZES, inputs, OUTPUTS)
