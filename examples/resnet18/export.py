#!/usr/bin/env python3
"""Writes model.onnx: ResNet-18 (He et al. 2015) for images of 28 x 28, with random weights.

  export.py [--width 16] [--out model.onnx]

A stem of 3 x 3 without pooling, as for small images. Width 64 is the paper's, 16 a quarter of it.
"""
import argparse
import os

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, channels, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != width:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ResNet18(nn.Module):
    def __init__(self, width=64, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        layers, channels = [], width
        for i in range(4):
            for stride in (1 if i == 0 else 2, 1):
                layers.append(Block(channels, width << i, stride))
                channels = width << i
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(channels, classes)

    def forward(self, image):
        x = self.layers(F.relu(self.bn1(self.conv1(image))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "model.onnx"))
    args = parser.parse_args()
    torch.manual_seed(0)
    batch = {0: "batch"}  # an open dim: the job says how many rows there are
    torch.onnx.export(ResNet18(args.width), torch.zeros(2, 1, 28, 28), args.out, input_names=["image"],
                      output_names=["logits"], dynamic_axes={"image": batch, "logits": batch}, opset_version=14,
                      training=torch.onnx.TrainingMode.TRAINING, do_constant_folding=False)


if __name__ == "__main__":
    main()
