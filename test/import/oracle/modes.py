"""Ops in all their modes, of which the other families have one."""
import torch
import torch.nn.functional as F

from cases import distinct, reals
from graphs import case

IMAGE = (2, 4, 7, 6)


def between(x, dim, places, beyond=None):
    """Linear interpolation along a dim; `beyond`: what lies outside."""
    last = x.shape[dim] - 1
    low = places.floor().clamp(0, last).long()
    share = (places - low).clamp(0, 1).reshape([-1 if d == dim else 1 for d in range(x.dim())])
    y = x.index_select(dim, low) * (1 - share) + x.index_select(dim, (low + 1).clamp(max=last)) * share
    if beyond is None:
        return y
    outside = ((places < 0) | (places > last)).reshape(share.shape)
    return torch.where(outside, torch.tensor(beyond).double(), y)


def cropped(begin, end, size, to):
    return (begin + torch.arange(to).double() * (end - begin) / (to - 1)) * (size - 1)


case("Resize a,roi,,to -> y mode=s:linear coordinate_transformation_mode=s:tf_crop_and_resize extrapolation_value=7.5",
     [reals(*IMAGE)], lambda x: between(between(x, 2, cropped(0.25, 0.75, 7, 5)), 3, cropped(-0.5, 1.25, 6, 8), 7.5),
     roi=torch.tensor([0, 0, 0.25, -0.5, 1, 1, 0.75, 1.25]), to=torch.tensor([2, 4, 5, 8]), what="crop")
case("Resize a,,,to -> y mode=s:linear axes=[3,2]", [reals(*IMAGE)],
     lambda x: F.interpolate(x, (3, 12), mode="bilinear"), to=torch.tensor([12, 3]), opset=18, what="axes")
for policy, size in (("not_larger", (9, 8)), ("not_smaller", (11, 9))):
    case(f"Resize a,,,to -> y mode=s:linear axes=[2,3] keep_aspect_ratio_policy=s:{policy} "
         "coordinate_transformation_mode=s:align_corners", [reals(*IMAGE)],
         lambda x, s=size: F.interpolate(x, s, mode="bilinear", align_corners=True), to=torch.tensor([11, 8]), opset=18,
         what=policy)
case("Resize a,,scales -> y mode=s:linear axes=[2] coordinate_transformation_mode=s:half_pixel_symmetric", [reals(*IMAGE)],
     lambda x: between(x, 2, (7 / 2 * (1 - 4 / 4.375) + (torch.arange(4).double() + 0.5) / 0.625 - 0.5).clamp(0, 6)),
     scales=torch.tensor([0.625]), opset=19, what="symmetric")


def places(*shape):
    """From -1.4 to 1.4, of an image of sides of 5 to 8 no nearer to an element than 0.02 of the way to the next."""
    x = 1.4 * torch.tanh(reals(*shape))
    for size in (5, 6, 7, 8):
        for half in (size / 2, (size - 1) / 2):
            at = x * half + (size - 1) / 2
            x = torch.where((at * 2 - (at * 2).round()).abs() < 0.05, x + 0.11 / half, x)
    return x


for mode, padding, corners, size in (("bilinear", "zeros", 0, 4), ("bilinear", "border", 1, 4), ("bilinear", "reflection", 0, 4),
                                     ("bilinear", "reflection", 1, 4), ("nearest", "border", 0, 4), ("nearest", "zeros", 1, 4),
                                     ("bicubic", "reflection", 0, 1), ("bicubic", "zeros", 1, 1)):
    case(f"GridSample a,b -> y mode=s:{mode} padding_mode=s:{padding} align_corners={corners}",
         [reals(2, 3, 5, 6), places(2, size, 3, 2)],
         lambda x, g, m=mode, p=padding, c=corners: F.grid_sample(x, g, m, p, bool(c)), what=f"{mode} {padding} {corners}")
case("GridSample a,b -> y mode=s:linear", [reals(1, 3, 5, 6, 7), places(1, 2, 4, 1, 3)],
     lambda x, g: F.grid_sample(x, g, align_corners=False), opset=20, what="volume")
for corners in (0, 1):
    case(f"AffineGrid a,size -> y align_corners={corners}", [reals(2, 2, 3)],
         lambda m, c=corners: F.affine_grid(m, (2, 3, 4, 5), bool(c)), size=torch.tensor([2, 3, 4, 5]), opset=20,
         what=f"plane {corners}")
case("AffineGrid a,size -> y", [reals(2, 3, 4)], lambda m: F.affine_grid(m, (2, 3, 4, 5, 2), False),
     size=torch.tensor([2, 3, 4, 5, 2]), opset=20, what="volume")

REGIONS = torch.tensor([[0.3, 1.1, 9.7, 7.2], [-3.0, 2.2, 4.4, 15.6], [5.1, 0.4, 5.3, 0.9]]).double()
OWNERS = (1, 0, 1)


def region(x, box, aligned):
    """Means of 2 x 2 samples of 3 x 2 parts of a region of x at half the region's scale."""
    for dim, parts in ((1, 3), (2, 2)):
        begin, end = (box[2 - dim + k] * 0.5 - 0.5 * aligned for k in (0, 2))
        side = end - begin if aligned else max(end - begin, 1)
        at = begin + (torch.arange(2 * parts).double() + 0.5) * side / (2 * parts)
        size = x.shape[dim]
        counts = ((at >= -1) & (at <= size)).reshape([-1 if d == dim else 1 for d in range(3)])
        x = between(x, dim, at.clamp(0, size - 1)) * counts
    return F.avg_pool2d(x, 2)


for aligned, how in ((True, "half_pixel"), (False, "output_half_pixel")):
    case(f"RoiAlign a,rois,owner -> y output_height=3 output_width=2 sampling_ratio=2 spatial_scale=0.5 "
         f"coordinate_transformation_mode=s:{how}", [reals(2, 3, 7, 6)],
         lambda x, a=aligned: torch.stack([region(x[o], box.tolist(), a) for o, box in zip(OWNERS, REGIONS)]),
         rois=REGIONS, owner=torch.tensor(OWNERS), what=how)

case("Col2Im a,size,block -> y", [reals(2, 12, 16)], lambda x: F.fold(x, (6, 5), (3, 2)), size=torch.tensor([6, 5]),
     block=torch.tensor([3, 2]), opset=18, what="overlapping")
case("Col2Im a,size,block -> y strides=[2]", [reals(2, 6, 3)],
     lambda x: F.fold(x, (1, 7), (1, 3), stride=(1, 2))[:, :, 0], size=torch.tensor([7]), block=torch.tensor([3]), opset=18,
     what="line")

# ---- Selection, turns
for largest, name in ((1, "largest"), (0, "smallest")):
    case(f"TopK a,k -> y,z axis=1 largest={largest}", [distinct(3, 4, 5)], lambda x, b=bool(largest): x.topk(3, 1, b),
         outputs="y,z", k=torch.tensor([3]), what=name)
twice = torch.tensor([[2.0, 5.0, 5.0, 1.0]])
case("TopK twice,k -> w,y | Add a,a -> v", [reals(2)], lambda x: torch.tensor([[1, 2, 0]]), op="TopK", gradient=False,
     k=torch.tensor([3]), twice=twice.double(), what="equals")


def turns(x, count):
    """What a turn x sin(x) of a loop starts with, each time and at the end."""
    out = [x]
    for _ in range(count):
        out.append(out[-1] * out[-1].sin())
    return out


BODY = "body=B:i,c,x;Sin:x>u;Mul:u,x>v;"
case(f"Loop ,on,a -> y {BODY}Less:i,last>d;d,v", [reals(3)], lambda x: turns(x, 3)[-1], last=torch.tensor(2),
     on=torch.tensor(True), what="while")
case(f"Loop n,,a -> y {BODY}Identity:c>d;d,v", [reals(3)], lambda x: turns(x, 2)[-1], n=torch.tensor(2), what="for")
case("Scan a,b -> y,z num_scan_inputs=1 scan_input_axes=[1] scan_input_directions=[1] scan_output_axes=[1] "
     "scan_output_directions=[1] body=B:s,x;Add:s,x>t;Mul:t,x>u;t,u", [reals(4), reals(4, 3)],
     lambda s, x: (s + x.sum(1), (s[:, None] + x.flip(1).cumsum(1).flip(1)) * x), outputs="y,z", what="reversed")
