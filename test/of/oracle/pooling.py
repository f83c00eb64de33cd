"""Pooling."""
import torch
import torch.nn.functional as F

from cases import array, case, channels_first, channels_last, distinct, reals

# kernel, strides, pads (both sides), dilations, ceil
POOLS = [((2, 2), (2, 2), (0, 0), (1, 1), False), ((3, 2), (2, 1), (1, 1), (1, 1), False), ((3, 3), (2, 2), (1, 1), (1, 1), True),
         ((2, 3), (3, 2), (0, 1), (2, 1), True), ((2, 2), (3, 3), (0, 0), (1, 1), True)]
for kernel, strides, pads, dilations, ceil in POOLS:
    for layout in ("nchw", "nhwc") if ceil else ("nchw",):
        attributes = "kernel = %s, strides = %s, pads = %s, dilations = %s, layout = \"%s\"%s" % (
            array(kernel), array(strides), array(pads * 2), array(dilations), layout, ", ceil_mode" if ceil else "")
        label = " k%s s%s p%s d%s%s %s" % (kernel, strides, pads, dilations, " ceil" if ceil else "", layout)
        to = (lambda t: t) if layout == "nchw" else (lambda t: channels_last(t).contiguous())
        back = (lambda t: t) if layout == "nchw" else channels_first

        def pool(x, k=kernel, s=strides, p=pads, d=dilations, c=ceil):
            return F.max_pool2d(x, k, s, p, d, c)

        def gradient(f, x, g):
            return torch.autograd.grad(f(x), x, g, create_graph=True)[0]

        x = distinct(3, 4, 8, 7)
        case("max_pool2d" + label, "of.max_pool2d %%0 {%s}" % attributes, [to(x)],
             lambda x, pool=pool, to=to, back=back: to(pool(back(x))))
        case("max_pool2d_backward" + label, "of.max_pool2d_backward %%0, %%1 {%s}" % attributes,
             [to(x), to(reals(*pool(x).shape))],
             lambda x, g, pool=pool, to=to, back=back: to(gradient(pool, back(x), back(g))), differentiable=False)
        # Among equal values the first has the gradient, as after relu.
        equal = (x * 1e6).round().remainder(3)
        case("max_pool2d_backward of equal values" + label, "of.max_pool2d_backward %%0, %%1 {%s}" % attributes,
             [to(equal), to(reals(*pool(x).shape))],
             lambda x, g, pool=pool, to=to, back=back: to(gradient(pool, back(x), back(g))), differentiable=False)
        if dilations != (1, 1):
            continue
        for included in (False, True):
            def mean(x, k=kernel, s=strides, p=pads, c=ceil, i=included):
                return F.avg_pool2d(x, k, s, p, c, i)

            flags = attributes + (", count_include_pad" if included else "")
            case("avg_pool2d%s%s" % (label, " padded" if included else ""), "of.avg_pool2d %%0 {%s}" % flags, [to(x)],
                 lambda x, mean=mean, to=to, back=back: to(mean(back(x))))
            case("avg_pool2d_backward%s%s" % (label, " padded" if included else ""),
                 "of.avg_pool2d_backward %%0 {input_size = array<i64: 8, 7>, %s}" % flags, [to(reals(*mean(x).shape))],
                 lambda g, mean=mean, to=to, back=back: to(gradient(
                     mean, torch.zeros(3, 4, 8, 7, dtype=g.dtype, requires_grad=True), back(g))))

# Asymmetric padding, as no framework's pooling has it: padding by hand.
x = distinct(3, 4, 6, 7)
case("max_pool2d asymmetric",
     "of.max_pool2d %0 {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 0, 1, 2, 0>}", [x],
     lambda x: F.max_pool2d(F.pad(x, (1, 0, 0, 2), value=float("-inf")), 3, 2))
case("avg_pool2d asymmetric",
     "of.avg_pool2d %0 {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>, pads = array<i64: 0, 1, 2, 0>, count_include_pad}", [x],
     lambda x: F.avg_pool2d(F.pad(x, (1, 0, 0, 2)), 3, 2))
# Of equal maxima the first one takes the gradient.
ties = torch.tensor([1.0, 1, 0, 1, 1, 1, 2, 2, 0, 2, 2, 2, 1, 1, 1, 1]).double().reshape(1, 1, 4, 4)
case("max_pool2d ties", "of.max_pool2d %0 {kernel = array<i64: 2, 3>, strides = array<i64: 1, 1>}", [ties],
     lambda x: F.max_pool2d(x, (2, 3), 1), differentiable="oracle")

# What the loops tell apart: rows of windows that are cut into pieces, windows of many taps in a row, padding wider than a stride, more
# than one block of channels.
def max_of(k, s, p):
    return lambda x: F.max_pool2d(x, k, s, p)


def mean_of(k, s, p):
    return lambda x: F.avg_pool2d(x, k, s, p, count_include_pad=False)


LOOPS = [("pieces of a row", (1, 1, 2, 2100), (1, 3), (1, 2), (0, 1), "max"), ("pieces of a row", (1, 1, 1, 2100), (1, 3), (1, 2), (0, 1), "avg"),
         ("many taps", (1, 2, 2, 60), (1, 20), (1, 3), (0, 9), "max"), ("many taps, stride 1", (1, 2, 2, 40), (1, 18), (1, 1), (0, 0), "avg"),
         ("wide padding", (1, 2, 9, 8), (5, 7), (2, 3), (2, 3), "max")]
for label, shape, kernel, strides, pads, kind in LOOPS:
    function = (max_of if kind == "max" else mean_of)(kernel, strides, pads)
    case("%s_pool2d %s" % (kind, label),
         "of.%s_pool2d %%0 {kernel = %s, strides = %s, pads = %s}" % (kind, array(kernel), array(strides), array(pads * 2)),
         [distinct(*shape)], function, differentiable="oracle")
case("max_pool2d of 67 channels", "of.max_pool2d %0 {kernel = array<i64: 2, 3>, pads = array<i64: 1, 1, 0, 1>, layout = \"nhwc\"}",
     [distinct(2, 3, 4, 67)],
     lambda x: channels_last(F.max_pool2d(F.pad(channels_first(x), (1, 1, 1, 0), value=float("-inf")), (2, 3), 1)),
     differentiable="oracle")
