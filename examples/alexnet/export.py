#!/usr/bin/env python3
"""Writes AlexNet (Krizhevsky 2014, one column) as ONNX, with random weights.

  export.py [--size small|full|tiny] [--out FILE]

full is for images of 3 x 224 x 224 and 1000 classes; small for Fashion-MNIST's 28 x 28, with smaller windows, an
eighth of the width and no dropout.
"""
import os
import sys

from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from exporting import images, main  # noqa: E402


def alexnet(width, classes, small_images):
    w = [n * width // 64 for n in (64, 192, 384, 256, 256)]
    hidden, side = 4096 * width // 64, 3 if small_images else 6
    first = nn.Conv2d(1, w[0], 3, 1, 1) if small_images else nn.Conv2d(3, w[0], 11, 4, 2)
    pool = (2, 2) if small_images else (3, 2)
    drop = 0.0 if small_images else 0.5
    return nn.Sequential(
        first, nn.ReLU(), nn.MaxPool2d(*pool), nn.Conv2d(w[0], w[1], 5, 1, 2), nn.ReLU(), nn.MaxPool2d(*pool),
        nn.Conv2d(w[1], w[2], 3, 1, 1), nn.ReLU(), nn.Conv2d(w[2], w[3], 3, 1, 1), nn.ReLU(),
        nn.Conv2d(w[3], w[4], 3, 1, 1), nn.ReLU(), nn.MaxPool2d(*pool), nn.Flatten(),
        *([nn.Dropout(drop)] if drop else []), nn.Linear(w[4] * side * side, hidden), nn.ReLU(),
        *([nn.Dropout(drop)] if drop else []), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, classes))


SIZES = {"small": lambda: alexnet(8, 10, True), "full": lambda: alexnet(64, 1000, False),
         "tiny": lambda: alexnet(1, 10, True)}
OUTPUTS = ["logits"]
inputs = images(224)


if __name__ == "__main__":
    main(__file__, __doc__, SIZES, inputs, OUTPUTS)
