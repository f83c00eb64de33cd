#!/usr/bin/env python3
"""Writes ResNet-50 (He et al. 2015) as ONNX, with random weights.

  export.py [--size small|full|tiny] [--out FILE]

full is for images of 3 x 224 x 224 and 1000 classes; small for Fashion-MNIST's 28 x 28, with all 50 layers, an eighth
of the width and a stem of 3 x 3.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from exporting import images, main  # noqa: E402
from resnet import ResNet  # noqa: E402

SIZES = {"small": lambda: ResNet((3, 4, 6, 3), width=8, classes=10, small_images=True),
         "full": lambda: ResNet((3, 4, 6, 3)),
         "tiny": lambda: ResNet((1, 2), width=4, classes=10, small_images=True)}
OUTPUTS = ["logits"]
inputs = images(224)


if __name__ == "__main__":
    main(__file__, __doc__, SIZES, inputs, OUTPUTS)
