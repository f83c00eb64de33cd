"""Reductions, shapes, products, softmax and losses."""
import torch.nn.functional as F

from cases import case, distinct, integers, reals

S = (5, 3, 4)

# ---- Reductions, shapes ----------------------------------------------------------------------------

for dims in ([0], [1], [0, 2], [0, 1, 2]):
    for keep in (False, True):
        body = "dims %s%s" % (dims, " keepdims" if keep else "")
        label = " %s%s" % (dims, " kept" if keep else "")
        case("reduce_sum" + label, "of.reduce_sum %0 " + body, [reals(*S)], lambda x, d=dims, k=keep: x.sum(d, k))
        case("reduce_mean" + label, "of.reduce_mean %0 " + body, [reals(*S)], lambda x, d=dims, k=keep: x.mean(d, k))
        case("reduce_max" + label, "of.reduce_max %0 " + body, [distinct(*S)], lambda x, d=dims, k=keep: x.amax(d, k))
        case("reduce_min" + label, "of.reduce_min %0 " + body, [distinct(*S)], lambda x, d=dims, k=keep: x.amin(d, k))
case("reduce_max ties", "of.reduce_max %0 dims [1]", [integers(0, 2, 4, 6).double()], lambda x: x.amax(1), differentiable="oracle")
for shape in ([15, 4], [5, 12], [-1], [5, 3, 2, 2], [10, 6], [1, 5, 3, 1, 4]):
    case("reshape %s" % shape, "of.reshape %%0 to %s" % shape, [reals(*S)], lambda x, s=shape: x.reshape(s))
for p in ([2, 0, 1], [1, 0, 2], [0, 1, 2]):
    case("transpose %s" % p, "of.transpose %%0 %s" % p, [reals(*S)], lambda x, p=p: x.permute(p))

# ---- Products --------------------------------------------------------------------------------------

for tl in (False, True):
    for tr in (False, True):
        flags = (" transpose_lhs" if tl else "") + (" transpose_rhs" if tr else "")
        x, w = reals(4, 6).T if tl else reals(4, 6), reals(6, 5).T if tr else reals(6, 5)
        f = lambda x, w, tl=tl, tr=tr: (x.transpose(-1, -2) if tl else x) @ (w.transpose(-1, -2) if tr else w)
        case("matmul" + flags, "of.matmul %0, %1" + flags, [x.contiguous(), w.contiguous()], f)
        bx, bw = (3, 6, 4) if tl else (3, 4, 6), (3, 5, 6) if tr else (3, 6, 5)
        case("matmul batched" + flags, "of.matmul %0, %1" + flags, [reals(*bx), reals(*bw)], f)
        if not tl:
            case("matmul shared" + flags, "of.matmul %0, %1" + flags, [reals(*bx), reals(*bw[1:])], f)

# ---- Softmax, losses -------------------------------------------------------------------------------

for dim in (-1, 1):
    case("softmax %d" % dim, "of.softmax %%0 {dim = %d : i64}" % dim, [reals(*S)], lambda x, d=dim: F.softmax(x, d))
case("cross_entropy", "of.cross_entropy %0, %1", [reals(6, 5), integers(0, 5, 6)],
     lambda x, y: F.cross_entropy(x, y, reduction="none"))
case("cross_entropy rows", "of.cross_entropy %0, %1", [reals(2, 3, 5), integers(0, 5, 2, 3)],
     lambda x, y: F.cross_entropy(x.transpose(1, 2), y, reduction="none"))
