#!/usr/bin/env python3
"""Writes VGG-16 (Simonyan & Zisserman 2014, configuration D) as ONNX, with random weights.

  export.py [--size small|full|tiny] [--out FILE]

full is for images of 3 x 224 x 224 and 1000 classes; small for Fashion-MNIST's 28 x 28, with an eighth of the width,
four poolings instead of five and no dropout.
"""
import os
import sys

from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from exporting import images, main  # noqa: E402


def vgg16(width, classes, small_images):
    layers, channels, pools = [], 1 if small_images else 3, 0
    for factor, count in ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3)):
        for _ in range(count):
            conv = nn.Conv2d(channels, factor * width, 3, padding=1)
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(conv.bias)
            layers += [conv, nn.ReLU()]
            channels = factor * width
        pools += 1
        if pools < 5 or not small_images:
            layers.append(nn.MaxPool2d(2))
    side, hidden = 1 if small_images else 7, 64 * width
    drop = [] if small_images else [nn.Dropout(0.5)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * side * side, hidden), nn.ReLU(), *drop,
                         nn.Linear(hidden, hidden), nn.ReLU(), *drop, nn.Linear(hidden, classes))


SIZES = {"small": lambda: vgg16(8, 10, True), "full": lambda: vgg16(64, 1000, False),
         "tiny": lambda: vgg16(2, 10, True)}
OUTPUTS = ["logits"]
inputs = images(224)


if __name__ == "__main__":
    main(__file__, __doc__, SIZES, inputs, OUTPUTS)
