"""Prints transformer blocks as a model: layer norm, attention, layer norm, two dense layers."""
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--hidden", type=int, required=True)
parser.add_argument("--heads", type=int, required=True)
parser.add_argument("--sequence", type=int, required=True)
parser.add_argument("--layers", type=int, default=1)
args = parser.parse_args()
H, HEADS, SEQ = args.hidden, args.heads, args.sequence
D = H // HEADS


def tensor(*dims):
    return "tensor<" + "x".join(str(d) for d in dims) + "xf32>"


ROWS = tensor("?", SEQ, H)


class Layer:
    def __init__(self, index):
        self.name = f"layer{index}." if args.layers > 1 else ""

    def emit(self, name, op, operands, types, result):
        print(f"  %{self.name}{name} = of.{op.format(*operands)} : ({', '.join(types)}) -> {result}")
        return f"%{self.name}{name}"

    def parameter(self, name, dims, init, fan=""):
        print(f'  %{self.name}{name} = of.parameter "{self.name}{name}" init(#of.init<{init}>){fan} : {tensor(*dims)}')
        return f"%{self.name}{name}"

    def norm(self, name, x):
        scale = self.parameter(name + ".weight", [H], "constant, 1.0")
        shift = self.parameter(name + ".bias", [H], "constant, 0.0")
        return self.emit(name, "layer_norm {}, {}, {}", [x, scale, shift], [ROWS, tensor(H), tensor(H)], ROWS)

    def dense(self, name, x, inner, outer):
        weight = self.parameter(name + ".weight", [inner, outer], "xavier_uniform", ' {fan = "in_out"}')
        bias = self.parameter(name + ".bias", [outer], "constant, 0.0")
        out = tensor("?", SEQ, outer)
        product = self.emit(name + ".product", "matmul {}, {}", [x, weight],
                            [tensor("?", SEQ, inner), tensor(inner, outer)], out)
        return self.emit(name, "add {}, {}", [product, bias], [out, tensor(outer)], out)

    def heads(self, name, x):
        split = tensor("?", SEQ, HEADS, D)
        parts = self.emit(name + ".parts", f"reshape {{}} to [0, {SEQ}, {HEADS}, {D}]", [x], [ROWS], split)
        return self.emit(name + ".heads", "transpose {} [0, 2, 1, 3]", [parts], [split], tensor("?", HEADS, SEQ, D))

    def write(self, x):
        normed = self.norm("norm1", x)
        q, k, v = (self.heads(n, self.dense(n, normed, H, H)) for n in "qkv")
        each, pairs = tensor("?", HEADS, SEQ, D), tensor("?", HEADS, SEQ, SEQ)
        scores = self.emit("scores", "matmul {}, {} transpose_rhs", [q, k], [each, each], pairs)
        weights = self.emit("weights", "softmax {}", [scores], [pairs], pairs)
        mixed = self.emit("mixed", "matmul {}, {}", [weights, v], [pairs, each], each)
        split = tensor("?", SEQ, HEADS, D)
        rows = self.emit("rows", "transpose {} [0, 2, 1, 3]", [mixed], [each], split)
        joined = self.emit("joined", f"reshape {{}} to [0, {SEQ}, {H}]", [rows], [split], ROWS)
        x = self.emit("attended", "add {}, {}", [x, self.dense("out", joined, H, H)], [ROWS, ROWS], ROWS)
        up = self.dense("up", self.norm("norm2", x), H, 4 * H)
        wide = tensor("?", SEQ, 4 * H)
        active = self.emit("active", "gelu {}", [up], [wide], wide)
        return self.emit("result", "add {}, {}", [x, self.dense("down", active, 4 * H, H)], [ROWS, ROWS], ROWS)


print(f"func.func @blocks(%x: {ROWS}) -> {ROWS} {{")
value = "%x"
for index in range(args.layers):
    value = Layer(index).write(value)
print(f"  return {value} : {ROWS}\n}}")
