"""How cases of the oracle of ONNX ops are written.

A case is a small graph, as write_onnx.py has it, and the same function in PyTorch. It is named after the op that it
is for. Inputs are `a`, `b`, ... in order; constants have names of their own; results are `y`, or `y` and `z`.
"""
import torch

from cases import evaluate
from write_onnx import Writer

CASES = []
TYPES = {torch.float64: "double", torch.float32: "float", torch.bool: "bool", torch.int64: "int64", torch.int32: "int32",
         torch.uint8: "uint8", torch.int8: "int8"}


def case(node, arguments, function, outputs="y", opset=17, gradient=True, what="", op=None, **constants):
    """`node`: "Op inputs -> outputs attributes", or several joined by " | ", of which the last is the op's unless `op`
    names it."""
    lines = [part.strip() for part in node.split("|")]
    op = op or lines[-1].split()[0]
    CASES.append((f"{op} {what}".strip(), lines, arguments, function, outputs.split(","), opset, gradient, constants))


def dims(tensor):
    return ",".join(map(str, tensor.shape)) or "-"


def model(lines, arguments, outputs, opset, constants):
    writer = Writer()
    writer.line(f"opset {opset}")
    for name, value in zip("abcdefgh", arguments):
        writer.line(f"input {name} {TYPES[value.dtype]} {dims(value)}")
    for name, value in constants.items():
        value = torch.as_tensor(value)
        # Lists of numbers are integers here unless they are said to be others.
        values = ",".join(str(v.item() if v.dtype != torch.bool else int(v)) for v in value.flatten())
        writer.line(f"init {name} {TYPES[value.dtype]} {dims(value)} = {values}")
    for line in lines:
        writer.line("node " + line)
    for name in outputs:
        writer.line("output " + name)
    return writer.bytes()


def run(entry):
    name, lines, arguments, function, outputs, opset, gradient, constants = entry
    _, values = evaluate(arguments, function, None, "oracle" if gradient else False)
    return {"name": name, "text": model(lines, arguments, outputs, opset, constants).hex(), **values}
