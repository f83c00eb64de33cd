"""What is trained: for each case the example's model and job, its data as a job reads it and as PyTorch does."""
import glob
import gzip
import os

import numpy
import torch
from torch.nn import functional as F

from tools import Failure, example_script, job_text

SEED = 1


class Case:
    """Of a case: `name`, `epochs`, `batch`, `optimizer` and `warmup` as its job has them, `train_set` and `eval_set`:
    inputs and labels as tensors by row."""
    accuracy = True
    clip = None  # of the gradient's norm

    def __init__(self, work, data, epochs):
        self.work, self.data = work, data
        self.epochs = epochs or self.epochs
        self.onnx = os.path.join(work, self.name + ".onnx")

    def model(self):
        torch.manual_seed(SEED)
        return self.make()

    def changes(self):
        return {"model": self.onnx, "seed": SEED, "epochs": self.epochs, "checkpoint": "{every_epochs: 1}"}

    def export(self):
        model = self.model()
        inputs, _ = self.train_set()
        exporting = example_script("common", "exporting")
        exporting.export(model, {k: v[:2] for k, v in inputs.items()}, ["result"], self.onnx)

    def job(self):
        self.export()
        return job_text(self.example, self.changes())

    def line(self, row):
        accuracy = f", accuracy {100 * row['accuracy']:.2f} %" if row["accuracy"] is not None else ""
        return f"loss {row['loss']:.4f}{accuracy}"


class ResNet18(Case):
    """A quarter of the width, on Fashion-MNIST, without augmentation."""
    name, example, epochs, batch, warmup = "resnet18", "resnet18", 10, 128, 200

    def make(self):
        return example_script(self.example).ResNet18(16)

    def optimizer(self, parameters):
        return torch.optim.SGD(parameters, 0.1, 0.9, weight_decay=5e-4)

    def set(self, part):
        def read(name, header):
            with gzip.open(os.path.join(self.data, f"{part}-{name}-ubyte.gz")) as file:
                return torch.frombuffer(bytearray(file.read()[header:]), dtype=torch.uint8)
        images = read("images-idx3", 16).reshape(-1, 1, 28, 28).float() / 255
        return {"image": images}, read("labels-idx1", 8).long()

    def train_set(self):
        return self.set("train")

    def eval_set(self):
        return self.set("t10k")

    @staticmethod
    def loss(logits, labels):
        return F.cross_entropy(logits, labels)


class Gpt(Case):
    """4 million parameters on 4 million bytes of Debian's documentation of Python."""
    name, example, epochs, batch, warmup = "gpt", "gpt2", 1, 32, 50
    length, train_bytes, eval_bytes = 128, 4_000_000, 200_000
    clip = 1

    def make(self):
        return example_script(self.example).SIZES["medium"]()

    def optimizer(self, parameters):
        return torch.optim.AdamW(parameters, 0.001)

    def data_files(self):
        files = [os.path.join(self.work, name) for name in ("train.txt", "eval.txt")]
        if not all(os.path.exists(file) for file in files):
            sources = sorted(glob.glob("/usr/share/doc/python3.11/html/_sources/**/*.txt", recursive=True))
            if not sources:
                raise Failure("the text is that of package python3.11-doc, which is not installed")
            texts = [open(file, "rb").read() for file in sources]
            parts = (b"".join(t for i, t in enumerate(texts) if i % 16), b"".join(texts[::16]))
            for file, part, size in zip(files, parts, (self.train_bytes, self.eval_bytes)):
                if len(part) <= size:
                    raise Failure(f"{file} would have {len(part)} bytes, {size + 1} are needed")
                with open(file, "wb") as out:
                    out.write(part[:size + 1])
        return files

    def rows(self, size):
        return size // self.length

    def changes(self):
        train, evaluation = self.data_files()

        def dataset(file, size):
            window = f"files: [{file}], format: tokens, sequence: {self.length}"
            return f"    samples: {self.rows(size)}\n    fields:\n      text: {{{window}}}\n      next: {{{window}, offset: 1}}\n"
        data = f"\n  train:\n{dataset(train, self.train_bytes)}  eval:\n{dataset(evaluation, self.eval_bytes)}"
        return {**super().changes(), "data": data}

    def set(self, file, size):
        tokens = torch.from_numpy(numpy.fromfile(file, numpy.uint8)).long()
        count = self.rows(size) * self.length
        return {"text": tokens[:count].view(-1, self.length)}, tokens[1:count + 1].view(-1, self.length)

    def train_set(self):
        return self.set(self.data_files()[0], self.train_bytes)

    def eval_set(self):
        return self.set(self.data_files()[1], self.eval_bytes)

    @staticmethod
    def loss(logits, labels):
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten())


class WideDeep(Case):
    """scikit-learn's table of breast cancers: of each number the fifth of the rows it lies in is a category."""
    name, example, epochs, batch, warmup = "wide-deep", "wide-deep", 5, 32, None
    accuracy = False
    numbers, categories, rows = 30, 10, 4096

    def make(self):
        return example_script(self.example).WideDeep(self.categories, self.numbers, self.rows, 8, (64, 32))

    def optimizer(self, parameters):
        return torch.optim.Adam(parameters, 0.003)

    def table(self):
        from sklearn.datasets import load_breast_cancer
        numbers, labels = load_breast_cancer(return_X_y=True)
        order = numpy.random.default_rng(0).permutation(len(labels))
        numbers, labels = numbers[order], labels[order]
        train = len(labels) * 4 // 5
        mean, spread = numbers[:train].mean(0), numbers[:train].std(0)
        fifths = numpy.quantile(numbers[:train, :self.categories], (0.2, 0.4, 0.6, 0.8), axis=0)
        categories = (numbers[:, None, :self.categories] > fifths).sum(1)
        pairs = numpy.stack([5 * categories[:, i] + categories[:, i + 1] + 25 * i for i in range(self.categories - 1)], 1)
        fields = {"categories": categories + 5 * numpy.arange(self.categories), "pairs": pairs,
                  "numbers": ((numbers - mean) / spread).astype(numpy.float32), "labels": labels.astype(numpy.float32)}
        return {name: (value[:train], value[train:]) for name, value in fields.items()}

    def changes(self):
        text = ""
        for i, part in enumerate(("train", "eval")):
            fields = {name: halves[i] for name, halves in self.table().items()}
            text += f"\n  {part}:\n    samples: {len(fields['labels'])}\n    fields:"
            for name, value in fields.items():
                file = os.path.join(self.work, f"{part}-{name}.npy")
                numpy.save(file, value)
                text += f"\n      {name}: {{files: [{file}], format: npy}}"
        return {**super().changes(), "data": text}

    def set(self, i):
        fields = {name: torch.from_numpy(halves[i]) for name, halves in self.table().items()}
        labels = fields.pop("labels")
        return fields, labels

    def train_set(self):
        return self.set(0)

    def eval_set(self):
        return self.set(1)

    @staticmethod
    def loss(logits, labels):
        return F.binary_cross_entropy_with_logits(logits, labels)


CASES = {case.name: case for case in (ResNet18, Gpt, WideDeep)}
