"""What is trained: models, their inputs, losses and optimizers, for both sides.

Only PyTorch is needed here, of any version: the twin imports this in other interpreters than the one that measures.
"""
import os
import sys

import torch
from torch import nn
from torch.nn import functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "test", "e2e"))
from tools import example_script  # noqa: E402


def mlp(*sizes):
    layers = []
    for before, after in zip(sizes, sizes[1:]):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Cnn(nn.Sequential):
    """examples/fashion-mnist-cnn."""

    def __init__(self):
        def block(before, after):
            return [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
        super().__init__(*block(1, 16), *block(16, 32), nn.Flatten(), nn.Linear(1568, 128), nn.ReLU(), nn.Linear(128, 10))


def cross_entropy(logits, labels):
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten())


class Case:
    """`model`: makes it; `inputs`: shape and number of values (0: real numbers) by name; `labels`: shape and number of
    classes (0: numbers from 0 to 1); `optimizer`: as a job says it; `steps` of a turn."""

    def __init__(self, model, batch, inputs, labels, optimizer, steps):
        self.model, self.batch, self.inputs, self.labels = model, batch, inputs, labels
        self.optimizer, self.steps = optimizer, steps

    def tensors(self, rows):
        generator = torch.Generator().manual_seed(1)

        def draw(shape, values):
            size = (rows, *shape)
            return (torch.randint(values, size, generator=generator) if values
                    else torch.rand(size, generator=generator))
        out = {name: draw(*spec) for name, spec in self.inputs.items()}
        return out, draw(*self.labels)

    def loss(self, result, labels):
        return cross_entropy(result, labels) if self.labels[1] else F.binary_cross_entropy_with_logits(result, labels)


SGD = ("sgd", {"lr": 0.01, "momentum": 0.9})
ADAM = ("adam", {"lr": 0.001})
ADAMW = ("adamw", {"lr": 0.0001})


def images(classes, *shape):
    return {"inputs": {"image": (shape, 0)}, "labels": ((), classes)}


def text(length, tokens):
    return {"inputs": {"text": ((length,), tokens)}, "labels": ((length,), tokens)}


CASES = {
    "mlp-16": Case(lambda: mlp(16, 32, 32, 10), 32, optimizer=SGD, steps=20000, **images(10, 16)),
    "mlp-784": Case(lambda: mlp(784, 256, 256, 10), 64, optimizer=SGD, steps=1000, **images(10, 784)),
    "cnn": Case(Cnn, 128, optimizer=SGD, steps=60, **images(10, 1, 28, 28)),
    "transformer": Case(lambda: example_script("bert-large").Bert(256, 128, 768, 12, 2), 4, optimizer=ADAMW, steps=6,
                        **text(128, 256)),
    "resnet50": Case(lambda: example_script("resnet50").SIZES["full"](), 8, optimizer=SGD, steps=3, **images(1000, 3, 224, 224)),
    "bert-base": Case(lambda: example_script("bert-large").Bert(30522, 128, 768, 12, 12), 4, optimizer=ADAMW, steps=3,
                      **text(128, 30522)),
    "gpt2": Case(lambda: example_script("gpt2").GPT2(50257, 64, 768, 12, 12), 4, optimizer=ADAMW, steps=3, **text(64, 50257)),
    # A table of 2^20 rows: those of examples/wide-deep/full.yaml are as many as Criteo's logs need.
    "wide-deep": Case(lambda: example_script("wide-deep").WideDeep(26, 13, 1 << 20, 16, (1024, 512, 256)), 4096, optimizer=ADAM, steps=5,
                      inputs={"categories": ((26,), 1 << 20), "pairs": ((10,), 1 << 20), "numbers": ((13,), 0)},
                      labels=((), 0)),
}
sys.dont_write_bytecode = True
