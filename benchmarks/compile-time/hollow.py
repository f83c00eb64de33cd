"""Exports models of examples/ whose weights nobody has: named, in their full size, all zero, in a file without blocks.

A model of 1.5 billion parameters is 6 GB that PyTorch's exporter copies twice. Here a weight is one zero seen many
times, the exporter leaves them among the graph's inputs, and these become initializers with external data.
"""
import io
import os
import sys
import warnings

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "test", "import", "Inputs"), os.path.join(HERE, "..", "..", "test", "e2e")]
from tools import example_script  # noqa: E402
from write_onnx import data, number, varint  # noqa: E402

# Fields of ModelProto, GraphProto and ValueInfoProto in onnx.proto.
GRAPH, INITIALIZER, INPUT, NAME = 7, 5, 11, 1
FLOAT, INT64 = 1, 7
ELEMENTS = {torch.float32: (FLOAT, 4), torch.int64: (INT64, 8)}


def fields(message):
    """(number, wire type, payload, bytes of the whole field) of each field of a message."""
    at = 0

    def read():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value
    while at < len(message):
        begin, key = at, read()
        if key & 7 == 2:
            length = read()
            payload, at = message[at:at + length], at + length
        else:
            payload = read() if key & 7 == 0 else None
            at += {0: 0, 1: 8, 5: 4}[key & 7]
        yield key >> 3, key & 7, payload, message[begin:at]


def first(message, field):
    return next(payload for key, _, payload, _ in fields(message) if key == field)


def external(name, value, location, offset):
    """A TensorProto whose bytes begin at `offset` of a file."""
    element, width = ELEMENTS[value.dtype]
    length = value.numel() * width
    entries = {"location": location, "offset": str(offset), "length": str(length)}
    return length, (b"".join(number(1, d) for d in value.shape) + number(2, element) + data(8, name) +
                    b"".join(data(13, data(1, k) + data(2, v)) for k, v in entries.items()) + number(14, 1))


def moved(graph, state, location):
    """The graph with inputs named in `state` as initializers, and how many bytes they have."""
    out, offset = [], 0
    for key, _, payload, whole in fields(graph):
        name = bytes(first(payload, NAME)).decode() if key == INPUT else None
        if name not in state:
            out.append(bytes(whole))
            continue
        length, tensor = external(name, state[name], location, offset)
        out.append(data(INITIALIZER, tensor))
        offset += length
    return b"".join(out), offset


class Untouched:
    """While it holds, nothing gives a new weight its first value, so that it takes no memory."""

    def __enter__(self):
        self.saved = {n: f for n, f in vars(torch.nn.init).items() if n.endswith("_") and callable(f)}
        for name in self.saved:
            setattr(torch.nn.init, name, lambda tensor, *args, **keys: tensor)

    def __exit__(self, *_):
        for name, function in self.saved.items():
            setattr(torch.nn.init, name, function)


def export(make, inputs, outputs, file):
    """Writes `file` and, beside it, FILE.data; `make` makes the model. Returns how many parameters it has."""
    warnings.filterwarnings("ignore")
    with Untouched():
        model = make().train()
    for parameter in model.parameters():
        parameter.data = torch.zeros(()).expand(parameter.shape)
    stream = io.BytesIO()
    with torch.no_grad():
        torch.onnx.export(model, tuple(inputs.values()), stream, input_names=list(inputs), output_names=outputs,
                          opset_version=14, dynamic_axes={n: {0: "batch"} for n in [*inputs, *outputs]},
                          do_constant_folding=False, export_params=False, training=torch.onnx.TrainingMode.TRAINING)
    location, whole = os.path.basename(file) + ".data", memoryview(stream.getbuffer())
    with open(file, "wb") as out:
        for key, _, payload, field in fields(whole):
            if key != GRAPH:
                out.write(field)
                continue
            graph, length = moved(payload, model.state_dict(), location)
            out.write(varint(GRAPH << 3 | 2) + varint(len(graph)) + graph)
    with open(file + ".data", "wb") as out:
        out.truncate(length)
    return sum(p.numel() for p in model.parameters())


def example(name, size, file, make=None):
    """A model of examples/ in one of its sizes, or `make(script)`."""
    script = example_script(name)
    return export((lambda: make(script)) if make else script.SIZES[size], script.inputs(size, 1), script.OUTPUTS, file)
