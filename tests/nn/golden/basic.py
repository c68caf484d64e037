"""PyTorch's values of the layers of tests/nn/cases/basic.lua: Torch7's layers that PyTorch has too.

    python3 tests/nn/golden/basic.py
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from golden import case, rand, save

case("linear", nn.Linear(4, 3), rand(5, 4))
case("bilinear", nn.Bilinear(3, 4, 2), rand(5, 3), rand(5, 4))
case("conv", nn.Conv2d(2, 3, (2, 3), stride=(1, 2), padding=(1, 0)), rand(2, 2, 5, 6))
case("dilated conv", nn.Conv2d(2, 3, (2, 3), stride=(1, 2), padding=(1, 0), dilation=(2, 1)), rand(2, 2, 5, 6))
case("full conv", nn.ConvTranspose2d(2, 3, (2, 3), stride=(2, 1), padding=(1, 0), output_padding=(1, 0)),
     rand(2, 2, 3, 4))
case("conv 3d", nn.Conv3d(2, 3, (2, 1, 2), stride=(1, 2, 1), padding=(1, 0, 0)), rand(2, 2, 3, 4, 3))
case("full conv 3d", nn.ConvTranspose3d(2, 3, (2, 1, 2), stride=(1, 2, 1)), rand(1, 2, 2, 3, 2))
case("batch norm", nn.BatchNorm1d(3), rand(6, 3))
case("batch norm 2d", nn.BatchNorm2d(2), rand(3, 2, 2, 3))
case("batch norm 3d", nn.BatchNorm3d(2), rand(3, 2, 2, 1, 2))
case("lookup", nn.Embedding(5, 3), torch.tensor([[0, 4, 4], [2, 1, 0]]))
case("mlp", nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Sequential(nn.Linear(5, 2))), rand(3, 4))

x = rand(3, 4) * 2
for name, module in {
    "relu": nn.ReLU(), "relu6": nn.ReLU6(), "tanh": nn.Tanh(), "sigmoid": nn.Sigmoid(), "elu": nn.ELU(0.7),
    "leaky relu": nn.LeakyReLU(0.2), "hard tanh": nn.Hardtanh(-0.5, 1.5), "threshold": nn.Threshold(0.3, -1),
    "soft plus": nn.Softplus(2), "soft sign": nn.Softsign(), "soft shrink": nn.Softshrink(0.4),
    "hard shrink": nn.Hardshrink(0.4), "tanh shrink": nn.Tanhshrink(), "log sigmoid": nn.LogSigmoid(),
    "soft max": nn.Softmax(1), "log soft max": nn.LogSoftmax(1), "soft min": nn.Softmin(1), "glu": nn.GLU(),
    "rrelu": nn.RReLU(), "normalize": lambda t: F.normalize(t, 3, 1), "sum": lambda t: t.sum(0),
    "mean": lambda t: t.mean(1), "max": lambda t: t.max(1)[0], "min": lambda t: t.min(1)[0],
}.items():
    case(name, module, x, train=False)
case("prelu", nn.PReLU(3), rand(2, 3, 4))
case("spatial soft max", nn.Softmax2d(), rand(2, 3, 2, 2))

image = rand(2, 3, 6, 5)
for name, module in {
    "max pool": nn.MaxPool2d((3, 2), (2, 1), (1, 0)), "max pool up": nn.MaxPool2d(3, 2, ceil_mode=True),
    "dilated max pool": nn.MaxPool2d(2, 1, dilation=(2, 1)), "average pool": nn.AvgPool2d(3, 2, 1),
    "average pool within": nn.AvgPool2d(3, 2, 1, count_include_pad=False),
    "adaptive max": nn.AdaptiveMaxPool2d((4, 2)), "adaptive average": nn.AdaptiveAvgPool2d((4, 2)),
    "lp pool": lambda t: F.lp_pool2d(t.abs(), 3, 2, 2), "zero pad": nn.ZeroPad2d((1, 0, 2, 1)),
    "reflection pad": nn.ReflectionPad2d((1, 2, 3, 0)), "replication pad": nn.ReplicationPad2d((1, 2, 3, 0)),
    "nearest": nn.UpsamplingNearest2d(scale_factor=2), "bilinear up": nn.UpsamplingBilinear2d(scale_factor=2),
    "lrn": nn.LocalResponseNorm(3, 0.5, 0.75, 2),
}.items():
    case(name, module, image)
case("pixel shuffle", nn.PixelShuffle(2), rand(1, 8, 2, 3))
case("replication pad 3d", nn.ReplicationPad3d((1, 0, 2, 1, 0, 1)), rand(1, 2, 2, 3, 2))
case("max pool 3d", nn.MaxPool3d(2, 1), rand(1, 2, 3, 4, 3))
case("average pool 3d", nn.AvgPool3d(2, 1), rand(1, 2, 3, 4, 3))

case("mm", torch.mm, rand(2, 3), rand(3, 4))
case("bmm", lambda a, b: torch.bmm(a.transpose(1, 2), b), rand(2, 3, 2), rand(2, 3, 4))
case("cosine similarity", nn.CosineSimilarity(1, 1e-12), rand(3, 4), rand(3, 4))
case("pairwise distance", nn.PairwiseDistance(2, 0), rand(3, 4), rand(3, 4))
save("basic")
