"""Reductions, shapes, indexing, generators, products, control, signals, numbers of eight bits."""
import torch
import torch.nn.functional as F

from cases import bools, distinct, integers, positive, reals
from graphs import case

S = (3, 4, 5)

# ---- Reductions
AXES = torch.tensor([0, 2])
for op, function, x in [
        ("ReduceL1", lambda x: x.abs().sum((0, 2), True), reals(*S)),
        ("ReduceL2", lambda x: x.square().sum((0, 2), True).sqrt(), reals(*S)),
        ("ReduceLogSum", lambda x: x.sum((0, 2), True).log(), positive(*S)),
        ("ReduceLogSumExp", lambda x: x.logsumexp((0, 2), True), reals(*S)),
        ("ReduceMax", lambda x: x.amax((0, 2), True), distinct(*S)),
        ("ReduceMean", lambda x: x.mean((0, 2), True), reals(*S)),
        ("ReduceMin", lambda x: x.amin((0, 2), True), distinct(*S)),
        ("ReduceProd", lambda x: x.prod(2, True).prod(0, True), positive(*S)),
        ("ReduceSum", lambda x: x.sum((0, 2), True), reals(*S)),
        ("ReduceSumSquare", lambda x: x.square().sum((0, 2), True), reals(*S))]:
    case(f"{op} a,axes -> y", [x], function, opset=18, axes=AXES)
    case(f"{op} a -> y axes=[0,2] keepdims=0" if op != "ReduceSum" else f"{op} a,axes -> y keepdims=0", [x],
         lambda x, f=function: f(x).flatten(), what="as attribute", **({"axes": AXES} if op == "ReduceSum" else {}))
case("Softmax a -> y axis=1", [reals(*S)], lambda x: x.softmax(1))
case("Softmax a -> y axis=1", [reals(*S)], lambda x: x.flatten(1).softmax(1).view(S), opset=12, what="of a matrix")
case("LogSoftmax a -> y axis=1", [reals(*S)], lambda x: x.log_softmax(1))
case("CumSum a,axis -> y", [reals(*S)], lambda x: x.cumsum(1), axis=torch.tensor(1))
case("CumSum a,axis -> y reverse=1 exclusive=1", [reals(*S)], lambda x: x.flip(1).cumsum(1).flip(1) - x,
     axis=torch.tensor(1), what="reverse")
case("ArgMax a -> y axis=1 keepdims=0", [distinct(*S)], lambda x: x.argmax(1), gradient=False)
case("ArgMin a -> y axis=1", [distinct(*S)], lambda x: x.argmin(1, True), gradient=False)
case("Hardmax a -> y axis=1", [distinct(*S)], lambda x: F.one_hot(x.argmax(1), 4).transpose(1, 2).double(),
     gradient=False)

case("TopK a,k -> y,z axis=1", [distinct(3, 4)], lambda x: x.topk(2, 1), outputs="y,z", k=torch.tensor([2]))

# ---- Shapes
case("Reshape a,to -> y", [reals(*S)], lambda x: x.reshape(4, 3, 5), to=torch.tensor([4, -1, 5]))
case("Flatten a -> y axis=2", [reals(*S)], lambda x: x.reshape(12, 5))
case("Squeeze a,axes -> y", [reals(3, 1, 4, 1)], lambda x: x.squeeze(1), axes=torch.tensor([1]))
case("Unsqueeze a,axes -> y", [reals(3, 4)], lambda x: x[:, None, :, None], axes=torch.tensor([1, 3]))
case("Transpose a -> y perm=[2,0,1]", [reals(*S)], lambda x: x.permute(2, 0, 1))
case("Expand a,to -> y", [reals(3, 1, 5)], lambda x: x.expand(2, 3, 4, 5), to=torch.tensor([2, 3, 4, 5]))
case("Tile a,times -> y", [reals(2, 3)], lambda x: x.repeat(3, 2), times=torch.tensor([3, 2]))
case("Concat a,b -> y axis=1", [reals(3, 2), reals(3, 4)], lambda x, y: torch.cat([x, y], 1))
case("Split a,parts -> y,z axis=1", [reals(3, 6)], lambda x: x.split([2, 4], 1), outputs="y,z",
     parts=torch.tensor([2, 4]))
case("Slice a,from,to,axes,steps -> y", [reals(5, 7)], lambda x: x[1:5:2].flip(1)[:, ::3],
     **{"from": torch.tensor([1, -1]), "to": torch.tensor([5, -100]), "axes": torch.tensor([0, 1]),
        "steps": torch.tensor([2, -3])})
for mode, kind in (("constant", "constant"), ("reflect", "reflect"), ("edge", "replicate"), ("wrap", "circular")):
    case(f"Pad a,pads -> y mode=s:{mode}", [reals(2, 3, 5)], lambda x, k=kind: F.pad(x, (2, 1), mode=k),
         pads=torch.tensor([0, 0, 2, 0, 0, 1]), opset=19, what=mode)
case("CenterCropPad a,to -> y axes=[0,-1]", [reals(5, 2, 4)], lambda x: F.pad(x[1:4], (1, 2)), opset=18,
     to=torch.tensor([3, 7]))
case("CenterCropPad a,to -> y", [reals(6, 3)], lambda x: F.pad(x[1:4], (0, 1)), opset=18, to=torch.tensor([3, 4]),
     what="all dims")
case("DepthToSpace a -> y blocksize=2 mode=s:CRD", [reals(2, 8, 2, 3)], lambda x: F.pixel_shuffle(x, 2))
case("SpaceToDepth a -> y blocksize=2", [reals(2, 3, 4, 6)],
     lambda x: x.reshape(2, 3, 2, 2, 3, 2).permute(0, 3, 5, 1, 2, 4).reshape(2, 12, 2, 3))
case("Trilu a -> y upper=0", [reals(2, 4, 5)], torch.tril)
case("Shape a -> y", [reals(*S)], lambda x: torch.tensor(S), gradient=False)
case("Size a -> y", [reals(*S)], lambda x: torch.tensor(60), gradient=False)

# ---- Generators
case("Constant -> t value_float=0.5 | Cast t -> u to=11 | Add a,u -> v | Constant -> y value_int=3", [reals(2)],
     lambda x: torch.tensor(3), gradient=False)
case("ConstantOfShape to -> y value=t:double;1;0.5", [reals(2)], lambda x: torch.full((2, 3), 0.5).double(),
     gradient=False, to=torch.tensor([2, 3]))
case("EyeLike a -> y k=1", [reals(3, 4)], lambda x: torch.eye(3, 4).roll(1, 1).double().triu(1), gradient=False)
case("Range from,to,by -> y", [reals(2)], lambda x: torch.arange(2, 11, 3), gradient=False,
     **{"from": torch.tensor(2), "to": torch.tensor(11), "by": torch.tensor(3)})
case("OneHot a,depth,b -> y axis=1", [integers(0, 4, 3, 2), reals(2)],
     lambda i, v: torch.where(F.one_hot(i, 4).bool().transpose(1, 2), v[1], v[0]), depth=torch.tensor(4))

# ---- Indexing
case("Gather a,b -> y axis=1", [reals(*S), integers(-4, 4, 2, 3)], lambda x, i: x[:, i % 4])
case("GatherElements a,b -> y axis=1", [reals(3, 4), integers(0, 4, 3, 2)], lambda x, i: x.gather(1, i))
case("GatherND a,b -> y", [reals(*S), integers(0, 3, 2, 2)], lambda x, i: x[i[:, 0], i[:, 1]])
case("GatherND a,b -> y batch_dims=1", [reals(*S), integers(0, 4, 3, 2, 1)],
     lambda x, i: torch.stack([row[at[:, 0]] for row, at in zip(x, i)]), what="batch")
index = torch.stack([torch.randperm(4)[:2] for _ in range(3)])
case("ScatterElements a,b,c -> y axis=1", [reals(3, 4), index, reals(3, 2)], lambda x, i, u: x.scatter(1, i, u))
case("Scatter a,b,c -> y axis=1", [reals(3, 4), index, reals(3, 2)], lambda x, i, u: x.scatter(1, i, u), opset=10)
case("ScatterElements a,b,c -> y axis=1 reduction=s:add", [reals(3, 4), integers(0, 4, 3, 3), reals(3, 3)],
     lambda x, i, u: x.scatter_add(1, i, u), what="add")
for how, name in (("mul", "prod"), ("max", "amax"), ("min", "amin")):
    case(f"ScatterElements a,b,c -> y axis=1 reduction=s:{how}", [positive(3, 4), integers(0, 4, 3, 3), positive(3, 3)],
         lambda x, i, u, n=name: x.scatter_reduce(1, i, u, n), opset=18, gradient=how == "mul", what=how)
places = torch.tensor([[3, 0], [1, 2]])
case("ScatterND a,b,c -> y", [reals(4, 3, 2), places, reals(2, 2)],
     lambda x, i, u: x.index_put((i[:, 0], i[:, 1]), u))
case("ReverseSequence a,b -> y", [reals(4, 3, 2), torch.tensor([1, 4, 2])],
     lambda x, n: torch.stack([torch.cat([x[:k, j].flip(0), x[k:, j]]) for j, k in enumerate(n.tolist())], 1))
case("Compress a,keep -> y axis=1", [reals(3, 4)], lambda x: x[:, [0, 2, 3]], keep=torch.tensor([True, False, True, True]))

# ---- Products
case("MatMul a,b -> y", [reals(2, 1, 3, 4), reals(5, 4, 2)], torch.matmul)
case("Gemm a,b,c -> y transA=1 transB=1 alpha=0.5 beta=2.0", [reals(4, 3), reals(5, 4), reals(5)],
     lambda x, y, z: 0.5 * x.T @ y.T + 2 * z)
for equation, shapes in (("bij,bjk->bik", ((2, 3, 4), (2, 4, 5))), ("ij,kj->ik", ((3, 4), (5, 4))), ("ij->ji", ((3, 4),)),
                         ("bhid,bhjd->bhij", ((2, 3, 4, 5), (2, 3, 2, 5)))):
    case(f"Einsum {','.join('ab'[:len(shapes)])} -> y equation=s:{equation}", [reals(*s) for s in shapes],
         lambda *x, e=equation: torch.einsum(e, *x), what=equation)

# ---- Control
case("If holds -> y then_branch=G:Neg;a;t else_branch=G:Exp;a;u", [reals(*S)], torch.neg, holds=torch.tensor(True))
case("Loop n,on,a -> y,z body=B:i,c,x;Sin:x>u;Mul:u,x>v;Identity:c>d;d,v,u", [reals(3)],
     lambda x: (x * x.sin() * (x * x.sin()).sin(), torch.stack([x.sin(), (x * x.sin()).sin()])), outputs="y,z",
     n=torch.tensor(2), on=torch.tensor(True))
case("Scan a,b -> y,z num_scan_inputs=1 body=B:s,x;Add:s,x>t;Mul:t,x>u;t,u", [reals(4), reals(3, 4)],
     lambda s, x: (s + x.sum(0), (s + x.cumsum(0)) * x), outputs="y,z")

# ---- Sequences
SPLIT = "SplitToSequence a,parts -> s axis=1"
PARTS = {"parts": torch.tensor([1, 4, 2])}
case(f"{SPLIT} | SequenceAt s,place -> y", [reals(3, 7)], lambda x: x[:, 1:5], place=torch.tensor(-2), **PARTS)
case("SplitToSequence a,three -> s axis=1 | SequenceAt s,place -> y", [reals(3, 7)], lambda x: x[:, 6:], op="SplitToSequence",
     place=torch.tensor(2), three=torch.tensor(3))
case("SplitToSequence a -> s keepdims=0 | SequenceAt s,place -> y", [reals(3, 7)], lambda x: x[1], op="SplitToSequence",
     place=torch.tensor(1), what="single")
case(f"{SPLIT} | ConcatFromSequence s -> y axis=1", [reals(3, 7)], lambda x: x + 0, **PARTS)
case("SequenceConstruct a,b -> s | ConcatFromSequence s -> y axis=-1 new_axis=1", [reals(3, 2), reals(3, 2)],
     lambda x, y: torch.stack([x, y], -1), op="SequenceConstruct")
case("SequenceEmpty -> e | SequenceInsert e,a -> s | SequenceInsert s,b,first -> t | ConcatFromSequence t -> y axis=0",
     [reals(2), reals(3)], lambda x, y: torch.cat([y, x]), op="SequenceInsert", first=torch.tensor(0))
case("SequenceEmpty -> e | SequenceInsert e,a -> s | SequenceAt s,first -> y", [reals(2)], lambda x: x + 0, op="SequenceEmpty",
     first=torch.tensor(0))
case(f"{SPLIT} | SequenceErase s,place -> t | ConcatFromSequence t -> y axis=1", [reals(3, 7)],
     lambda x: torch.cat([x[:, :1], x[:, 5:]], 1), op="SequenceErase", place=torch.tensor(1), **PARTS)
case(f"{SPLIT} | SequenceLength s -> y", [reals(3, 7)], lambda x: torch.tensor(3), gradient=False, **PARTS)
case("SequenceConstruct a,b -> s | SequenceMap s,c -> t body=B:x,k;Mul:x,k>u;u | ConcatFromSequence t -> y axis=0",
     [reals(2, 3), reals(1, 3), reals(3)], lambda x, y, k: torch.cat([x, y]) * k, op="SequenceMap")
case("Optional a -> o | OptionalGetElement o -> y", [reals(2)], lambda x: x + 0)
case("Optional a -> o | OptionalGetElement o -> y", [reals(2)], lambda x: x + 0, op="Optional")
case("Optional a -> o | OptionalHasElement o -> y", [reals(2)], lambda x: torch.tensor(True), gradient=False)

# ---- Determinants
case("Det a -> y", [reals(3, 4, 4)], torch.linalg.det)
case("Det a -> y", [reals(1, 1)], lambda x: x[0, 0] + 0, what="of one")

# ---- Signals
for op, function in ("HannWindow", torch.hann_window), ("BlackmanWindow", torch.blackman_window):
    for periodic in (0, 1):
        case(f"{op} nine -> y output_datatype=11 periodic={periodic}", [], lambda f=function, p=periodic: f(9, periodic=bool(p), dtype=torch.float64),
             gradient=False, what=str(periodic), nine=torch.tensor(9))
case("HammingWindow nine -> y output_datatype=11", [], lambda: torch.hamming_window(9, True, 25 / 46, 21 / 46, dtype=torch.float64),
     gradient=False, nine=torch.tensor(9))


def parts(z):
    return torch.view_as_real(z)


case("DFT a -> y axis=1", [reals(2, 7, 3, 1)], lambda x: parts(torch.fft.fft(x[..., 0], dim=1)))
case("DFT a -> y axis=1 onesided=1", [reals(2, 8, 1)], lambda x: parts(torch.fft.rfft(x[..., 0], dim=1)), what="onesided")
case("DFT a,six -> y inverse=1", [reals(2, 4, 3, 2)], lambda x: parts(torch.fft.ifft(torch.view_as_complex(x), 6, 2)), opset=20,
     what="inverse", six=torch.tensor(6))
case("DFT a,three,first -> y", [reals(5, 2, 2)], lambda x: parts(torch.fft.fft(torch.view_as_complex(x), 3, 0)), opset=20,
     what="shorter", three=torch.tensor(3), first=torch.tensor(0))
case("STFT a,three,b -> y", [reals(2, 14), positive(6)],
     lambda x, w: parts(torch.stft(x, 6, 3, window=w, center=False, return_complex=True)).transpose(1, 2), three=torch.tensor(3))
case("STFT a,three,,six -> y onesided=0", [reals(1, 12, 2)],
     lambda x: parts(torch.stft(torch.view_as_complex(x), 6, 3, window=torch.ones(6).double(), center=False, onesided=False,
                                return_complex=True)).transpose(1, 2), what="complex", three=torch.tensor(3), six=torch.tensor(6))


def mel(filters, length, rate, low, high):
    """The formula of ONNX: the range of mels in filters + 2 steps."""
    ends = 2595 * torch.log10(1 + torch.tensor([low, high], dtype=torch.float64) / 700)
    mels = ends[0] + torch.arange(filters + 2) * (ends[1] - ends[0]) / (filters + 2)
    edges = ((length + 1) * 700 * (10 ** (mels / 2595) - 1) / rate).floor()
    bins = torch.arange(length // 2 + 1)[:, None]
    left, top, right = edges[:-2], edges[1:-1], edges[2:]
    rise, fall = (bins - left) / (top - left), (right - bins) / (right - top)
    out = torch.where(bins <= top, torch.where(top > left, rise, (bins == top).double()), fall)
    return out.nan_to_num().clamp(0, 1)


case("MelWeightMatrix n,length,rate,low,high -> y output_datatype=11", [], lambda: mel(8, 64, 8192, 10.0, 4000.0), gradient=False,
     n=torch.tensor(8), length=torch.tensor(64), rate=torch.tensor(8192), low=torch.tensor(10.0), high=torch.tensor(4000.0))

# ---- Numbers of eight bits
SCALES, ZEROS = torch.tensor([0.5, 0.02, 0.3], dtype=torch.float64), torch.tensor([3, -7, 0], dtype=torch.int8)


def quantized(x, scale, zero, low, high):
    return ((x / scale).round() + zero).clamp(low, high)


case("QuantizeLinear a,scales,zeros -> q axis=1 | Cast q -> y to=11", [reals(2, 3, 4)],
     lambda x: quantized(x, SCALES[:, None], ZEROS[:, None], -128, 127), gradient=False, op="QuantizeLinear", what="int8", scales=SCALES, zeros=ZEROS)
case("QuantizeLinear a,scale -> q | Cast q -> y to=11", [reals(30)], lambda x: quantized(x, 0.01, 0, 0, 255), gradient=False,
     op="QuantizeLinear", what="uint8", scale=torch.tensor(0.01, dtype=torch.float64))
case("DequantizeLinear a,b,zeros -> y axis=1", [integers(-128, 128, 2, 3, 4, dtype=torch.int8), positive(3)],
     lambda x, s: (x.double() - ZEROS.double()[:, None]) * s[:, None], zeros=ZEROS)
case("DequantizeLinear a,b -> y", [integers(0, 256, 5, dtype=torch.uint8), positive(1)], lambda x, s: x.double() * s, what="whole")


def dynamic(x):
    low, high = x.min().clamp(max=0), x.max().clamp(min=0)
    scale = (high - low) / 255
    zero = (-low / scale).round()
    return quantized(x, scale, zero, 0, 255), scale


case("DynamicQuantizeLinear a -> q,z,w | Cast q -> y to=11", [reals(4, 5)], dynamic, outputs="y,z", gradient=False,
     op="DynamicQuantizeLinear")
BYTES = [integers(0, 256, 2, 3, 4, dtype=torch.uint8), integers(-128, 128, 4, 5, dtype=torch.int8)]
case("MatMulInteger a,b,nine,zeros -> q | Cast q -> y to=11", BYTES, lambda x, y: (x.double() - 9) @ (y.double() - FIVE.double()),
     gradient=False, op="MatMulInteger", nine=torch.tensor(9, dtype=torch.uint8), zeros=(FIVE := torch.tensor([1, -2, 3, 0, 5], dtype=torch.int8)))
case("QLinearMatMul a,s,nine,b,t,two,u,three -> q | Cast q -> y to=11", BYTES,
     lambda x, y: quantized((x.double() - 9) * 0.25 @ ((y.double() - 2) * 0.5), 64.25, 3, 0, 255), gradient=False, op="QLinearMatMul",
     s=torch.tensor(0.25), nine=torch.tensor(9, dtype=torch.uint8), t=torch.tensor(0.5), two=torch.tensor(2, dtype=torch.int8),
     u=torch.tensor(64.25), three=torch.tensor(3, dtype=torch.uint8))
IMAGES = [integers(0, 256, 2, 4, 5, 6, dtype=torch.uint8), integers(-128, 128, 6, 2, 3, 2, dtype=torch.int8)]


def quantized_images(x, w):
    y = F.conv2d((x.double() - 9) * 0.25, (w.double() - 2) * WEIGHTS[:, None, None, None], BIAS.double() * 0.25 * WEIGHTS, stride=(2, 1),
                 padding=(1, 0), groups=2)
    return quantized(y, 72.25, 3, 0, 255)


case("ConvInteger a,b,nine,two -> q strides=[2,1] pads=[1,0,1,0] group=2 | Cast q -> y to=11", IMAGES,
     lambda x, w: F.conv2d(x.double() - 9, w.double() - 2, stride=(2, 1), padding=(1, 0), groups=2), gradient=False, op="ConvInteger",
     nine=torch.tensor(9, dtype=torch.uint8), two=torch.tensor(2, dtype=torch.int8))
case("QLinearConv a,s,nine,b,t,two,u,three,bias -> q strides=[2,1] pads=[1,0,1,0] group=2 | Cast q -> y to=11", IMAGES, quantized_images,
     gradient=False, op="QLinearConv", s=torch.tensor(0.25), nine=torch.tensor(9, dtype=torch.uint8),
     t=(WEIGHTS := torch.tensor([0.5, 0.25, 1, 0.5, 0.125, 2])), two=torch.tensor([2] * 6, dtype=torch.int8), u=torch.tensor(72.25),
     three=torch.tensor(3, dtype=torch.uint8), bias=(BIAS := torch.tensor([100, -3000, 0, 70, 2, -9], dtype=torch.int32)))
