"""Convolutions, poolings, resizing."""
import torch
import torch.nn.functional as F

from cases import distinct, integers, reals
from graphs import case

LINE, IMAGE, VOLUME = (2, 4, 9), (2, 4, 7, 6), (2, 4, 5, 6, 4)


def window(value, dims, pads=None):
    """Attributes of the same value along each dim."""
    return "[%s]" % ",".join([str(value)] * dims)


for dims, shape, conv, transposed in ((1, LINE, F.conv1d, F.conv_transpose1d), (2, IMAGE, F.conv2d, F.conv_transpose2d),
                                      (3, VOLUME, F.conv3d, F.conv_transpose3d)):
    kernel = (3, 2, 3)[:dims]
    options = f"strides={window(2, dims)} pads={window(1, 2 * dims)} dilations={window(1, dims)} group=2"
    case(f"Conv a,b,c -> y {options}", [reals(*shape), reals(6, 2, *kernel), reals(6)],
         lambda x, w, b, f=conv: f(x, w, b, 2, 1, 1, 2), what=f"{dims}d")
    case(f"ConvTranspose a,b,c -> y {options} output_padding={window(1, dims)}",
         [reals(*shape), reals(4, 3, *kernel), reals(6)],
         lambda x, w, b, f=transposed: f(x, w, b, 2, 1, 1, 2), what=f"{dims}d")
    case(f"Conv a,b -> y dilations={window(2, dims)} pads={window(2, 2 * dims)}", [reals(*shape), reals(3, 4, *kernel)],
         lambda x, w, f=conv: f(x, w, None, 1, 2, 2), what=f"{dims}d dilated")
case("Conv a,b -> y auto_pad=s:SAME_UPPER", [reals(*IMAGE), reals(3, 4, 3, 3)], lambda x, w: F.conv2d(x, w, padding=1),
     what="same")

for dims, shape, largest, mean in ((1, LINE, F.max_pool1d, F.avg_pool1d), (2, IMAGE, F.max_pool2d, F.avg_pool2d),
                                   (3, VOLUME, F.max_pool3d, F.avg_pool3d)):
    for ceil in (0, 1):
        options = f"kernel_shape={window(3, dims)} strides={window(2, dims)} pads={window(1, 2 * dims)} ceil_mode={ceil}"
        case(f"MaxPool a -> y,z {options}", [distinct(*shape)],
             lambda x, f=largest, c=ceil: f(x, 3, 2, 1, 1, bool(c)), what=f"{dims}d {ceil}")
        for counts in (0, 1):
            case(f"AveragePool a -> y {options} count_include_pad={counts}", [reals(*shape)],
                 lambda x, f=mean, c=ceil, p=counts: f(x, 3, 2, 1, bool(c), bool(p)), opset=19, what=f"{dims}d {ceil} {counts}")


def flat_places(x, places):
    """PyTorch counts within a channel, ONNX through the whole tensor."""
    channels = torch.arange(x.shape[0] * x.shape[1]).reshape(x.shape[0], x.shape[1], *[1] * (x.dim() - 2))
    return places + channels * x[0, 0].numel()


def with_places(f):
    def pooled(x):
        y, places = f(x, 3, 2, 1, return_indices=True)
        return y, flat_places(x, places)
    return pooled


for dims, shape, f in ((1, LINE, F.max_pool1d), (2, IMAGE, F.max_pool2d), (3, VOLUME, F.max_pool3d)):
    case(f"MaxPool a -> y,z kernel_shape={window(3, dims)} strides={window(2, dims)} pads={window(1, 2 * dims)}",
         [distinct(*shape)], with_places(f), outputs="y,z", what=f"{dims}d places")
_, found = F.max_pool2d(distinct(2, 3, 4, 6), 2, return_indices=True)
whole = torch.zeros(2, 3, 4, 6)
case("MaxUnpool a,b -> y kernel_shape=[2,2] strides=[2,2]", [reals(2, 3, 2, 3), flat_places(whole, found)],
     lambda x, i: F.max_unpool2d(x, found, 2))
case("GlobalAveragePool a -> y", [reals(*IMAGE)], lambda x: x.mean((2, 3), True))
case("GlobalMaxPool a -> y", [distinct(*IMAGE)], lambda x: x.amax((2, 3), True))
case("GlobalLpPool a -> y p=3", [reals(*IMAGE)], lambda x: x.abs().pow(3).sum((2, 3), True).pow(1 / 3))
case("LpPool a -> y kernel_shape=[2,3] strides=[2,2] p=2", [reals(*IMAGE)], lambda x: F.lp_pool2d(x, 2, (2, 3), 2))
case("LpPool a -> y kernel_shape=[3,3] strides=[2,2] p=2 ceil_mode=1", [reals(2, 3, 6, 8)],
     lambda x: F.avg_pool2d(F.pad(x.square(), (0, 1, 0, 1)), 3, 2).mul(9).sqrt(), opset=18, what="ceil")

for size in ((14, 12), (3, 5)):
    to = torch.tensor([2, 4, *size])
    case("Resize a,,,to -> y mode=s:nearest coordinate_transformation_mode=s:asymmetric nearest_mode=s:floor",
         [reals(*IMAGE)], lambda x, s=size: F.interpolate(x, s, mode="nearest"), to=to, what=f"nearest {size}")
    for corners in (False, True):
        how = "align_corners" if corners else "half_pixel"
        case(f"Resize a,,,to -> y mode=s:linear coordinate_transformation_mode=s:{how}", [reals(*IMAGE)],
             lambda x, s=size, c=corners: F.interpolate(x, s, mode="bilinear", align_corners=c), to=to,
             what=f"linear {how} {size}")
        case(f"Resize a,,,to -> y mode=s:cubic cubic_coeff_a=-0.75 coordinate_transformation_mode=s:{how}",
             [reals(*IMAGE)], lambda x, s=size, c=corners: F.interpolate(x, s, mode="bicubic", align_corners=c), to=to,
             what=f"cubic {how} {size}")
    case("Resize a,,,to -> y mode=s:linear antialias=1 exclude_outside=1 coordinate_transformation_mode=s:half_pixel",
         [reals(*IMAGE)], lambda x, s=size: F.interpolate(x, s, mode="bilinear", antialias=True), to=to, opset=18,
         what=f"antialias {size}")
case("Upsample a,scales -> y", [reals(*IMAGE)], lambda x: F.interpolate(x, scale_factor=2), opset=9,
     scales=torch.tensor([1.0, 1.0, 2.0, 2.0]))

blocks = F.unfold(torch.zeros(1, 1, 6, 7), (3, 2), (1, 2), (1, 2), (2, 1)).shape[2]
case("Col2Im a,size,block -> y strides=[2,1] pads=[1,2,1,2] dilations=[1,2]", [reals(2, 12, blocks)],
     lambda x: F.fold(x, (6, 7), (3, 2), (1, 2), (1, 2), (2, 1)), size=torch.tensor([6, 7]), block=torch.tensor([3, 2]), opset=18)

# Other modes of these: sampling.py.
case("GridSample a,b -> y", [reals(1, 2, 4, 5), 0.8 * torch.tanh(reals(1, 2, 2, 2))],
     lambda x, g: F.grid_sample(x, g, align_corners=False), what="default")
case("AffineGrid a,size -> y", [reals(2, 2, 3)], lambda m: F.affine_grid(m, (2, 3, 4, 5), False),
     size=torch.tensor([2, 3, 4, 5]), opset=20)
# A region between the corners of an image is what a grid of places from corner to corner samples.
case("RoiAlign a,rois,owner -> y output_height=3 output_width=2 sampling_ratio=1", [reals(1, 2, 5, 6)],
     lambda x: F.grid_sample(x, torch.stack(torch.meshgrid(torch.tensor([-0.1, 0.7], dtype=torch.float64),
                                                           torch.tensor([-0.5, 0.0, 0.5], dtype=torch.float64), indexing="xy"), -1)[None],
                             align_corners=True),
     rois=torch.tensor([[1.75, 1.0, 5.75, 4.0]]).double(), owner=torch.tensor([0]))
