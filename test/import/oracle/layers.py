"""Normalisations, recurrent layers, losses, attention."""
import torch
import torch.nn.functional as F

from cases import integers, positive, reals
from graphs import case

IMAGE = (3, 4, 5, 2)

# ---- Normalisations
case("BatchNormalization a,b,c,mean,var -> y", [reals(*IMAGE), reals(4), reals(4)],
     lambda x, w, b: F.batch_norm(x, torch.zeros(4).double(), torch.ones(4).double(), w, b, eps=1e-5),
     mean=torch.zeros(4, dtype=torch.float64), var=torch.ones(4, dtype=torch.float64))
case("BatchNormalization a,b,c,mean,var -> y,m,v training_mode=1", [reals(*IMAGE), reals(4), reals(4)],
     lambda x, w, b: F.batch_norm(x, None, None, w, b, True, eps=1e-5), what="training",
     mean=torch.zeros(4, dtype=torch.float64), var=torch.ones(4, dtype=torch.float64))
case("InstanceNormalization a,b,c -> y", [reals(*IMAGE), reals(4), reals(4)],
     lambda x, w, b: F.instance_norm(x, None, None, w, b, eps=1e-5))
case("GroupNormalization a,b,c -> y num_groups=2", [reals(*IMAGE), reals(4), reals(4)],
     lambda x, w, b: F.group_norm(x, 2, w, b, 1e-5), opset=21)
case("LayerNormalization a,b,c -> y axis=2", [reals(*IMAGE), reals(5, 2), reals(5, 2)],
     lambda x, w, b: F.layer_norm(x, (5, 2), w, b, 1e-5))
case("RMSNormalization a,b -> y axis=-1", [reals(3, 4, 6), reals(6)],
     lambda x, w: x * torch.rsqrt(x.square().mean(-1, True) + 1e-5) * w, opset=23)
for p in (1, 2):
    case(f"LpNormalization a -> y axis=1 p={p}", [reals(3, 4, 5)], lambda x, p=p: F.normalize(x, p, 1), what=str(p))
case("MeanVarianceNormalization a -> y", [reals(*IMAGE)],
     lambda x: (x - x.mean((0, 2, 3), True)) / (x.var((0, 2, 3), False, True).sqrt() + 1e-9))
case("LRN a -> y size=3 alpha=0.2 beta=0.7 bias=1.5", [reals(2, 6, 3, 3)],
     lambda x: F.local_response_norm(x, 3, 0.2, 0.7, 1.5))

# ---- Recurrent layers: PyTorch orders gates and directions otherwise.
STEPS, ROWS, INPUT, WIDTH = 4, 3, 5, 2


def parts(w, order):
    return torch.cat([w.chunk(len(order))[i] for i in order])


def layer(kind, order, x, weights, recurrent, bias, h, c=None, lengths=None, both=False, **options):
    """`order`: PyTorch's gates among ONNX's."""
    module = getattr(torch.nn, kind)(INPUT, WIDTH, bidirectional=both, **options).double()
    # What its forward takes; parameters themselves would be leaves.
    module._flat_weights = [parts(w, order) for i in range(1 + both)
                            for w in (weights[i], recurrent[i], *bias[i].chunk(2))]
    if lengths is not None:
        x = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    hidden = h if c is None else (h, c)
    y, last = module(x, hidden)
    if lengths is not None:
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, total_length=STEPS)
    y = y.reshape(STEPS, ROWS, 1 + both, WIDTH).permute(0, 2, 1, 3)
    return (y, last) if c is None else (y, *last)


for op, order, more in (("RNN", (0,), ""), ("LSTM", (0, 2, 3, 1), ""), ("GRU", (1, 0, 2), " linear_before_reset=1")):
    gates, has_cell = len(order), op == "LSTM"
    for both in (False, True):
        n, way = 1 + both, "bidirectional" if both else "forward"
        arguments = [reals(STEPS, ROWS, INPUT), reals(n, gates * WIDTH, INPUT), reals(n, gates * WIDTH, WIDTH),
                     reals(n, 2 * gates * WIDTH), reals(n, ROWS, WIDTH)] + [reals(n, ROWS, WIDTH)] * has_cell
        states = "e" + ",f" * has_cell
        results = "y,z" + ",w" * has_cell
        for lengths in (None, torch.tensor([2, 4, 3])):
            given = {"lengths": lengths.int()} if lengths is not None else {}
            case(f"{op} a,b,c,d,{'lengths' if given else ''},{states} -> {results} hidden_size={WIDTH} direction=s:{way}{more}",
                 arguments, lambda *a, k=op, o=order, b=both, l=lengths: layer(k, o, *a, lengths=l, both=b),
                 outputs=results, what=f"{way} {'lengths' if given else ''}", **given)
case(f"RNN a,b,c,d,,e -> y,z hidden_size={WIDTH} activations=S:Relu",
     [reals(STEPS, ROWS, INPUT), reals(1, WIDTH, INPUT), reals(1, WIDTH, WIDTH), reals(1, 2 * WIDTH), reals(1, ROWS, WIDTH)],
     lambda x, w, r, b, h: layer("RNN", (0,), x, w, r, b, h, nonlinearity="relu"), outputs="y,z", what="relu")

# ---- Losses
weight = positive(4)
case("NegativeLogLikelihoodLoss a,b,weight -> y ignore_index=1", [reals(6, 4).log_softmax(1), integers(0, 4, 6)],
     lambda x, t: F.nll_loss(x, t, weight, ignore_index=1), weight=weight)
for how in ("mean", "sum", "none"):
    case(f"SoftmaxCrossEntropyLoss a,b -> y reduction=s:{how}", [reals(3, 4, 5), integers(0, 4, 3, 5)],
         lambda x, t, r=how: F.cross_entropy(x, t, reduction=r), what=how)

# ---- Attention
def heads(x, count):
    return x.unflatten(2, (count, -1)).transpose(1, 2)


def attention(q, k, v, mask=0.0, scale=None, change=lambda s: s):
    share = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(share, 1), v.repeat_interleave(share, 1)
    return (change(q @ k.mT * (scale or q.shape[3] ** -0.5)) + mask).softmax(-1) @ v


def flat_heads(y):
    return y.transpose(1, 2).flatten(2)


CAUSAL = torch.full((5, 7), -torch.inf).triu(1)
QKV = [reals(2, 4, 5, 6), reals(2, 2, 7, 6), reals(2, 2, 7, 3)]
case("Attention a,b,c -> y is_causal=1 scale=0.3", QKV, lambda q, k, v: attention(q, k, v, CAUSAL, 0.3), opset=23, what="causal")
case("Attention a,b,c -> y q_num_heads=4 kv_num_heads=2 softcap=1.5", [reals(2, 5, 24), reals(2, 7, 12), reals(2, 7, 6)],
     lambda q, k, v: flat_heads(attention(heads(q, 4), heads(k, 2), heads(v, 2), change=lambda s: 1.5 * (s / 1.5).tanh())),
     opset=23, what="flat")
KEEPS = torch.tensor([[True, False, True, True, False, True]] * 5)
case("Attention a,b,c,keeps,d,e -> y,z,v", QKV + [reals(2, 2, 1, 6), reals(2, 2, 1, 3)],
     lambda q, k, v, pk, pv: (attention(q, torch.cat([pk, k], 2), torch.cat([pv, v], 2),
                                        F.pad(torch.zeros(5, 6).masked_fill(~KEEPS, -torch.inf), (0, 2), value=-torch.inf)),
                              torch.cat([pk, k], 2)), outputs="y,z", opset=23, what="past", keeps=KEEPS)
case("Attention a,b,c,d -> y", QKV + [reals(2, 1, 5, 7)], attention, opset=23, what="bias")


def rotated(x, cos, sin, pairs):
    first, second = (x[..., ::2], x[..., 1::2]) if pairs else x.chunk(2, -1)
    turned = [first * cos - second * sin, first * sin + second * cos]
    return torch.stack(turned, -1).flatten(-2) if pairs else torch.cat(turned, -1)


case("RotaryEmbedding a,b,c -> y interleaved=1", [reals(2, 3, 5, 4), reals(2, 5, 2), reals(2, 5, 2)],
     lambda x, c, s: rotated(x, c[:, None], s[:, None], True), opset=23, what="pairs")
PLACES = torch.tensor([[3, 0, 2, 1, 4], [8, 7, 6, 5, 0]])
case("RotaryEmbedding a,b,c,places -> y num_heads=3 rotary_embedding_dim=4", [reals(2, 5, 18), reals(9, 2), reals(9, 2)],
     lambda x, c, s: flat_heads(torch.cat([rotated(heads(x, 3)[..., :4], c[PLACES][:, None], s[PLACES][:, None], False),
                                           heads(x, 3)[..., 4:]], -1)), opset=23, what="halves", places=PLACES)
