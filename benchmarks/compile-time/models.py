"""Prints large transformers as `of` text, for one device: BERT, GPT and LLaMA, at any size.

  models.py FAMILY [--layers N]

FAMILY is one of `FAMILIES`, whose sizes are those of the papers: BERT-Large (Devlin et al. 2018), GPT-3 (Brown et al.
2020), LLaMA 3 8B (Grattafiori et al. 2024). No weights, so a model of 175 billion parameters is a few thousand lines.
"""
import argparse
from dataclasses import dataclass


@dataclass
class Size:
    layers: int
    width: int
    heads: int
    inner: int  # of the dense layers
    tokens: int
    sequence: int
    groups: int = 0  # heads of keys and values, where they are fewer
    causal: bool = True
    is_gated: bool = False  # LLaMA: RMS norm, rotated positions, gated dense layers, no biases


FAMILIES = {
    "bert-large": Size(24, 1024, 16, 4096, 30522, 512, causal=False),
    "gpt3-175b": Size(96, 12288, 96, 49152, 50257, 2048),
    "llama-8b": Size(32, 4096, 32, 14336, 128256, 2048, groups=8, is_gated=True),
}


class Value(str):
    """What a value is called; `dims` are its own, "?" for the batch."""

    def __new__(cls, name, dims, element="f32"):
        self = super().__new__(cls, name)
        self.dims, self.element = list(dims), element
        return self

    @property
    def type(self):
        return "tensor<" + "".join(f"{d}x" for d in self.dims) + self.element + ">"


class Writer:
    """Appends ops; names are numbered, what matters has a name of its own."""

    def __init__(self):
        self.lines, self.count = [], 0

    def line(self, value, text):
        self.lines.append(f"  {value} = {text}")
        return value

    def fresh(self, dims, element="f32", name=""):
        self.count += 1
        return Value(f"%{name or f't{self.count}'}", dims, element)

    def op(self, text, operands, dims, element="f32", name=""):
        out = self.fresh(dims, element, name)
        types = ", ".join(v.type for v in operands)
        return self.line(out, f"of.{text.format(*operands)} : ({types}) -> {out.type}")

    def parameter(self, name, dims, init, fan=""):
        out = Value("%" + name, dims)
        return self.line(out, f'of.parameter "{name}" init(#of.init<{init}>){fan} : {out.type}')

    def constant(self, number):
        out = self.fresh([])
        return self.line(out, f"of.constant {number:e} : f32 : {out.type}")

    def index(self, dim, dims):
        out = self.fresh(dims, "i64")
        return self.line(out, f"of.iota {dim} : {out.type}")

    def each(self, name, *operands):
        """A pointwise op; the first operand has the result's shape."""
        places = ", ".join("{}" for _ in operands)
        return self.op(f"{name} {places}", operands, operands[0].dims)

    def reshape(self, x, dims):
        sizes = ", ".join("0" if d == "?" else str(d) for d in dims)
        return self.op(f"reshape {{}} to [{sizes}]", [x], dims)

    def transpose(self, x, order):
        return self.op(f"transpose {{}} {list(order)}", [x], [x.dims[i] for i in order])

    def matmul(self, x, y, columns, flags=""):
        return self.op("matmul {}, {}" + flags, [x, y], x.dims[:-1] + [columns])


class Model:
    def __init__(self, size):
        self.size, self.w = size, Writer()
        if size.causal:
            self.future, self.never = self.mask()
        if size.is_gated:
            self.cos, self.sin = self.angles()

    def mask(self):
        dims = [self.size.sequence] * 2
        row, column = self.w.index(0, dims), self.w.index(1, dims)
        return self.w.op('compare "gt" {}, {}', [column, row], dims, "i1"), self.w.constant(-1e9)

    def angles(self):
        """Position times 500000 ^ (-2i / d), for both halves of a head (Su et al. 2021)."""
        w, dims = self.w, [self.size.sequence, 1, self.size.width // self.size.heads // 2]
        place, column = (w.op("cast {} to f32", [w.index(dim, dims)], dims) for dim in (0, 2))
        rate = w.each("mul", column, w.constant(-13.122363 / dims[2]))
        angle = w.each("mul", place, w.each("exp", rate))
        return w.each("cos", angle), w.each("sin", angle)

    # ---- Parts of a layer

    def dense(self, name, x, outer):
        w, inner = self.w, x.dims[-1]
        weight = w.parameter(name + ".weight", [inner, outer], "normal, 0.0, 0.02")
        product = w.matmul(x, weight, outer)
        if self.size.is_gated:
            return product
        return w.each("add", product, w.parameter(name + ".bias", [outer], "constant, 0.0"))

    def norm(self, name, x):
        w, width = self.w, [x.dims[-1]]
        scale = w.parameter(name + ".weight", width, "constant, 1.0")
        if not self.size.is_gated:
            return w.each("layer_norm", x, scale, w.parameter(name + ".bias", width, "constant, 0.0"))
        mean = w.op(f"reduce_mean {{}} dims [{len(x.dims) - 1}] keepdims", [w.each("square", x)], x.dims[:-1] + [1])
        root = w.each("rsqrt", w.each("add", mean, w.constant(1e-5)))
        return w.each("mul", w.each("mul", x, root), scale)

    def rotate(self, x):
        """Pairs (a, b) of a head's halves turned by their angle."""
        w, half = self.w, x.dims[-1] // 2
        dims, axis = x.dims[:-1] + [half], len(x.dims) - 1

        def part(start):
            starts = ", ".join(["0"] * axis + [str(start)])
            sizes = ", ".join(["-1"] * axis + [str(half)])
            steps = ", ".join(["1"] * (axis + 1))
            return w.op(f"slice {{}} {{{{starts = array<i64: {starts}>, sizes = array<i64: {sizes}>, "
                        f"steps = array<i64: {steps}>}}}}", [x], dims)

        a, b = part(0), part(half)
        left = w.each("sub", w.each("mul", a, self.cos), w.each("mul", b, self.sin))
        right = w.each("add", w.each("mul", b, self.cos), w.each("mul", a, self.sin))
        return w.op(f"concat {{}}, {{}} {{{{dim = {axis} : i64}}}}", [left, right], x.dims)

    def heads(self, x, count):
        """[?, s, count, d], turned by its place where the family does that."""
        return self.w.reshape(x, x.dims[:2] + [count, x.dims[2] // count])

    def attention(self, name, x):
        w, size = self.w, self.size
        groups, s, d = size.groups or size.heads, size.sequence, size.width // size.heads
        each = size.heads // groups  # heads that share keys and values
        q = self.heads(self.dense(name + ".q", x, size.width), size.heads)
        k, v = (self.heads(self.dense(f"{name}.{part}", x, groups * d), groups) for part in "kv")
        if size.is_gated:
            q, k = self.rotate(q), self.rotate(k)
        k, v = (w.transpose(part, (0, 2, 1, 3)) for part in (k, v))
        if each == 1:
            q = w.transpose(q, (0, 2, 1, 3))
        else:
            q = w.transpose(w.reshape(q, ["?", s, groups, each, d]), (0, 2, 3, 1, 4))
            q = w.reshape(q, ["?", groups, each * s, d])
        scores = w.each("mul", w.matmul(q, k, s, " transpose_rhs"), w.constant(d ** -0.5))
        if each > 1:
            scores = w.reshape(scores, ["?", groups, each, s, s])
        if size.causal:
            scores = w.op("select {}, {}, {}", [self.future, self.never, scores], scores.dims)
        weights = w.each("softmax", scores)
        if each > 1:
            weights = w.reshape(weights, ["?", groups, each * s, s])
        mixed = w.matmul(weights, v, d)
        if each == 1:
            rows = w.transpose(mixed, (0, 2, 1, 3))
        else:
            rows = w.transpose(w.reshape(mixed, ["?", groups, each, s, d]), (0, 3, 1, 2, 4))
        return self.dense(name + ".out", w.reshape(rows, ["?", s, size.width]), size.width)

    def wide(self, name, x):
        up = self.dense(name + ".up", x, self.size.inner)
        if self.size.is_gated:
            active = self.w.each("mul", self.w.each("silu", self.dense(name + ".gate", x, self.size.inner)), up)
        else:
            active = self.w.each("gelu", up)
        return self.dense(name + ".down", active, self.size.width)

    def layer(self, i, x):
        name = f"layer{i}"
        x = self.w.each("add", x, self.attention(name, self.norm(name + ".norm1", x)))
        return self.w.each("add", x, self.wide(name, self.norm(name + ".norm2", x)))

    # ---- All

    def text(self, layers):
        w, size = self.w, self.size
        rows = ["?", size.sequence, size.width]
        text = Value("%text", rows[:2], "i32")
        table = w.parameter("embedding.weight", [size.tokens, size.width], "normal, 0.0, 0.02")
        x = w.op("embedding {}, {}", [table, text], rows)
        if not size.is_gated:
            x = w.each("add", x, w.parameter("position.weight", rows[1:], "normal, 0.0, 0.02"))
        for i in range(layers):
            x = self.layer(i, x)
        logits = self.dense("head", self.norm("norm", x), size.tokens)
        body = "\n".join(w.lines)
        return (f"func.func @model({text}: {text.type}) -> {logits.type} {{\n{body}\n"
                f"  return {logits} : {logits.type}\n}}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", choices=FAMILIES)
    parser.add_argument("--layers", type=int)
    args = parser.parse_args()
    size = FAMILIES[args.family]
    print(Model(size).text(args.layers or size.layers), end="")


if __name__ == "__main__":
    main()
