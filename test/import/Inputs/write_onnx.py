#!/usr/bin/env python3
"""Writes small ONNX files from text, with nothing but the standard library.

  write_onnx.py TEST SECTION OUT.onnx

A section of TEST begins with `--- SECTION`, ends with an empty line and has a line for each part:

  ir 8 | opset 17 | opset my.domain 1 | producer pytorch
  input x float ?,4            ? is an open dim, ?seq one with a name
  init w float 4,3 = 0.5       one value for all, or all of them
  init w float 4,3 @ file,offset,length
  node Gemm x,w,b -> y name=fc transB=1 alpha=0.5 axes=[0,1] mode=s:edge value=t:int64;2;1,2 names=S:Tanh,Relu
  node If c -> y then_branch=G:Neg;x;t else_branch=G:Exp;x;u     graphs of one node
  node Loop n,c,x -> y,z body=B:i,c,x;Sin:x>u;Identity:c>d;d,u,u  graphs: inputs, nodes, outputs
  function my.domain F x,y -> z      its nodes follow, up to `end`
  output y
"""
import struct
import sys

TYPES = {"float": (1, "f"), "uint8": (2, "B"), "int8": (3, "b"), "int32": (6, "i"), "int64": (7, "q"),
         "bool": (9, "?"), "double": (11, "d"), "string": (8, "")}


# ---- Wire format

def varint(value):
    value &= 2**64 - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def data(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


# ---- Messages

def dims_of(text):
    return [int(d) for d in text.split(",")] if text != "-" else []


def tensor(name, kind, dims, values):
    code, letter = TYPES[kind]
    count = 1
    for d in dims:
        count *= d
    out = b"".join(number(1, d) for d in dims) + number(2, code) + data(8, name)
    if isinstance(values, tuple):  # external
        keys = zip(("location", "offset", "length"), values)
        return out + b"".join(data(13, data(1, k) + data(2, v)) for k, v in keys if v != "") + number(14, 1)
    numbers = [float(v) if letter in "fd" else int(v) for v in values]
    if len(numbers) == 1:
        numbers *= count
    return out + data(9, struct.pack(f"<{len(numbers)}{letter}", *numbers))


def attribute(name, text):
    out = data(1, name)
    if text.startswith("t:"):
        kind, dims, values = text[2:].split(";")
        return out + data(5, tensor("", kind, dims_of(dims), values.split(","))) + number(20, 4)
    if text.startswith("ref:"):
        return out + data(21, text[4:]) + number(20, 2)
    if text.startswith("s:"):
        return out + data(4, text[2:]) + number(20, 3)
    if text.startswith("G:"):
        op, inputs, output = text[2:].split(";")
        graph = data(1, node([op, inputs, "->", output])) + data(2, name) + data(12, data(1, output))
        return out + data(6, graph) + number(20, 5)
    if text.startswith("B:"):
        inputs, *nodes, outputs = text[2:].split(";")
        graph = b"".join(data(1, node(inner.replace(":", " ").replace(">", " -> ").split())) for inner in nodes)
        graph += data(2, name) + b"".join(data(11, data(1, i)) for i in inputs.split(",") if i)
        return out + data(6, graph + b"".join(data(12, data(1, o)) for o in outputs.split(","))) + number(20, 5)
    if text.startswith("S:"):
        return out + b"".join(data(9, item) for item in text[2:].split(",")) + number(20, 8)
    if text.startswith("["):
        items = [i for i in text[1:-1].split(",") if i]
        if any("." in i for i in items):
            return out + b"".join(varint(7 << 3 | 5) + struct.pack("<f", float(i)) for i in items) + number(20, 6)
        return out + b"".join(number(8, int(i)) for i in items) + number(20, 7)
    if "." in text or "e-" in text:
        return out + varint(2 << 3 | 5) + struct.pack("<f", float(text)) + number(20, 1)
    return out + number(3, int(text)) + number(20, 2)


def node(words):
    arrow = words.index("->")
    op, *inputs = words[:arrow]
    domain, _, op = op.rpartition(".")
    out = data(4, op) + (data(7, domain) if domain else b"")
    for value in inputs[0].split(",") if inputs else []:
        out += data(1, value)
    outputs, *attributes = words[arrow + 1:]
    for value in outputs.split(","):
        out += data(2, value)
    for item in attributes:
        name, _, value = item.partition("=")
        out += data(3, value) if name == "name" else data(5, attribute(name, value))
    return out


def value_info(name, kind, dims):
    shape = b""
    for d in dims.split(",") if dims != "-" else []:
        shape += data(1, data(2, d[1:] or "batch") if d.startswith("?") else number(1, int(d)))
    return data(1, name) + data(2, data(1, number(1, TYPES[kind][0]) + data(2, shape)))


class Writer:
    def __init__(self):
        self.model, self.graph, self.function = [], [], None
        self.ir, self.opsets = 8, []

    def line(self, text):
        kind, *words = text.split()
        if kind == "node":
            made = node(words)
            if self.function is None:
                self.graph.append(data(1, made))
            else:
                self.function += data(7, made)
        elif kind == "input":
            self.graph.append(data(11, value_info(*words)))
        elif kind == "output":
            self.graph.append(data(12, data(1, words[0])))
        elif kind == "init":
            name, element, dims, sign, rest = words
            values = tuple((rest + ",,").split(",")[:3]) if sign == "@" else rest.split(",")
            self.graph.append(data(5, tensor(name, element, dims_of(dims), values)))
        elif kind == "function":
            domain, name, inputs, _, outputs = words
            self.function = data(1, name) + data(10, domain) + data(9, number(2, 17))
            self.function += b"".join(data(4, i) for i in inputs.split(","))
            self.function += b"".join(data(5, o) for o in outputs.split(","))
            self.function += data(9, data(1, domain) + number(2, 1))
        elif kind == "end":
            self.model.append(data(25, self.function))
            self.function = None
        elif kind == "ir":
            self.ir = int(words[0])
        elif kind == "opset":
            self.opsets.append(data(8, b"".join(data(1, w) for w in words[:-1]) + number(2, int(words[-1]))))
        elif kind == "producer":
            self.model.append(data(2, words[0]))
        else:
            raise SystemExit(f"no such line: {text}")

    def bytes(self):
        opsets = self.opsets or [data(8, number(2, 17))]
        return number(1, self.ir) + b"".join(self.model) + data(7, data(2, "net") + b"".join(self.graph)) + b"".join(opsets)


def write(text, path):
    writer = Writer()
    for line in text.splitlines():
        if line.strip():
            writer.line(line)
    with open(path, "wb") as file:
        file.write(writer.bytes())


def section(path, name):
    with open(path) as file:
        parts = file.read().split("\n--- ")
    for part in parts[1:]:
        head, _, body = part.partition("\n")
        if head.strip() == name:
            return body.split("\n\n")[0]
    raise SystemExit(f"{path} has no section {name}")


if __name__ == "__main__":
    write(section(sys.argv[1], sys.argv[2]), sys.argv[3])
