#!/usr/bin/env python3
"""Writes a face recogniser as ONNX: ResNet-50 up to an embedding, then cosines with a weight for each person.

  export.py [--size small|full|tiny] [--out FILE]

The job's loss is margin_softmax (ArcFace). full has 1,000,000 persons and images of 3 x 112 x 112; small takes the ten
classes of Fashion-MNIST for persons.
"""
import os
import sys

import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from exporting import images, main  # noqa: E402
from resnet import ResNet  # noqa: E402


class Faces(nn.Module):
    def __init__(self, net, embedding, persons):
        super().__init__()
        self.net = net
        self.embed = nn.Linear(net.channels, embedding)
        self.norm = nn.BatchNorm1d(embedding)
        self.persons = nn.Parameter(torch.empty(persons, embedding).normal_(std=0.01))

    def forward(self, image):
        embedding = F.normalize(self.norm(self.embed(self.net(image))))
        return embedding @ F.normalize(self.persons).T


SIZES = {"small": lambda: Faces(ResNet((1, 1, 1, 1), width=8, classes=0, small_images=True), 64, 10),
         "full": lambda: Faces(ResNet((3, 4, 6, 3), classes=0), 512, 1000000),
         "tiny": lambda: Faces(ResNet((1, 1), width=4, classes=0, small_images=True), 8, 10)}
OUTPUTS = ["cosines"]
inputs = images(112)


if __name__ == "__main__":
    main(__file__, __doc__, SIZES, inputs, OUTPUTS)
