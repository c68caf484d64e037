"""PyTorch's values of the layers of tests/nn/cases/convolutions.lua.

    python3 tests/nn/golden/convolutions.py
"""
from collections import OrderedDict

import torch.nn as nn
from golden import case, rand, save


class ToSize(nn.Module):
    """A transposed convolution with the size of its output; its parameters are the module's own."""

    def __init__(self, layer, size):
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias
        self.layer, self.size = [layer], size

    def forward(self, x):
        return self.layer[0](x, self.size)


case("conv2d", nn.Conv2d(2, 3, (3, 2), stride=(2, 1), padding=(1, 0)), rand(2, 2, 5, 4))
case("conv2d dilated", nn.Conv2d(2, 3, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2)), rand(2, 2, 5, 4))
case("conv3d", nn.Conv3d(2, 2, (2, 3, 2), stride=(1, 2, 1), padding=(1, 1, 0)), rand(2, 2, 3, 4, 3))
case("conv3d dilated", nn.Conv3d(1, 2, 2, stride=(1, 2, 1), padding=(1, 1, 0), dilation=(2, 1, 3)),
     rand(1, 3, 4, 4))
case("full2d", nn.ConvTranspose2d(2, 3, (3, 2), stride=(2, 1), padding=(1, 0), output_padding=(1, 0)),
     rand(2, 2, 3, 3))
case("full3d", nn.ConvTranspose3d(2, 2, (3, 2, 2), stride=(2, 2, 1), padding=(1, 0, 0), output_padding=(1, 1, 0)),
     rand(1, 2, 2, 3, 2))
case("full to a size", ToSize(nn.ConvTranspose2d(2, 2, 3, stride=2, padding=1), (6, 5)), rand(2, 2, 3, 3))
case("volumetric to a size", ToSize(nn.ConvTranspose3d(1, 2, 2, stride=2), (5, 4, 5)), rand(1, 2, 2, 2))
case("separable", nn.Sequential(OrderedDict(
    depthwise=nn.Conv2d(2, 4, (3, 2), padding="same", groups=2), pointwise=nn.Conv2d(4, 3, 1))), rand(2, 2, 4, 4))

case("Conv1d", nn.Conv1d(4, 2, 3, stride=2, padding=1, dilation=2, groups=2), rand(2, 4, 7))
case("Conv1d same", nn.Conv1d(2, 3, 4, padding="same", bias=False), rand(2, 6))
case("Conv2d", nn.Conv2d(4, 2, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2), rand(2, 4, 5, 4))
case("Conv2d same", nn.Conv2d(2, 1, (3, 4), padding="same", dilation=(2, 1)), rand(2, 4, 5))
case("Conv2d valid", nn.Conv2d(2, 1, 2, padding="valid"), rand(1, 2, 3, 3))
case("Conv2d reflect", nn.Conv2d(1, 2, 3, padding=(1, 2), padding_mode="reflect"), rand(2, 1, 3, 4))
case("Conv2d replicate", nn.Conv2d(1, 2, 2, padding="same", padding_mode="replicate"), rand(1, 3, 4))
case("Conv2d circular", nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular"), rand(1, 3, 4))
case("Conv3d", nn.Conv3d(2, 2, (2, 3, 1), stride=(1, 2, 1), padding=(1, 1, 0), dilation=(2, 1, 1), groups=2),
     rand(2, 2, 3, 4, 2))
case("Conv3d same", nn.Conv3d(1, 2, (2, 1, 3), padding="same"), rand(1, 3, 2, 3))
case("Conv3d circular", nn.Conv3d(1, 1, 2, padding=1, padding_mode="circular"), rand(1, 2, 2, 3))
case("ConvTranspose1d", nn.ConvTranspose1d(4, 2, 3, stride=2, padding=1, output_padding=1, groups=2), rand(2, 4, 3))
case("ConvTranspose2d", nn.ConvTranspose2d(2, 4, (3, 2), stride=(2, 1), padding=(1, 0), output_padding=(1, 0),
                                           groups=2, dilation=(1, 2)), rand(2, 2, 3, 3))
case("ConvTranspose2d far", nn.ConvTranspose2d(2, 1, 2, output_padding=2, dilation=3, padding=1, bias=False),
     rand(2, 3, 2))
case("ConvTranspose3d", nn.ConvTranspose3d(2, 2, (2, 1, 3), stride=(2, 1, 1), padding=(1, 0, 1),
                                           output_padding=(1, 0, 0), groups=2, dilation=(2, 1, 1)),
     rand(1, 2, 3, 2, 3))
case("Unfold", nn.Unfold((2, 3), dilation=(2, 1), padding=(1, 0), stride=2), rand(2, 2, 4, 5))
case("Fold", nn.Fold((4, 5), (2, 3), dilation=(2, 1), padding=(1, 0), stride=2), rand(2, 12, 4))
case("PixelShuffle", nn.PixelShuffle(2), rand(2, 8, 2, 3))
case("PixelUnshuffle", nn.PixelUnshuffle(2), rand(2, 4, 6))
case("ChannelShuffle", nn.ChannelShuffle(2), rand(2, 6, 2, 2))

images, volumes = (1, 2, 2, -1), (1, 0, 2, 1, 1, 2)
for name, more in (("Zero", ()), ("Constant", (3.5,)), ("Reflection", ()), ("Replication", ()), ("Circular", ())):
    around = {1: 2, 2: images, 3: volumes}
    if name == "Circular":
        around[2] = (1, 2, 2, 0)
    if name == "Reflection":
        around[3] = (1, 0, 1, 1, 1, 1)
    for n, shape in ((1, (2, 1, 3)), (2, (2, 1, 3, 3)), (3, (1, 2, 2, 3))):
        value = (-1.0,) if more and n == 3 else more
        case(f"{name}Pad{n}d", getattr(nn, f"{name}Pad{n}d")(around[n], *value), rand(*shape))
save("convolutions")
