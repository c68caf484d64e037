#!/usr/bin/env python3
"""Writes torch.h: what PyTorch gives for the calls that tests/nn/test_golden.c makes.

Inputs are U(stream, shape) on both sides, so that only results are kept.  Everything is float64.
    python3 tests/nn/golden/make.py > tests/nn/golden/torch.h
"""
import torch
import torch.nn.functional as F

MASK = (1 << 64) - 1


def unit(s, i):
    z = ((s << 40) + i + 1) * 0x9E3779B97F4A7C15 & MASK
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    z ^= z >> 31
    return (z >> 40) / 2.0**24


def U(s, *shape, grad=True):
    n = 1
    for d in shape:
        n *= d
    t = torch.tensor([2 * unit(s, i) - 1 for i in range(n)], dtype=torch.float64).reshape(shape)
    return t.requires_grad_(grad)


def classes(s, n, k):
    return torch.tensor([int(k * unit(s, i)) for i in range(n)])


def emit(name, t):
    print(f"static const double {name}[] = {{")
    line = "   "
    for v in t.detach().double().flatten().tolist():
        text = f" {v:.15g},".replace("nan", "NAN").replace("inf", "INFINITY")
        if len(line) + len(text) > 99:
            print(line)
            line = "   "
        line += text
    print(line + "};\n")


def emit_all(name, y, leaves):
    """y, and the gradients of `leaves` when y gets U(9)."""
    y.backward(U(9, *y.shape, grad=False))
    emit(f"{name}_y", y)
    for leaf, t in leaves.items():
        emit(f"{name}_{leaf}", t.grad)


print("/* torch.h: results of PyTorch, written by make.py. */")
print(f"/* torch {torch.__version__} */\n/* clang-format off */\n")

x, w, b = U(1, 2, 4, 7, 6), U(2, 6, 2, 3, 2), U(3, 6)
emit_all("conv", F.conv2d(x, w, b, (2, 1), (1, 2), (1, 2), 2), {"gx": x, "gw": w, "gb": b})

x = U(1, 2, 2, 6, 7)
y, places = F.max_pool2d(x, (3, 2), (2, 2), (1, 1), ceil_mode=True, return_indices=True)
emit("max_pool_places", places)
emit_all("max_pool", y, {"gx": x})
for name, pad in (("avg_pool", True), ("avg_pool_inside", False)):
    x = U(1, 2, 2, 6, 7)
    emit_all(name, F.avg_pool2d(x, (3, 2), (2, 2), (1, 1), True, pad), {"gx": x})

x, w, b = U(1, 3, 4, 2, 3), U(2, 4), U(3, 4)
mean, var = U(4, 4, grad=False), U(5, 4, grad=False) + 1.5
emit_all("batch_norm", F.batch_norm(x, mean, var, w, b, True, 0.1, 1e-3), {"gx": x, "gw": w, "gb": b})
emit("batch_norm_mean", mean)
emit("batch_norm_var", var)
x, w, b = U(1, 3, 4, 2, 3), U(2, 4), U(3, 4)
emit_all("batch_eval", F.batch_norm(x, mean, var, w, b, False, 0.1, 1e-3), {"gx": x, "gw": w, "gb": b})

x, w, b = U(1, 3, 2, 5), U(2, 2, 5), U(3, 2, 5)
emit_all("layer_norm", F.layer_norm(x, (2, 5), w, b, 1e-5), {"gx": x, "gw": w, "gb": b})

for name, f in (("softmax", F.softmax), ("log_softmax", F.log_softmax)):
    for dim in range(3):
        x = U(1, 2, 3, 4)
        emit_all(f"{name}{dim}", f(3 * x, dim), {"gx": x})

target, weight = classes(6, 7, 5), U(7, 5, grad=False).abs() + 0.1
for name, f in (("nll", F.nll_loss), ("cross_entropy", F.cross_entropy)):
    for reduction in ("mean", "sum"):
        x = U(1, 7, 5)
        emit_all(f"{name}_{reduction}", f(x, target, reduction=reduction), {"gx": x})
        x = U(1, 7, 5)
        y = f(x, target, weight=weight, ignore_index=2, reduction=reduction)
        emit_all(f"{name}_weighted_{reduction}", y, {"gx": x})

for reduction in ("mean", "sum"):
    x, t = U(1, 4, 3), U(2, 4, 3)
    emit_all(f"mse_{reduction}", F.mse_loss(x, t, reduction=reduction), {"gx": x, "gt": t})
