#!/usr/bin/env python3
"""Compares the results in a file that cases.lua wrote with PyTorch's.  The last line is the sum."""
import math
import sys

import torch
import torch.nn.functional as F

DTYPES = {
    "float32": torch.float32, "float64": torch.float64, "float16": torch.float16,
    "bfloat16": torch.bfloat16, "int8": torch.int8, "uint8": torch.uint8, "int16": torch.int16,
    "int32": torch.int32, "int64": torch.int64, "bool": torch.bool,
}
PRECISION = {torch.float32: 2e-6, torch.float64: 1e-12}
passed = failed = 0


def fl(x):
    return x if x.is_floating_point() else x.float()


def w(x):
    return x if x.is_floating_point() else x.long()


def Z(pairs):
    return torch.view_as_complex(pairs.contiguous())


def P(z):
    return torch.view_as_real(z.resolve_conj()).contiguous()


def T(dtype, shape, elements):
    return torch.tensor(elements, dtype=DTYPES[dtype]).reshape(shape)


def difference(got, want, eps):
    """What is wrong with our result `got`, or None."""
    if got.numel() == 0 and want.numel() == 0:
        return None
    if got.shape != want.shape:
        return f"shape {tuple(got.shape)}, PyTorch's {tuple(want.shape)}"
    g, w = got.double(), want.double()
    bad = ~((g == w) | ((g - w).abs() <= eps * (1 + w.abs())) | (g.isnan() & w.isnan()))
    if not bad.any():
        return None
    i = int(bad.reshape(-1).nonzero()[0])
    return f"element {i} is {g.reshape(-1)[i]}, PyTorch's {w.reshape(-1)[i]}"


def case(label, dtype, expression, sizes, inputs, results, loose):
    global passed, failed
    names = dict(zip("abcdefgh", inputs), torch=torch, F=F, math=math, fl=fl, w=w, Z=Z, P=P, **sizes)
    try:
        want = eval(expression, names)
        if not isinstance(want, (list, tuple)):
            want = [want]
        eps = PRECISION.get(DTYPES[dtype], 1e-6) * loose
        wrong = next(filter(None, (difference(g, torch.as_tensor(w), eps) for g, w in zip(results, want))), None)
    except Exception as error:  # the peer refuses what we accept: a fault of the table
        wrong = f"PyTorch: {error}"
    if wrong:
        failed += 1
        print(f"{label}, {dtype}, {[tuple(x.shape) for x in inputs]}: {wrong}")
    else:
        passed += 1


scope = {"T": T, "case": case, "nan": math.nan, "inf": math.inf}
with open(sys.argv[1]) as file:
    for line in file:
        eval(line, scope)
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
