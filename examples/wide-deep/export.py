#!/usr/bin/env python3
"""Writes Wide & Deep (Cheng et al. 2016) as ONNX, with random weights.

  export.py [--size small|full|tiny] [--out FILE]

The wide part adds a number per pair of categories, hashed; the deep part runs vectors of the categories and the
numbers through layers. small fits the table of make-data.py; full has 26 categories and 13 numbers, as Criteo's logs,
and 2^24 rows of 16.
"""
import os
import sys

import torch
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from exporting import main  # noqa: E402


class WideDeep(nn.Module):
    def __init__(self, categories, numbers, rows, width, hidden):
        super().__init__()
        self.deep, self.wide = nn.Embedding(rows, width), nn.Embedding(rows, 1)
        nn.init.normal_(self.deep.weight, std=0.05)
        nn.init.zeros_(self.wide.weight)
        sizes, layers = [categories * width + numbers, *hidden], []
        for before, after in zip(sizes, sizes[1:]):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], 1))

    def forward(self, categories, pairs, numbers):
        deep = torch.cat([self.deep(categories).flatten(1), numbers], 1)
        return self.layers(deep).squeeze(1) + self.wide(pairs).sum((1, 2))


# categories, pairs, numbers, rows of the tables
FORMS = {"small": (4, 6, 3, 4096), "full": (26, 10, 13, 1 << 24), "tiny": (4, 6, 3, 64)}
SIZES = {"small": lambda: WideDeep(4, 3, 4096, 8, (64, 32)), "full": lambda: WideDeep(26, 13, 1 << 24, 16, (1024, 512, 256)),
         "tiny": lambda: WideDeep(4, 3, 64, 4, (8,))}
OUTPUTS = ["logit"]


def inputs(size, rows):
    categories, pairs, numbers, table = FORMS[size]
    return {"categories": torch.randint(table, (rows, categories)), "pairs": torch.randint(table, (rows, pairs)),
            "numbers": torch.rand(rows, numbers)}


if __name__ == "__main__":
    main(__file__, __doc__, SIZES, inputs, OUTPUTS)
