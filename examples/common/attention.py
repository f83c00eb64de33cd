"""Attention and the layers of transformers (Vaswani et al. 2017) as GPT-2, BERT and the original have them."""
import math

import torch
from torch import nn
from torch.nn import functional as F


class Attention(nn.Module):
    """Of a sequence over itself, or over a memory; causal: a position sees those up to itself."""

    def __init__(self, width, heads, causal_length=0):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)
        if causal_length:
            seen = torch.tril(torch.ones(causal_length, causal_length, dtype=torch.bool))
            self.register_buffer("seen", seen.view(1, 1, causal_length, causal_length), persistent=False)
        self.is_causal = causal_length > 0

    def split(self, x):
        return x.view(x.shape[0], x.shape[1], self.heads, x.shape[2] // self.heads).transpose(1, 2)

    def forward(self, x, memory=None):
        memory = x if memory is None else memory
        q, k, v = self.split(self.query(x)), self.split(self.key(memory)), self.split(self.value(memory))
        scores = (q @ k.transpose(-2, -1)) / math.sqrt(q.shape[-1])
        if self.is_causal:
            scores = scores.masked_fill(~self.seen, -1e9)
        y = (F.softmax(scores, dim=-1) @ v).transpose(1, 2).reshape(x.shape)
        return self.out(y)


class FeedForward(nn.Sequential):
    def __init__(self, width, inner, activation):
        super().__init__(nn.Linear(width, inner), activation(), nn.Linear(inner, width))


class Places(nn.Module):
    """Tokens and their positions, each with a learnt vector."""

    def __init__(self, tokens, length, width):
        super().__init__()
        self.tokens, self.places = nn.Embedding(tokens, width), nn.Embedding(length, width)
        for table in (self.tokens, self.places):
            nn.init.normal_(table.weight, std=0.02)
        self.register_buffer("numbers", torch.arange(length), persistent=False)

    def forward(self, text):
        return self.tokens(text) + self.places(self.numbers)
