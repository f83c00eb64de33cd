#!/usr/bin/env python3
"""ONNX files that mean harm, or are broken: each is refused with a sentence.

  hostile.py --bin build/bin [--mutations N] [--seed S]

of-compile never ends by a signal, reads nothing outside the model's folder, and takes no more memory than for a
small model plus four times the file and 64 MiB. Mutations of a good model end well or are refused; the seed is printed.
"""
import argparse
import ctypes
import os
import random
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from write_onnx import Writer, data, node, number, tensor, value_info, varint  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
JOB, CLUSTER = (os.path.join(HERE, "Inputs", f) for f in ("job.yaml", "cluster.yaml"))
INPUT = "input x float ?,4\n"
GOOD = """opset 17
input x float ?,4
init w float 4,6 = 0.5
init b float 6 = 1,2,3,4,5,6
init to int64 3 = 0,2,3
init axes int64 1 = 1
init end int64 1 = 3
node MatMul x,w -> m
node Add m,b -> a name=layer
node Reshape a,to -> r
node Softmax r -> s axis=-1
node ReduceSum s,axes -> t keepdims=0
node Slice t,axes,end,axes -> u
node Constant -> c value=t:float;1;2
node Mul u,c -> y
output y
"""


class Tool:
    def __init__(self, binaries, folder):
        self.bin, self.folder, self.failed, self.base = binaries, folder, 0, 0

    def compile(self, blob):
        """Exit code (negative for a signal), what was said, peak memory in bytes."""
        path = os.path.join(self.folder, "model.onnx")
        with open(path, "wb") as file:
            file.write(blob)
        process = subprocess.Popen([os.path.join(self.bin, "of-compile"), path, "--job", JOB, "--cluster", CLUSTER,
                                    "--compile-to=import", "-o", os.path.join(self.folder, "out.mlir")],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = process.stderr.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, said, usage.ru_maxrss * 1024

    def check(self, name, good, said=""):
        self.failed += not good
        if not good:
            print(f"FAIL {name}: {said[:600]}", flush=True)

    def refuse(self, name, blob, *texts):
        code, said, memory = self.compile(blob)
        most = self.base + 4 * len(blob) + (64 << 20)
        good = code == 2 and "error: " in said and all(t in said for t in texts) and memory <= most
        self.check(name, good, f"exit {code}, {memory >> 20} of {most >> 20} MiB, wanted {texts}\n{said}")
        if good:
            print(f"ok   {name}")


def model(text):
    writer = Writer()
    for line in text.splitlines():
        if line.strip():
            writer.line(line)
    return writer.bytes()


def raw_model(graph, ir=8):
    return number(1, ir) + data(7, data(2, "net") + graph) + data(8, number(2, 17))


def one_node(text, inits=""):
    return model(f"{INPUT}{inits}node {text}\noutput y\n")


# ---- The cases

def broken(tool):
    good = model(GOOD)
    for size in range(1, len(good), max(1, len(good) // 12)):
        code, said, _ = tool.compile(good[:size])
        tool.check(f"the first {size} bytes", code == 2 and "error: " in said, said)
    print("ok   truncated files")
    tool.refuse("no bytes", b"", "has no graph")
    tool.refuse("text", b"once upon a time", "is no ONNX model")
    tool.refuse("a group", raw_model(varint(1 << 3 | 3)), "wire type that ONNX does not use")
    tool.refuse("endless number", b"\xff" * 11, "a number is too long")
    tool.refuse("a name that is a number", raw_model(number(2, 5)), "another type than in ONNX")
    tool.refuse("dims that are floats", raw_model(data(5, varint(1 << 3 | 5) + b"\0\0\0\0")), "another type than in ONNX")
    tool.refuse("a graph that is a number", number(7, 1), "another type than in ONNX")


def large(tool):
    tool.refuse("5 million dims", raw_model(data(5, data(1, b"\1" * 5_000_000))), "more parts than its size explains")
    tool.refuse("2 million empty nodes", raw_model(data(1, b"") * 2_000_000), "more parts than its size explains")
    tool.refuse("many strings", raw_model(data(1, data(1, b"") * 3_000_000)), "more parts than its size explains")
    huge = data(5, number(1, 10**9) + number(1, 10**9) + number(1, 10**9) + number(2, 1) + data(8, "w") + data(9, b"abcd"))
    use = data(1, node(["MatMul", "x,w", "->", "y"])) + data(12, data(1, "y"))
    x = data(11, value_info("x", "float", "?,4"))
    tool.refuse("10^27 elements", raw_model(huge + x + use), "more than 2^40 elements")
    less = data(5, number(1, 2**64 - 1) + number(2, 1) + data(8, "w") + data(9, b"abcd"))
    tool.refuse("a dim below 0", raw_model(less + x + use), "a dim of -1")
    tool.refuse("an input of 10^18", model("input x float ?,1000000000,1000000000\nnode Relu x -> y\noutput y\n"), "more than 2^40")
    short = data(5, number(1, 4) + number(1, 3) + number(2, 1) + data(8, "w") + data(9, b"abcd"))
    tool.refuse("too few bytes", raw_model(short + x + use), "has 4 bytes of elements, its type needs 48")
    for op, inits in (("ConstantOfShape s -> y", ""), ("Expand x,s -> y", ""), ("Tile x,t -> y", ""), ("Reshape x,s -> y", "")):
        tool.refuse(op.split()[0] + " to 10^18", one_node(op, "init s int64 3 = 1000000000,1000000000,4\n"
                                                         "init t int64 2 = 1000000000,1000000000\n" + inits))
    tool.refuse("Range to 10^12", one_node("Range a,b,c -> y", "init a int64 - = 0\ninit b int64 - = 1000000000000\ninit c int64 - = 1\n"), "counts further")
    tool.refuse("Pad by 2^40", one_node("Pad x,p -> y", "init p int64 4 = 0,1099511627776,0,0\n"), "pads by")


def deep(tool):
    inner = data(2, "g") + data(1, node(["Relu", "x", "->", "y"])) + data(12, data(1, "y"))
    for _ in range(2000):
        branch = data(5, data(1, "then_branch") + data(6, inner) + number(20, 5))
        inner = data(2, "g") + data(1, data(4, "If") + data(1, "c") + data(2, "y") + branch)
    tool.refuse("2000 graphs in one another", raw_model(inner), "more than 32 deep")
    calls = "opset 17\nopset m 1\n"
    for i in range(24):
        calls += f"function m F{i} x -> z\nnode m.F{i + 1} x -> a\nnode m.F{i + 1} a -> z\nend\n"
    calls += "function m F24 x -> z\nnode Relu x -> z\nend\n"
    for name, bodies in (("a function that calls itself", {"F": "F"}), ("functions in a ring", {"F": "G", "G": "H", "H": "F"})):
        ring = "opset 17\nopset m 1\n"
        for outer, inner in bodies.items():
            ring += f"function m {outer} x -> z\nnode m.{inner} x -> z\nend\n"
        tool.refuse(name, model(ring + INPUT + "node m.F x -> y\noutput y\n"), "may not call itself")
    tool.refuse("functions that double", model(calls + INPUT + "node m.F0 x -> y\noutput y\n"), "expand into more than")


def growing(tool):
    """A few bytes that ask for many ops."""
    turns = "opset 17\ninit many int64 - = 1024\ninit on bool - = 1\ninit k int64 1 = 256\n" + INPUT + "input v float ?,256\n"
    tool.refuse("long names in turns", model(turns + f"node Loop many,on,x -> y name={'n' * 60000} body=B:i,c,v;Neg:v>u;Identity:c>d;d,u\noutput y\n"),
                "expand into more than")
    tool.refuse("TopK in turns", model(turns + "node Loop many,on,v -> y body=B:i,c,v;TopK:v,k>u,l;Identity:c>d;d,u\noutput y\n"), "expand into more than")
    wide = "opset 18\ninput x float ?,1,4,1040000\ninit z int64 4 = 8,1,4,65536\n"
    tool.refuse("an image of many sums", model(wide + "node Resize x,,,z -> y mode=s:cubic antialias=1\noutput y\n"), "elements for each of 65536 results")


def wrong_values(tool):
    image = "init i float 1,2,4,4 = 1\ninit k float 4,2,3,3 = 1\n"
    for text, inits, *say in (
            ("Conv i,k -> y strides=[0,1]", image, "stride"), ("Conv i,k -> y group=0", image), ("Conv i,k -> y group=-2", image),
            ("Conv i,k -> y pads=[1,1]", image, "pads"), ("Conv x,k -> y", image), ("Conv i,k -> y dilations=[100000000,1]", image),
            ("MaxPool i -> y kernel_shape=[0,0]", image), ("MaxPool i -> y kernel_shape=[9,9]", image),
            ("AveragePool i -> y", image, "kernel"), ("ConvTranspose i,k -> y strides=[1000000000,1000000000]", image),
            ("Slice x,s,s,s,z -> y", "init s int64 1 = 0\ninit z int64 1 = 0\n", "step"),
            ("Split x,s -> y", "init s int64 2 = -1,5\n", "do not add up"), ("Gather x,s -> y axis=7", "init s int64 1 = 0\n", "axis"),
            ("Gather x,s -> y", "init s float 1 = 0\n", "no integers"), ("Gather x,s -> y", "init s int64 1 = 99\n", "beyond"),
            ("GatherND x,s -> y", "init s int64 1,3 = 0\n", "coordinates"), ("Concat x,i -> y axis=0", image), ("Concat x -> y axis=9", ""),
            ("Unsqueeze x,s -> y", "init s int64 2 = 0,0\n", "twice"), ("Squeeze x,s -> y", "init s int64 1 = 0\n"),
            ("GroupNormalization i,s,s -> y num_groups=0", image + "init s float 2 = 1\n"), ("BatchNormalization x,x -> y", ""),
            ("LayerNormalization x,x -> y axis=-9", ""), ("LRN i -> y size=100000000", image, "size"), ("Gemm x,i -> y", image),
            ("MatMul x,i -> y", image), ("Add x,i -> y", "init i float 5 = 1\n"), ("Add x,i -> y", "init i int64 4 = 1\n"),
            ("Cast x -> y to=99", ""), ("Cast x -> y to=8", ""), ("Clip x,x -> y", ""), ("Not x -> y", ""), ("And x,x -> y", ""), ("Transpose x -> y perm=[1]", ""),
            ("OneHot x,d,x -> y", "init d int64 - = 0\n", "depth"), ("DepthToSpace x -> y blocksize=0", ""), ("Trilu s -> y", "init s float 4 = 1\n"),
            ("CumSum x,x -> y", ""), ("ArgMax x -> y axis=5", ""), ("Softmax x -> y axis=5", ""), ("ReduceSum x,s -> y", "init s int64 2 = 5,9\n", "axis"),
            ("Reshape x,s -> y", "init s int64 2 = -1,-1\n", "two dims open"), ("Reshape x,x -> y", ""), ("If x -> y", ""), ("Constant -> y", "", "no value"),
            ("DFT i,s -> y", "init i float 1,4,2 = 1\ninit s int64 - = 1000000000000\n", "from 1 to 4096"), ("DFT i -> y axis=7", image), ("DFT x -> y", "", "last dim is 1"),
            ("STFT x,s -> y", "init s int64 - = 0\n", "from 1 to"), ("HannWindow s -> y", "init s int64 - = 1000000000000\n", "from 1 to 65536"),
            ("HannWindow s -> y output_datatype=7", "init s int64 - = 4\n", "int64"), ("Det i -> y", "init i float 2,9,9 = 1\n", "square matrices"),
            ("MelWeightMatrix s,s,s,s,s -> y", "init s int64 - = 9\n", "known edges"), ("QuantizeLinear i,s -> y axis=9", image + "init s float 2 = 1\n", "axis"),
            ("DequantizeLinear i,s -> y", image + "init s float - = 1\n", "needs integers"), ("MatMulInteger x,x -> y", "", "needs integers of at least two dims"),
            ("Attention x,x,x -> y", "opset 23\n", "number of heads"), ("Attention i,k,k -> y", "opset 23\ninit i float 1,3,2,4 = 1\ninit k float 1,2,2,4 = 1\n", "do not divide"),
            ("RotaryEmbedding i,s,s -> y", image + "opset 23\ninit s float 1,4,3 = 1\n", "cosines or sines"), ("RotaryEmbedding i,s,s -> y rotary_embedding_dim=9", image + "opset 23\ninit s float 1,4,2 = 1\n", "turns 9"),
            ("Relu -> y", "", "no input 0")):
        tool.refuse(text, one_node(text, inits), *say)


class Watch:
    """Who opens or reads a file, as the kernel tells it (inotify)."""

    def __init__(self, path):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self.libc.inotify_init1(os.O_NONBLOCK)
        if self.fd < 0 or self.libc.inotify_add_watch(self.fd, path.encode(), 0x1 | 0x20) < 0:  # IN_ACCESS, IN_OPEN
            raise OSError(ctypes.get_errno(), "inotify")

    def seen(self):
        try:
            return len(os.read(self.fd, 65536)) > 0
        except BlockingIOError:
            return False


def outside(tool):
    os.makedirs(os.path.join(tool.folder, "..", "other"), exist_ok=True)
    secret = os.path.join(tool.folder, "..", "other", "secret")
    with open(secret, "wb") as file:
        file.write(b"SECRETSECRET" * 4)
    with open(os.path.join(tool.folder, "w.bin"), "wb") as file:
        file.write(struct.pack("<24f", *range(24)))
    for link, target in (("link", secret), ("up", ".."), ("round", "round")):
        os.symlink(target, os.path.join(tool.folder, link))
    os.mkfifo(os.path.join(tool.folder, "fifo"))
    watch = Watch(secret)
    use = "node MatMul x,w -> y\noutput y\n"

    def external(where, more=""):
        return model(f"{INPUT}init w float 4,3 @ {where}\n{more}{use}")
    for name, where, text in (
            ("..", "../other/secret,0,48", "leads out of the model's folder"), ("an absolute path", f"{secret},0,48", "leads out"),
            ("a symbolic link", "link,0,48", "leads out"), ("a linked folder", "up/other/secret,0,48", "leads out"),
            ("a link to itself", "round,0,48", "leads out"), ("/proc", "/proc/self/environ,0,48", "leads out"),
            ("down and up", "x/../../other/secret,0,48", ""), ("no file", "missing,0,48", "No such file"), ("no name", ",0,48", ""),
            ("a pipe", "fifo,0,48", "no regular file"), ("the folder", ".,0,48", "no regular file"),
            ("beyond the end", "w.bin,96,48", "too few"), ("partly beyond", "w.bin,49,48", "too few"),
            ("an offset that wraps", "w.bin,18446744073709551612,48", "too few"), ("a huge offset", "w.bin,99999999999999999999999,48", "no size"),
            ("a negative offset", "w.bin,-4,48", "no size"), ("another length", "w.bin,0,44", "length 44")):
        tool.refuse("external data: " + name, external(where), text)
    tool.check("the file outside is neither opened nor read", not watch.seen(), "it was")
    with open(secret, "rb") as file:
        file.read()
    tool.check("the watch over the file outside sees who opens it", watch.seen(), "it does not")
    overlap = f"{INPUT}init w float 4,3 @ w.bin,0,48\ninit v float 3 @ w.bin,44,12\nnode MatMul x,w -> m\nnode Add m,v -> y\noutput y\n"
    tool.refuse("external data: shared bytes", model(overlap), "overlaps")
    code, said, _ = tool.compile(model(overlap.replace("44,12", "48,12")))
    with open(os.path.join(tool.folder, "out.safetensors"), "rb") as file:
        blob = file.read()
    tool.check("good external data", code == 0 and blob.endswith(struct.pack("<15f", *range(15))), said)
    print("ok   good external data")


def mutations(tool, count, seed):
    good, draw = model(GOOD), random.Random(seed)
    print(f"mutations by seed {seed}")
    for i in range(count):
        blob = bytearray(good)
        for _ in range(draw.choice((1, 1, 2, 8))):
            at = draw.randrange(len(blob))
            what = draw.randrange(4)
            if what == 0:
                blob[at] ^= 1 << draw.randrange(8)
            elif what == 1:
                blob[at] = draw.choice((0, 1, 127, 128, 255))
            elif what == 2:
                del blob[at:at + draw.randrange(1, 5)]
            else:
                blob[at:at] = blob[draw.randrange(len(blob)):][:draw.randrange(1, 9)]
        code, said, memory = tool.compile(bytes(blob))
        fits = memory <= tool.base + 4 * len(blob) + (64 << 20)
        tool.check(f"mutation {i} of seed {seed}", code in (0, 2) and fits and (code == 0 or "error: " in said), f"exit {code}\n{said}")
    print(f"ok   {count} mutations")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--mutations", type=int, default=40)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as outer:
        folder = os.path.join(outer, "model")
        os.mkdir(folder)
        tool = Tool(args.bin, folder)
        code, said, tool.base = tool.compile(model(GOOD))
        tool.check("the good model", code == 0, said)
        for part in (broken, large, deep, growing, wrong_values, outside):
            part(tool)
        mutations(tool, args.mutations, args.seed)
    return 1 if tool.failed else 0


if __name__ == "__main__":
    sys.exit(main())
