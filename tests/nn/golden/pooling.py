"""PyTorch's values of the layers of tests/nn/cases/pooling.lua.

    python3 tests/nn/golden/pooling.py
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from golden import case, rand, save

SIZES = {1: (7,), 2: (6, 7), 3: (3, 4, 5)}
first = lambda y: y[0]

for n in (1, 2, 3):
    get = lambda name: getattr(nn, f"{name}{n}d")
    x = rand(1 if n == 3 else 2, 2, *SIZES[n])
    case(f"max{n}", get("MaxPool")(3, 2, 1), x)
    case(f"max{n} ceil", get("MaxPool")(2, 3, ceil_mode=True), x)
    case(f"max{n} dilated", get("MaxPool")(2, 1, 1, dilation=2), x)
    case(f"max{n} unbatched", get("MaxPool")(2), x[0])
    case(f"avg{n}", get("AvgPool")(3, 2, 1), x)
    case(f"avg{n} exclude", get("AvgPool")(3, 2, 1, ceil_mode=True, count_include_pad=False), x)
    case(f"avg{n} ceil", get("AvgPool")(2, 3, ceil_mode=True), x)
    if n > 1:
        case(f"avg{n} divisor", get("AvgPool")(2, divisor_override=3), x)
    case(f"lp{n}", get("LPPool")(3, 2, 1), x.abs() + 0.1)
    case(f"adaptive max{n}", get("AdaptiveMaxPool")(3), x)
    case(f"adaptive avg{n}", get("AdaptiveAvgPool")(3), x)
    case(f"adaptive avg{n} more", get("AdaptiveAvgPool")(7), x)
    y, at = get("MaxPool")(2, return_indices=True)(rand(2, 1, *[s // 2 * 2 for s in SIZES[n]]))
    case(f"unpool{n}", get("MaxUnpool")(2), y, at)
    case(f"nearest{n}", nn.Upsample(scale_factor=2), x)
    case(f"nearest{n} less", nn.Upsample(scale_factor=0.6), x)
    case(f"nearest{n} size", nn.Upsample(size=5), x)
    case(f"exact{n}", nn.Upsample(size=4, mode="nearest-exact"), x)
    case(f"area{n}", lambda t: F.interpolate(t, size=4, mode="area"), x)
    linear = {1: "linear", 2: "bilinear", 3: "trilinear"}[n]
    case(f"linear{n}", nn.Upsample(scale_factor=1.7, mode=linear), x)
    case(f"linear{n} less", nn.Upsample(size=4, mode=linear), x)
    case(f"linear{n} corners", nn.Upsample(size=7, mode=linear, align_corners=True), x)

x = rand(2, 2, 6, 7)
case("max table", nn.MaxPool2d((2, 3), (1, 2), (1, 0)), x)
case("adaptive max table", nn.AdaptiveMaxPool2d((None, 2)), x)
case("adaptive avg table", nn.AdaptiveAvgPool2d((4, None)), x)
case("cubic", nn.Upsample(scale_factor=1.5, mode="bicubic"), x)
case("cubic corners", nn.Upsample(size=(4, 11), mode="bicubic", align_corners=True), x)
case("upsampling nearest", nn.UpsamplingNearest2d(scale_factor=2), x)
case("upsampling bilinear", nn.UpsamplingBilinear2d(scale_factor=2), x)
y, at = nn.MaxPool2d(3, 2, return_indices=True)(x)
case("unpool size", lambda a, i: nn.MaxUnpool2d(3, 2)(a, i, output_size=(6, 7)), y, at, grad=False)

u2, u3 = torch.rand(2, 2, 2), torch.rand(2, 1, 3)
case("fractional2", lambda t, u: F.fractional_max_pool2d(t, 2, output_size=(4, 3), _random_samples=u.detach()),
     x, u2)
case("fractional3", lambda t, u: F.fractional_max_pool3d(t, 2, output_size=(2, 3, 4), _random_samples=u.detach()),
     rand(2, 1, 4, 5, 6), u3)

image, volume = rand(2, 2, 4, 5), rand(2, 1, 3, 4, 5)
grid, grid3 = rand(2, 3, 4, 2) * 0.8, rand(2, 2, 3, 2, 3) * 0.8
for mode in ("bilinear", "nearest"):
    for padding in ("zeros", "border"):
        for corners in (False, True):
            name = f"grid {mode} {padding} {str(corners).lower()}"
            f = lambda t, g: F.grid_sample(t, g, mode, padding, corners)
            case(name, f, image, grid)
            case(name + " 3", f, volume, grid3)
for corners in (False, True):
    name = f"affine {str(corners).lower()}"
    case(name, lambda t: F.affine_grid(t, (2, 3, 4, 5), corners), rand(2, 2, 3))
    case(name + " 3", lambda t: F.affine_grid(t, (2, 3, 3, 4, 5), corners), rand(2, 3, 4))
save("pooling")
