"""PyTorch's values of the activations of tests/nn/cases/activations.lua.

    python3 tests/nn/golden/activations.py
"""
import torch.nn as nn
from golden import case, rand, save

for name in ("SiLU", "Mish", "Hardswish", "Hardsigmoid", "SELU", "Hardtanh", "Hardshrink", "Softshrink", "Softsign",
             "Tanhshrink", "Softplus", "CELU", "GELU", "PReLU", "ELU", "LeakyReLU", "ReLU6", "LogSigmoid"):
    # PyTorch has a sixth as a float only in the gradient of Hardsigmoid.
    case(name, getattr(nn, name)(), 3 * rand(3, 5), grad=name != "Hardsigmoid")
case("GELU tanh", nn.GELU(approximate="tanh"), 3 * rand(3, 5))
case("CELU 0.5", nn.CELU(0.5), rand(3, 5))
case("CELU -0.5", nn.CELU(-0.5), rand(3, 5))
case("Softplus 2 1", nn.Softplus(2, 1), 2 * rand(4, 5))
case("Hardtanh 0 2", nn.Hardtanh(0, 2), 2 * rand(4, 5))
case("Softmax", nn.Softmax(1), rand(2, 3, 4))
case("Softmax of a matrix", nn.Softmax(1), rand(2, 3))
case("Softmin", nn.Softmin(2), rand(2, 3, 4))
case("LogSoftmax", nn.LogSoftmax(0), rand(2, 3, 4))
case("Softmax2d", nn.Softmax2d(), rand(2, 3, 2, 2))
case("GLU", nn.GLU(), rand(3, 6))
case("GLU 1", nn.GLU(1), rand(2, 4, 3))
case("PReLU 3", nn.PReLU(3), rand(2, 3, 4))
case("Flatten", nn.Flatten(), rand(2, 3, 4))
case("Flatten 0 1", nn.Flatten(0, 1), rand(2, 3, 4))
case("Unflatten", nn.Unflatten(1, (2, 3)), rand(2, 6, 2))
save("activations")
