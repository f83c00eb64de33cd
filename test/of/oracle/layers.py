"""Normalisations, embedding, dropout, slices."""
import torch
import torch.nn.functional as F

from cases import array, case, integers, positive, reals

# ---- Normalisations --------------------------------------------------------------------------------

STATISTICS = [positive(6), reals(6), reals(6), positive(6)]


def moments(x, dims):
    return x.mean(dims).detach(), x.var(dims, unbiased=True).detach()


for dim, shape in ((1, (5, 6, 4, 3)), (1, (7, 6)), (3, (3, 4, 2, 6))):
    dims = [d for d in range(len(shape)) if d != dim]

    def first(x, dim=dim):
        return x.transpose(1, dim)

    norm = "of.batch_norm %%0, %%1, %%2, %%3, %%4 {dim = %d : i64%s}"
    types = " : ({0}, {1}, {2}, {3}, {4}) -> ({r0}, {3}, {4})"
    x = reals(*shape) + 2
    case("batch_norm statistics %d %s" % (dim, shape), norm % (dim, ", training"), [x] + STATISTICS,
         lambda x, w, b, m, v, first=first, dims=dims: (first(F.batch_norm(first(x), None, None, w, b, True)), *moments(x, dims)),
         differentiable="oracle")
    case("batch_norm training %d %s" % (dim, shape), "%r0, %m, %v = " + norm % (dim, ", training, epsilon = 0.01 : f64") + types,
         [x] + STATISTICS, lambda x, w, b, m, v, first=first: first(F.batch_norm(first(x), None, None, w, b, True, eps=0.01)))
    # PyTorch does not differentiate running statistics; a formula does.
    case("batch_norm evaluation %d %s" % (dim, shape), "%r0, %m, %v = " + norm % (dim, "") + types, [x] + STATISTICS,
         lambda x, w, b, m, v, first=first: first(((first(x).transpose(1, -1) - m) / (v + 1e-5).sqrt() * w + b).transpose(1, -1)))

for dim, shape in ((-1, (4, 3, 5)), (1, (4, 3, 5))):
    inner = shape[dim:]
    case("layer_norm %d" % dim, "of.layer_norm %%0, %%1, %%2 {dim = %d : i64}" % dim, [reals(*shape) + 3, reals(*inner), reals(*inner)],
         lambda x, w, b, i=inner: F.layer_norm(x, i, w, b))
    case("layer_norm without bias %d" % dim, "of.layer_norm %%0, %%1 {dim = %d : i64, epsilon = 0.1 : f64}" % dim,
         [reals(*shape), reals(*inner)], lambda x, w, i=inner: F.layer_norm(x, i, w, eps=0.1))
for groups in (1, 3, 6):
    case("group_norm %d" % groups, "of.group_norm %%0, %%1, %%2 {groups = %d : i64}" % groups,
         [reals(4, 6, 3, 2), reals(6), reals(6)], lambda x, w, b, g=groups: F.group_norm(x, g, w, b))
for dim in (-1, 1):
    case("log_softmax %d" % dim, "of.log_softmax %%0 {dim = %d : i64}" % dim, [reals(5, 3, 4)], lambda x, d=dim: F.log_softmax(x, d))

# ---- Rows ------------------------------------------------------------------------------------------

for dtype in (torch.int32, torch.int64):
    indices = integers(0, 7, 5, 3, dtype=dtype)
    case("embedding %s" % dtype, "of.embedding %0, %1", [reals(7, 4), indices], lambda t, i: F.embedding(i, t))
    case("embedding_backward %s" % dtype, "of.embedding_backward %0, %1 {rows = 7 : i64}", [indices, reals(5, 3, 4)],
         lambda i, g: torch.zeros(7, 4).double().index_add(0, i.long().reshape(-1), g.reshape(-1, 4)))
case("embedding of columns", "of.embedding %0, %1", [reals(7, 4, 3), integers(0, 7, 6)], lambda t, i: t[i])
case("embedding out of range", "of.embedding %0, %1", [reals(3, 4), torch.tensor([-1, 0, 3, 2])],
     lambda t, i: torch.where(((i >= 0) & (i < 3))[:, None], t[i.clamp(0, 2)], torch.zeros(1, 4).double()))

# ---- Dropout ---------------------------------------------------------------------------------------

case("dropout training", "of.dropout %0, %1 {rate = 0.4 : f64, seed = 5 : i64, id = 2 : i64, training}", [reals(6, 5), integers(0, 99)],
     results=[torch.zeros(6, 5).double()], micro=1)
case("dropout evaluation", "of.dropout %0 {rate = 0.4 : f64}", [reals(6, 5)], lambda x: x * 1)

# ---- Slices ----------------------------------------------------------------------------------------


def slices(starts, sizes, steps):
    return "starts = %s, sizes = %s, steps = %s" % (array(starts), array(sizes), array(steps))


x = reals(5, 7, 6)
for label, attributes, function in [
        ("rows", slices((0, 2, 0), (5, 3, 6), (1, 1, 1)), lambda x: x[:, 2:5]),
        ("start of a dim", slices((0, 0, 0), (3, -1, -1), (1, 1, 1)), lambda x: x[:3]),
        ("steps", slices((1, 0, 5), (2, 3, 1), (3, 3, 1)), lambda x: x[1::3, ::3, 5:]),
        ("backwards", slices((4, 5, 0), (-1, 2, -1), (-1, -3, 1)), lambda x: x.flip(0)[:, [5, 2]]),
        ("all", slices((0, 0, 0), (-1, -1, -1), (1, 1, 1)), lambda x: x * 1)]:
    case("slice " + label, "of.slice %%0 {%s}" % attributes, [x], function)


def spread(x):
    out = torch.full((5, 7 * 2 + 3, 6 + 2), 0.5).double()
    out[:, 1:15:2, 2:8] = x
    return out


case("pad", "of.pad %0 {low = array<i64: 1, 0, 2>, high = array<i64: 0, 3, 1>, interior = array<i64: 0, 0, 0>}", [x],
     lambda x: F.pad(x, (2, 1, 0, 3, 1, 0)))
case("pad with a value between", "of.pad %0 {low = array<i64: 0, 1, 2>, high = array<i64: 0, 3, 0>, interior = array<i64: 0, 1, 0>, value = 0.5 : f64}",
     [x], spread)
case("pad rows", "of.pad %0 {low = array<i64: 0, 0, 1>, high = array<i64: 0, 0, 1>, interior = array<i64: 0, 0, 0>}", [x], lambda x: F.pad(x, (1, 1)))
case("pad integers", "of.pad %0 {low = array<i64: 2>, high = array<i64: 0>, interior = array<i64: 0>, value = -1.0 : f64}", [integers(0, 9, 4)],
     lambda x: F.pad(x, (2, 0), value=-1), differentiable=False)
for dim, others in ((0, [(2, 3, 4), (5, 3, 4)]), (1, [(4, 1, 3), (4, 5, 3), (4, 2, 3)]), (2, [(3, 5, 2), (3, 5, 2)])):
    case("concat %d" % dim, "of.concat %s {dim = %d : i64}" % (", ".join("%%%d" % i for i in range(len(others))), dim),
         [reals(*s) for s in others], lambda *v, d=dim: torch.cat(v, d))
case("concat same", "of.concat %0, %0 {dim = 1 : i64}", [reals(3, 4)], lambda x: torch.cat((x, x), 1))
