"""Convolutions."""
import torch
import torch.nn.functional as F

from cases import array, case, channels_first, channels_last, reals


# strides, pads (top, left, bottom, right), dilations, groups
CONVOLUTIONS = [((1, 1), (0, 0, 0, 0), (1, 1), 1), ((2, 1), (1, 2, 0, 1), (1, 1), 1), ((1, 2), (1, 1, 1, 1), (2, 1), 1),
                ((1, 1), (1, 0, 1, 0), (1, 1), 3), ((2, 2), (1, 1, 1, 1), (1, 1), 6)]
for strides, pads, dilations, groups in CONVOLUTIONS:
    for layout in ("nchw", "nhwc"):
        attributes = "strides = %s, pads = %s, dilations = %s, groups = %d : i64, layout = \"%s\"" % (
            array(strides), array(pads), array(dilations), groups, layout)

        def conv(x, w, strides=strides, pads=pads, dilations=dilations, groups=groups):
            x = F.pad(x, (pads[1], pads[3], pads[0], pads[2]))
            return F.conv2d(x, w, stride=strides, dilation=dilations, groups=groups)

        def weights(x, g, kernel, conv=conv, groups=groups):
            w = torch.zeros(g.shape[1], x.shape[1] // groups, *kernel, dtype=x.dtype, requires_grad=True)
            return torch.autograd.grad(conv(x, w), w, g, create_graph=True)[0]

        def data(g, w, size, conv=conv, groups=groups):
            x = torch.zeros(g.shape[0], w.shape[1] * groups, *size, dtype=g.dtype, requires_grad=True)
            return torch.autograd.grad(conv(x, w), x, g, create_graph=True)[0]

        label = " s%s p%s d%s g%d %s" % (strides, pads, dilations, groups, layout)
        x, w = reals(4, 6, 7, 8), reals(6, 6 // groups, 3, 2)
        y = conv(x, w)
        g = reals(*y.shape)
        to = (lambda t: t) if layout == "nchw" else (lambda t: channels_last(t).contiguous())
        back = (lambda t: t) if layout == "nchw" else channels_first
        case("conv2d" + label, "of.conv2d %%0, %%1 {%s}" % attributes, [to(x), w],
             lambda x, w, conv=conv, to=to, back=back: to(conv(back(x), w)))
        case("conv2d_backward_data" + label,
             "of.conv2d_backward_data %%0, %%1 {input_size = array<i64: 7, 8>, %s}" % attributes, [to(g), w],
             lambda g, w, data=data, to=to, back=back: to(data(back(g), w, (7, 8))))
        case("conv2d_backward_weights" + label,
             "of.conv2d_backward_weights %%0, %%1 {kernel = array<i64: 3, 2>, %s}" % attributes, [to(x), to(g)],
             lambda x, g, weights=weights, back=back: weights(back(x), back(g), (3, 2)))
