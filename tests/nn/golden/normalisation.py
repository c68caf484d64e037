"""PyTorch's values of the layers of tests/nn/cases/normalisation.lua.

    python3 tests/nn/golden/normalisation.py
"""
import torch
import torch.nn as nn
from golden import case, rand, save, values


def changed(module):
    """Other parameters and running statistics than those that a layer starts with."""
    module.double()
    with torch.no_grad():
        for t in module.parameters():
            t.copy_(torch.randn_like(t))
        for name, t in module.named_buffers():
            if t.is_floating_point():
                t.copy_(torch.rand_like(t) + 0.5)
    return module


case("LayerNorm", changed(nn.LayerNorm(4)), rand(3, 4))
case("LayerNorm 3x4", changed(nn.LayerNorm((3, 4), eps=1e-2)), rand(2, 3, 4))
case("LayerNorm without bias", changed(nn.LayerNorm(4, bias=False)), rand(2, 3, 4))
case("LayerNorm plain", nn.LayerNorm(4, elementwise_affine=False), rand(4))
case("RMSNorm", changed(nn.RMSNorm(4)), rand(3, 4))
case("RMSNorm 3x4", changed(nn.RMSNorm((3, 4), eps=1e-2)), rand(2, 3, 4))
case("RMSNorm plain", nn.RMSNorm(4, elementwise_affine=False), rand(2, 4))
case("GroupNorm", changed(nn.GroupNorm(2, 4)), rand(3, 4, 5))
case("GroupNorm image", changed(nn.GroupNorm(3, 6, eps=1e-2)), rand(2, 6, 2, 3))
case("GroupNorm plain", nn.GroupNorm(1, 4, affine=False), rand(3, 4))
shapes = {1: (3, 4, 5), 2: (3, 4, 2, 3), 3: (2, 4, 2, 2, 3)}
for d, shape in shapes.items():
    batch, instance = getattr(nn, f"BatchNorm{d}d"), getattr(nn, f"InstanceNorm{d}d")
    case(f"BatchNorm{d}d", changed(batch(4)), rand(*shape))
    case(f"BatchNorm{d}d evaluation", changed(batch(4)), rand(*shape), train=False)
    case(f"InstanceNorm{d}d", changed(instance(4, affine=True)), rand(*shape))
    case(f"InstanceNorm{d}d of one", instance(4), rand(*shape[1:]))
    case(f"InstanceNorm{d}d evaluation", changed(instance(4, track_running_stats=True)), rand(*shape), train=False)
case("BatchNorm1d of a matrix", changed(nn.BatchNorm1d(4, affine=False)), rand(5, 4))
case("BatchNorm2d untracked", nn.BatchNorm2d(4, track_running_stats=False), rand(*shapes[2]), train=False)
case("LocalResponseNorm", nn.LocalResponseNorm(3, 0.5, 0.75, 2), rand(2, 5, 3))
case("LocalResponseNorm even", nn.LocalResponseNorm(4, 0.5), rand(2, 5, 3, 2))
case("weight norm", nn.utils.weight_norm(nn.Linear(4, 3)), rand(2, 4))
case("weight norm of all", nn.utils.weight_norm(nn.Linear(4, 3), dim=None), rand(2, 4))
case("weight norm 1", nn.utils.weight_norm(nn.Linear(4, 3), dim=1), rand(2, 4))
case("spectral norm", nn.utils.spectral_norm(nn.Linear(4, 3)), rand(2, 4), train=False)
case("spectral norm 1", nn.utils.spectral_norm(nn.Linear(4, 3), dim=1, n_power_iterations=2), rand(2, 4))


def after(name, module, *inputs):
    """The running statistics after some batches."""
    for x in inputs:
        module(x)
    for key, t in module.named_buffers():
        if t.is_floating_point():
            values[f"{name}/after/{key}"] = t.numpy().copy()
    for i, x in enumerate(inputs):
        values[f"{name}/input{i + 1}"] = x.numpy().copy()


after("running", nn.BatchNorm2d(4).double(), rand(*shapes[2]), rand(*shapes[2]))
after("running mean", nn.BatchNorm2d(4, momentum=None).double(), rand(*shapes[2]), rand(*shapes[2]))
after("running instances", nn.InstanceNorm1d(4, track_running_stats=True).double(), rand(3, 4, 5), rand(2, 4, 5))
save("normalisation")
