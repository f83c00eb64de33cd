#!/usr/bin/env python3
"""Every way to box a small tensor, carried out by the runtime and compared exactly.

  boxing.py --bin build/bin [--full] [--only REGEX] [--hosts 1|2] [--keep FOLDER]

A module at rung `distribute` makes tensors in a source layout, boxes each to a destination layout and sets a
variable that lies so. The compiler takes it from there, two processes of five devices run it, and the
snapshot must hold the values. With one host pieces are read in place; with two they are pushed.

Partial sources are sums, maxima and minima over one more dim that is split. The count of cases is compared
with a formula. Without --full, one pair of meshes of each relation runs, with the dtypes taking turns (rank 3 on lines only).
"""
import argparse
import itertools
import math
import os
import re
import sys
import tempfile

import torch

from tensors import read_safetensors
from tools import Failure, Tools, checkpoint, cluster, run

NODES, DEVICES = 2, 5
SHAPES = [(), (5,), (2, 7), (3, 2, 3)]  # uneven parts; four parts of the first dim leave empty ones
DTYPES = {"f64": torch.float64, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16,
          "i64": torch.int64, "i32": torch.int32, "i8": torch.int8, "ui8": torch.uint8, "i1": torch.bool}
PARTIALS = ("P", "P(max)", "P(min)")


# ---- What there is to try -----------------------------------------------------------------------------

class Mesh:
    def __init__(self, shape, devices):
        self.shape, self.devices = shape, list(devices)

    def text(self, name):
        axes = ", ".join(f"{'xy'[i]} = {n}" for i, n in enumerate(self.shape))
        return f'#of.mesh<"{name}", [{axes}], {self.devices}>'


def line(begin, size):
    return Mesh((size,), range(begin, begin + size))


def pairs_1d():
    sizes = range(1, 5)
    for n in sizes:
        yield f"same {n}", line(0, n), line(0, n)
        if n > 1:
            yield f"permuted {n}", line(0, n), Mesh((n,), reversed(range(n)))
    for n, m in itertools.product(sizes, sizes):
        yield f"disjoint {n} {m}", line(0, n), line(5, m)
        if n > 1 and m > 1:
            yield f"overlapping {n} {m}", line(2, n), line(n + 1, m)
        if m < n:
            yield f"subset {n} {m}", line(3, n), line(3 + n - m, m)
        if n < m:
            yield f"superset {n} {m}", line(4 + m - n, n), line(4, m)


def pairs_2d():
    def grid(devices):
        return Mesh((2, len(devices) // 2), devices)
    small, large = list(range(4)), list(range(6))
    yield "same 2x2", grid(small), grid(small)
    yield "same 2x3", grid(large), grid(large)
    yield "permuted 2x2", grid(small), grid([3, 1, 2, 0])
    for name, a, b in (("disjoint", small, [4, 5, 6, 7, 8, 9]), ("overlapping", small, [2, 3, 4, 5, 6, 7]),
                       ("subset", [1, 2, 4, 5], large)):
        yield f"{name} 2x2 2x3", grid(a), grid(b)
        yield f"{name} 2x3 2x2", grid(b), grid(a)
    yield "grid to line", grid(small), line(0, 4)
    yield "line to grid", line(3, 4), grid(small)


def layouts(rank, axes, partial):
    """All layouts of a tensor of this rank; partial axes are of one kind."""
    whole = ["B"] + [f"S({d})" for d in range(rank)]
    yield from itertools.product(whole, repeat=axes)
    for kind in PARTIALS if partial else ():
        for layout in itertools.product(whole + [kind], repeat=axes):
            if kind in layout:
                yield layout


class Case:
    def __init__(self, mesh, dtype, shape, source, target):
        self.dtype, self.shape, self.source, self.target = dtype, shape, source, target
        sizes = [n for n, sbp in zip(mesh.shape, source) if sbp in PARTIALS]
        self.terms = math.prod(sizes)
        self.partial = next((sbp for sbp in source if sbp in PARTIALS), None)

    def expected(self):
        linear = torch.arange(math.prod(self.shape)).reshape(self.shape) if self.shape else torch.tensor(3)
        k = self.terms
        if self.partial == "P":
            linear = k * linear + k * (k - 1) // 2
        elif self.partial == "P(max)":
            linear = linear + k - 1
        return linear % 2 == 1 if self.dtype == "i1" else linear.to(DTYPES[self.dtype])


def cases_of(a, b, dtypes, ranks=len(SHAPES)):
    for rank, shape in enumerate(SHAPES[:ranks]):
        for dtype in dtypes:
            for source in layouts(rank, len(a.shape), dtype != "i1"):
                for target in layouts(rank, len(b.shape), False):
                    yield Case(a, dtype, shape, source, target)


def count_of(a, b, dtypes, ranks=len(SHAPES)):
    """The formula: with r = rank, a source has (1 + r)^axes whole layouts and, for each of three kinds,
    (2 + r)^axes - (1 + r)^axes partial ones; a destination has (1 + r)^axes."""
    total = 0
    for r in range(ranks):
        whole = (1 + r)**len(a.shape)
        partial = 3 * ((2 + r)**len(a.shape) - whole)
        for dtype in dtypes:
            total += (whole + (partial if dtype != "i1" else 0)) * (1 + r)**len(b.shape)
    return total


# ---- The module ---------------------------------------------------------------------------------------

class Module:
    """Text of a module; types are made of a mesh name, a shape, a layout and an element type."""

    def __init__(self, header, meshes):
        self.head = [f"#{name} = {mesh.text(name)}" for name, mesh in meshes.items()] + [header]
        self.variables, self.init, self.gets, self.next = [], [], [], 0

    @staticmethod
    def type(mesh, dims, layout, dtype):
        return f"tensor<{''.join(f'{d}x' for d in dims)}{dtype}, #of.dist<#{mesh}, [{', '.join(layout)}]>>"

    def op(self, text):
        self.next += 1
        self.init.append(f"    %{self.next} = {text}")
        return f"%{self.next}"

    def source(self, mesh, case):
        """The tensor in the source layout."""
        dims, layout = list(case.shape), list(case.source)
        if case.partial:
            dims, layout = [case.terms] + dims, [self.with_terms(sbp) for sbp in layout]
        integers = self.type(mesh, dims, layout, "i64")
        x = self.linear(mesh, case, dims, layout, integers)
        if case.dtype == "i1":
            x = self.odd(mesh, x, integers, dims, layout)
        elif case.dtype != "i64":
            x = self.op(f"of.cast {x} to {case.dtype} : ({integers}) -> {self.type(mesh, dims, layout, case.dtype)}")
        if not case.partial:
            return x
        fold = {"P": "sum", "P(max)": "max", "P(min)": "min"}[case.partial]
        return self.op(f"of.reduce_{fold} {x} dims [0] : ({self.type(mesh, dims, layout, case.dtype)}) -> "
                       f"{self.type(mesh, case.shape, case.source, case.dtype)}")

    @staticmethod
    def with_terms(sbp):
        """Layout of an axis once the terms of a partial value are a first dim."""
        return "S(0)" if sbp in PARTIALS else f"S({int(sbp[2]) + 1})" if sbp[0] == "S" else "B"

    def constant(self, mesh, layout, value):
        whole = self.type(mesh, (), ["B"] * len(layout), "i64")
        return self.op(f"of.constant {value} : i64 : {whole}"), whole

    def linear(self, mesh, case, dims, layout, integers):
        """Row-major index in the tensor (3 for a scalar), plus the index of the term."""
        strides = [math.prod(case.shape[d + 1:]) for d in range(len(case.shape))]
        if case.partial:
            strides = [1] + strides
        total = None
        for d, stride in enumerate(strides):
            x = self.op(f"of.iota {d} : {integers}")
            scale, whole = self.constant(mesh, layout, stride)
            x = self.op(f"of.mul {x}, {scale} : ({integers}, {whole}) -> {integers}")
            total = x if total is None else self.op(f"of.add {total}, {x} : ({integers}, {integers}) -> {integers}")
        if not case.shape:
            three, whole = self.constant(mesh, layout, 3)
            total = three if total is None else self.op(f"of.add {total}, {three} : ({integers}, {whole}) -> {integers}")
        return total

    def odd(self, mesh, x, integers, dims, layout):
        two, whole = self.constant(mesh, layout, 2)
        half = self.op(f"of.div {x}, {two} : ({integers}, {whole}) -> {integers}")
        even = self.op(f"of.mul {half}, {two} : ({integers}, {whole}) -> {integers}")
        return self.op(f'of.compare "ne" {x}, {even} : ({integers}, {integers}) -> {self.type(mesh, dims, layout, "i1")}')

    def box(self, a, b, case, x, name):
        before, after = self.type(a, case.shape, case.source, case.dtype), self.type(b, case.shape, case.target, case.dtype)
        y = self.op(f"of.boxing {x} : {before} to {after}")
        self.init.append(f"    of.set @{name}, {y} : {after}")
        self.variables.append(f'  of.variable @{name} : {after} "buffer"')
        self.gets.append(f"    %{name} = of.get @{name} : {after}")

    def text(self):
        return "\n".join(self.head + self.variables + ["  of.program @init init {"] + self.init +
                         ["  }", "  of.program @snapshot snapshot {"] + self.gets +
                         ["  }", "  of.loop 1 {", "    of.run @init count 1", "    of.run @snapshot count 1", "  }", "}", ""])


JOB = """model: model.mlir
data:
  train: {samples: 2, fields: {x: {files: [x.npy], format: npy}}}
loss: {output: 0}
optimizer: {sgd: {lr: 1}}
batch: 2
steps: 1
checkpoint: {every_steps: 1}
"""
MODEL = """func.func @f(%x: tensor<?xf32>) -> tensor<?xf32> {
  %w = of.parameter "w" init(#of.init<constant, 0.0>) : tensor<1xf32>
  %y = of.mul %x, %w : (tensor<?xf32>, tensor<1xf32>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}
"""


def header(tools, hosts):
    """The module line with the attributes of a job and this cluster, as the compiler writes it."""
    texts = {"model.mlir": MODEL, "job.yaml": JOB, "cluster.yaml": cluster(NODES, DEVICES, hosts)}
    paths = {name: os.path.join(tools.folder, name) for name in texts}
    for name, text in texts.items():
        with open(paths[name], "w") as file:
            file.write(text)
    text = run([tools.tool("of-compile"), paths["job.yaml"], "--cluster=" + paths["cluster.yaml"],
                "--compile-to=distribute", "-o", "-"]).stdout
    return next(line for line in text.splitlines() if line.startswith("module "))


def run_pair(tools, head, name, hosts, a, b, cases):
    """Runs all cases of a pair of meshes at once; returns what is wrong, by case."""
    same = a.shape == b.shape and a.devices == b.devices
    module = Module(head, {"a": a} if same else {"a": a, "b": b})
    sources = {}
    for i, case in enumerate(cases):
        key = case.dtype, case.shape, case.source
        if key not in sources:
            sources[key] = module.source("a", case)
        module.box("a", "a" if same else "b", case, sources[key], f"v{i}")
    source = os.path.join(tools.folder, re.sub(r"\W+", "-", name) + f"-{hosts}.mlir")
    planned = source[:-5] + ".planned.mlir"
    with open(source, "w") as file:
        file.write(module.text())
    run([tools.tool("of-opt"), "--of-plan-boxing", source, "-o", planned])
    wrong = []
    for text in (source, planned):  # in one step, and by the planner's path
        base = text[:-5]
        os.makedirs(base, exist_ok=True)
        run([tools.tool("of-compile"), text, "-o", os.path.join(base, "job.plan")])
        values = read_safetensors(checkpoint(tools.train(base), 0))
        for i, case in enumerate(cases):
            value, expected = values[f"v{i}"], case.expected()
            if value.dtype != expected.dtype or not torch.equal(value, expected):
                wrong.append(f"{case.dtype} {case.shape} {case.source} to {case.target}: {value.tolist()}, "
                             f"not {expected.tolist()}")
    return wrong


def selected(full):
    """(name, meshes, dtypes, ranks) of the runs."""
    seen, turn = set(), itertools.cycle(DTYPES)
    for name, a, b in pairs_1d():
        relation = name.split()[0]
        if full:
            yield name, a, b, list(DTYPES), len(SHAPES)
        elif relation not in seen and len(a.devices) > 1 and len(b.devices) > 1:
            seen.add(relation)
            yield name, a, b, [next(turn), next(turn)], len(SHAPES)
    for name, a, b in pairs_2d():
        if full:
            yield name, a, b, [next(turn), next(turn)], len(SHAPES)
        elif name == "overlapping 2x2 2x3":
            yield name, a, b, [next(turn)], len(SHAPES) - 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--data", default=".", help="not needed; all scripts here take it")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--hosts", type=int, choices=(1, 2))
    parser.add_argument("--keep")
    args = parser.parse_args()
    if args.keep:
        os.makedirs(args.keep, exist_ok=True)
    torch.set_num_threads(1)
    failed = total = counted = 0
    with tempfile.TemporaryDirectory() as temporary:
        tools = Tools(args.bin, args.data, os.path.abspath(args.keep or temporary))
        heads = {hosts: header(tools, hosts) for hosts in ([args.hosts] if args.hosts else (1, 2))}
        for i, (name, a, b, dtypes, ranks) in enumerate(selected(args.full)):
            if not re.search(args.only, name):
                continue
            cases = list(cases_of(a, b, dtypes, ranks))
            total += len(cases)
            counted += count_of(a, b, dtypes, ranks)
            for hosts, head in heads.items():
                if not args.full and not args.hosts and hosts != 1 + i % 2: # take turns
                    continue
                try:
                    wrong = run_pair(tools, head, name, hosts, a, b, cases)
                except Failure as failure:
                    wrong = [str(failure)[:4000]]
                print(f"{'FAIL' if wrong else 'ok  '} {name}, {hosts} host{'s' * (hosts > 1)}, {' '.join(dtypes)}: {len(cases)} boxings", flush=True)
                for text in wrong[:5]:
                    print("     " + text)
                failed += bool(wrong)
    print(f"{total} boxings, {counted} by the formula")
    return 1 if failed or total != counted else 0


if __name__ == "__main__":
    sys.exit(main())
