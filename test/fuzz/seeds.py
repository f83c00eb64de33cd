#!/usr/bin/env python3
"""Inputs to begin with for every target, made of what the tests and examples have.

  seeds.py --bin build/bin OUT      writes OUT/<target>/<name>
"""
import argparse
import glob
import gzip
import hmac
import json
import os
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "test", "import", "Inputs"))
sys.path.insert(0, os.path.join(ROOT, "test", "import"))
sys.dont_write_bytecode = True
from hostile import GOOD, model  # noqa: E402
from write_onnx import Writer  # noqa: E402


def safetensors(tensors, data):
    header = json.dumps(tensors).encode()
    return struct.pack("<Q", len(header)) + header + data


def npy(descr, shape, data, version=1):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + data


def frames(*parts):
    """Frames of the control socket: {type, length} and lines, each with its length before it."""
    out = b""
    for kind, lines in parts:
        payload = lines if isinstance(lines, bytes) else b"".join(struct.pack("<I", len(t)) + t.encode() for t in lines)
        out += struct.pack("<II", kind, len(payload)) + payload
    return out


def hello(node, port, digest, token=b"token"):
    """A hello that answers the challenge of zeros (runtime/node/control/Handshake.h)."""
    body = struct.pack("<QIIH30x32s16x", 0x316F6C6C48464F01, 1, node, port, digest)
    return body + hmac.new(token, b"hello" + body + bytes(16), "sha256").digest()


def message(kind, exchange, source, target, sequence):
    return struct.pack("<IBBBBHHIIIxxxxQII", 7, kind, 1, 1, 0, 1, 0, exchange, source, target, sequence, 0, 0)


def sections(test):
    """The models of a lit test: text from `--- name` to the next empty line."""
    with open(test) as file:
        for part in file.read().split("\n--- ")[1:]:
            name, _, body = part.partition("\n")
            writer = Writer()
            try:
                for line in body.split("\n\n")[0].splitlines():
                    writer.line(line)
                yield name.strip(), writer.bytes()
            except (ValueError, KeyError, IndexError):
                continue  # a section that is no model


# Of libonnx-testdata: a model for each way to use each op. Longer ones would be cut.
NODE_TESTS = "/usr/share/libonnx-testdata/data/node"
LONGEST_MODEL = 1024


def onnx_seeds():
    yield "good", model(GOOD)
    for path in sorted(glob.glob(os.path.join(NODE_TESTS, "*", "model.onnx"))):
        if os.path.getsize(path) <= LONGEST_MODEL:
            yield os.path.basename(os.path.dirname(path)), text_of(path)
    for path in ("onnx.test", "onnx-errors.test"):
        yield from sections(os.path.join(ROOT, "test", "import", path))


def text_of(path):
    with open(path, "rb") as file:
        return file.read()


def seeds():
    for path in sorted(glob.glob(os.path.join(ROOT, "examples", "*", "job.yaml"))) + [os.path.join(ROOT, "test/import/Inputs/job.yaml")]:
        yield "job", path.split(os.sep)[-2], text_of(path)
    for path in sorted(glob.glob(os.path.join(ROOT, "examples", "clusters", "*.yaml"))) + [os.path.join(ROOT, "test/import/Inputs/cluster.yaml")]:
        yield "cluster", os.path.basename(path), text_of(path)
    row = {"flops": 10.5, "bytes": 64, "firings": 3, "seconds": 1e-5}
    yield "profile", "two", json.dumps({"job": "j", "tasks": [{"program": "train", "task": "t", **row}],
                                        "exchanges": [{"program": "train", "exchange": "e", "bytes": 8, "firings": 1, "seconds": 0}],
                                        "links": [{"from": "n0", "to": "n1", "bytes": 4096, "pushes": 2, "seconds": 0.5}]}).encode()
    yield "text", "mlp", text_of(os.path.join(ROOT, "examples", "mlp", "model.mlir"))
    yield "text", "small", text_of(os.path.join(ROOT, "test", "import", "Inputs", "model.mlir"))
    for name, blob in onnx_seeds():
        for target in ("onnxMessages", "onnxImport", "onnxExport"):
            yield target, name, blob

    yield "hello", "hello", hello(1, 4711, b"0123456789abcdef")
    yield "hello", "challenge", struct.pack("<QI12x16x", 0x316C616843464F01, 1)
    yield "control", "run", frames((0, ["a:1", "b:2"]), (3, b"line"), (5, b"5 failed"), (6, b""), (7, ["1", "2 bad"]), (8, b""), (9, b""))
    yield "control", "takeover", frames((10, ["", "", "1", "1", "2", "5 lost"]), (2, b""), (10, ["0", "4 no", "0"]), (7, ["2", "0 "]))
    yield "control", "halt", frames((11, b""), (12, b""), (13, b"7"), (13, b"9"), (14, b"9"))
    fire = b"".join(bytes([0, n]) for n in range(12))
    yield "messages", "run", fire + b"".join(b"\2" + message(k, 0, a, b, s) for k in (0, 1, 2) for a, b in ((1, 0), (0, 1), (2, 0), (0, 2)) for s in (0, 1))
    yield "messages", "done", fire + b"".join(bytes([3, k, t]) for k in (0, 1) for t in range(3)) + b"\4\0\4\1"

    yield "data", "idx", b"\0" + bytes([0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0, 2]) + bytes(20)
    yield "data", "idx-f32", b"\0" + bytes([0, 0, 13, 1, 0, 0, 0, 4]) + bytes(16)
    yield "data", "idx-gzip", b"\0" + gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 40]) + bytes(40), mtime=0)
    yield "data", "tokens-gzip", b"\2" + gzip.compress(bytes(range(30)), mtime=0) + gzip.compress(bytes(30), mtime=0)
    yield "data", "npy-as-i32", bytes([7 * 6 + 1]) + npy("<f8", "(3,)", struct.pack("<3d", 1.5, 1e300, float("nan")))
    yield "data", "npy", b"\1" + npy("<f4", "(6, 2)", bytes(48))
    yield "data", "npy-2", b"\1" + npy("<i8", "(6,)", bytes(48), 2)
    for index, width in enumerate((1, 2, 4, 4, 8)):
        yield "data", f"tokens-{index}", bytes([2 + index]) + bytes(range(16 * width))
    entry = {"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "b": {"dtype": "BF16", "shape": [3], "data_offsets": [24, 30]}}
    yield "safetensors", "two", safetensors(entry, bytes(30))
    yield "safetensors", "meta", safetensors({"__metadata__": {"format": "pt"}, "s": {"dtype": "I64", "shape": [], "data_offsets": [0, 8]}}, bytes(8))
    parts = [{"tensor": "w", "begin": [0, 0], "end": [2, 3], "digest": "0" * 32}, {"tensor": "b", "begin": [0], "end": [3], "digest": ""}]
    yield "manifest", "good", json.dumps({"format": 1, "job": "j", "plan": "p", "step": 3, "seed": 1, "batch": 8, "files": ["a.safetensors"], "parts": parts}).encode()
    yield "tables", "buffers", b"\0id,lower,upper,size,alignment\nb0,0,4,128,64\nb1,2,6,64,32\n"
    cost = {"problem": {"name": "n", "usage_limit": 50, "nodes": {"intervals": [[0, 2], [1, 3]], "costs": [[1, 2], [3, 1e18]], "usages": [[5, 6], [7, 8]]},
                        "edges": {"nodes": [[0, 1]], "costs": [[1, 2, 3, 4]]}}}
    yield "tables", "costs", b"\1" + json.dumps(cost).encode()
    yield "tables", "choice", b"\2[0, 1, 0]"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("out")
    args = parser.parse_args()
    for target, name, blob in seeds():
        folder = os.path.join(args.out, target)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, name), "wb") as file:
            file.write(blob)
    plans = os.path.join(args.out, "planFile")
    os.makedirs(plans, exist_ok=True)
    subprocess.run([os.path.join(args.bin, "fuzz-seeds"), plans], check=True)


if __name__ == "__main__":
    main()
