"""PyTorch's values of the layers of tests/nn/cases/basic.lua.

    python3 tests/nn/golden/basic.py
"""
import torch.nn as nn
from golden import case, rand, save

case("linear", nn.Linear(4, 3), rand(5, 4))
case("bilinear", nn.Bilinear(3, 4, 2), rand(5, 3), rand(5, 4))
case("conv", nn.Conv2d(2, 3, (2, 3), stride=(1, 2), padding=(1, 0)), rand(2, 2, 5, 6))
case("batch norm", nn.BatchNorm1d(3), rand(6, 3))
case("prelu", nn.PReLU(3), rand(2, 3, 4))
case("mlp", nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Sequential(nn.Linear(5, 2))), rand(3, 4))
save("basic")
