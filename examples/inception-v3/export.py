#!/usr/bin/env python3
"""Writes Inception-v3 (Szegedy et al. 2015, without the auxiliary classifier) as ONNX, with random weights.

  export.py [--size small|full|tiny] [--out FILE]

full is for images of 3 x 299 x 299 and 1000 classes; small for Fashion-MNIST's 28 x 28: an eighth of the width and a
stem without strides.
"""
import os
import sys

import torch
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from exporting import images, main  # noqa: E402


def conv(channels, out, size, stride=1, padding=0):
    return nn.Sequential(nn.Conv2d(channels, out, size, stride, padding, bias=False), nn.BatchNorm2d(out, eps=1e-3),
                         nn.ReLU())


class Branches(nn.Module):
    """Side by side, put together along the channels."""

    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


def chain(channels, *steps):
    """steps: (out, size, stride, padding)"""
    layers = []
    for out, *how in steps:
        layers.append(conv(channels, out, *how))
        channels = out
    return nn.Sequential(*layers)


def pooled(channels, out):
    return nn.Sequential(nn.AvgPool2d(3, 1, 1), conv(channels, out, 1))


def inception_v3(width, classes, small_images, counts=(3, 4, 2)):
    def w(n):
        return max(n * width // 64, 1)

    def row(n):  # 1 x n, then n x 1
        return (1, n), 1, (0, n // 2)

    def column(n):
        return (n, 1), 1, (n // 2, 0)

    stride = 1 if small_images else 2
    layers = [chain(1 if small_images else 3, (w(32), 3, stride), (w(32), 3), (w(64), 3, 1, 1))]
    layers += [] if small_images else [nn.MaxPool2d(3, 2)]
    layers.append(chain(w(64), (w(80), 1), (w(192), 3)))
    layers += [] if small_images else [nn.MaxPool2d(3, 2)]
    c = w(192)
    for i in range(counts[0]):
        pool = w(32 if i == 0 else 64)
        layers.append(Branches(conv(c, w(64), 1), chain(c, (w(48), 1), (w(64), 5, 1, 2)),
                               chain(c, (w(64), 1), (w(96), 3, 1, 1), (w(96), 3, 1, 1)), pooled(c, pool)))
        c = 2 * w(64) + w(96) + pool
    layers.append(Branches(conv(c, w(384), 3, 2), chain(c, (w(64), 1), (w(96), 3, 1, 1), (w(96), 3, 2)),
                           nn.MaxPool2d(3, 2)))
    c += w(384) + w(96)
    for i in range(counts[1]):
        n, out = w((128, 160, 160, 192)[i]), w(192)
        layers.append(Branches(
            conv(c, out, 1), chain(c, (n, 1), (n, *row(7)), (out, *column(7))),
            chain(c, (n, 1), (n, *column(7)), (n, *row(7)), (n, *column(7)), (out, *row(7))), pooled(c, out)))
        c = 4 * out
    layers.append(Branches(chain(c, (w(192), 1), (w(320), 3, 2)),
                           chain(c, (w(192), 1), (w(192), *row(7)), (w(192), *column(7)), (w(192), 3, 2)),
                           nn.MaxPool2d(3, 2)))
    c += w(320) + w(192)
    for _ in range(counts[2]):
        n = w(384)
        fan = [Branches(conv(n, n, *row(3)), conv(n, n, *column(3))) for _ in range(2)]
        layers.append(Branches(conv(c, w(320), 1), nn.Sequential(conv(c, n, 1), fan[0]),
                               nn.Sequential(chain(c, (w(448), 1), (n, 3, 1, 1)), fan[1]), pooled(c, w(192))))
        c = w(320) + 4 * n + w(192)
    drop = [] if small_images else [nn.Dropout(0.5)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), *drop, nn.Linear(c, classes))


SIZES = {"small": lambda: inception_v3(8, 10, True), "full": lambda: inception_v3(64, 1000, False),
         "tiny": lambda: inception_v3(2, 10, True, (1, 1, 1))}
OUTPUTS = ["logits"]
inputs = images(299)


if __name__ == "__main__":
    main(__file__, __doc__, SIZES, inputs, OUTPUTS)
