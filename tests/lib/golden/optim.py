#!/usr/bin/env python3
"""Writes what PyTorch's optimizers and schedules do, for tests/lib/test_optim_golden.lua.

Key "NAME/number" holds the path of the parameters, a row a step; the Lua test has the same list of cases.
    python3 tests/lib/golden/optim.py tests/lib/golden/optim.npz
"""
import sys

import numpy as np
import torch
from torch.optim import lr_scheduler as schedules

torch.set_default_dtype(torch.float64)
STEPS = 12


def loss_of(a, b):
    """Rosenbrock's function of a vector plus a quadratic of a matrix."""
    rosenbrock = (5 * (a[1:] - a[:-1] ** 2) ** 2 + (1 - a[:-1]) ** 2).sum()
    return rosenbrock + (torch.arange(1.0, 7.0).reshape(2, 3) * b**2).sum() / 4


def path(make, closure=False):
    a = torch.tensor([-1.0, 0.5, 1.5], requires_grad=True)
    b = torch.tensor([[1.0, -2.0, 0.5], [0.25, -0.75, 1.25]], requires_grad=True)
    optimizer = make([a, b])
    rows = []

    def evaluate():
        optimizer.zero_grad(set_to_none=False)
        loss = loss_of(a, b)
        loss.backward()
        return loss

    for _ in range(3 if closure else STEPS):
        if closure:
            optimizer.step(evaluate)
        else:
            evaluate()
            optimizer.step()
        rows.append(torch.cat([a.detach().reshape(-1), b.detach().reshape(-1)]).numpy().copy())
    return np.stack(rows)


o = torch.optim
cases = {
    "SGD": (o.SGD, [dict(lr=0.01), dict(lr=0.01, momentum=0.9, weight_decay=0.1),
                    dict(lr=0.01, momentum=0.9, dampening=0.3), dict(lr=0.01, momentum=0.9, nesterov=True),
                    dict(lr=0.001, momentum=0.5, maximize=True, weight_decay=0.1)]),
    "Adam": (o.Adam, [dict(lr=0.1), dict(lr=0.1, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.1),
                      dict(lr=0.1, amsgrad=True, betas=(0.5, 0.6)), dict(lr=0.1, maximize=True)]),
    "AdamW": (o.AdamW, [dict(lr=0.1), dict(lr=0.1, weight_decay=0.3, amsgrad=True, betas=(0.5, 0.6)),
                        dict(lr=0.1, maximize=True)]),
    "NAdam": (o.NAdam, [dict(), dict(lr=0.1, weight_decay=0.1, momentum_decay=0.1, betas=(0.8, 0.9)),
                        dict(lr=0.1, weight_decay=0.1, decoupled_weight_decay=True), dict(maximize=True)]),
    "RAdam": (o.RAdam, [dict(lr=0.01), dict(lr=0.01, betas=(0.8, 0.95), weight_decay=0.1, eps=1e-3),
                        dict(lr=0.01, weight_decay=0.1, decoupled_weight_decay=True), dict(maximize=True)]),
    "Adagrad": (o.Adagrad, [dict(lr=0.1), dict(lr=0.1, lr_decay=0.2, weight_decay=0.1, eps=1e-3),
                            dict(lr=0.1, initial_accumulator_value=0.5, maximize=True)]),
    "Adadelta": (o.Adadelta, [dict(), dict(lr=0.5, rho=0.8, eps=1e-3, weight_decay=0.1), dict(maximize=True)]),
    "Adamax": (o.Adamax, [dict(lr=0.1), dict(lr=0.1, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.1),
                          dict(lr=0.1, maximize=True)]),
    "RMSprop": (o.RMSprop, [dict(lr=0.05), dict(lr=0.05, alpha=0.8, eps=1e-3, weight_decay=0.1),
                            dict(lr=0.01, momentum=0.9), dict(lr=0.01, centered=True),
                            dict(lr=0.01, centered=True, momentum=0.5, maximize=True)]),
    "Rprop": (o.Rprop, [dict(lr=0.1), dict(lr=0.05, etas=(0.4, 1.5), step_sizes=(0.01, 0.2)),
                        dict(lr=0.01, maximize=True)]),
    "ASGD": (o.ASGD, [dict(lr=0.02), dict(lr=0.02, lambd=0.1, alpha=0.5, t0=3, weight_decay=0.1),
                      dict(lr=0.001, maximize=True)]),
    "Adafactor": (o.Adafactor, [dict(lr=0.1), dict(lr=0.3, beta2_decay=-0.5, eps=(1e-2, 0.1), d=1.5, weight_decay=0.1),
                                dict(lr=0.1, maximize=True)]),
    "LBFGS": (o.LBFGS, [dict(lr=0.1, max_iter=6), dict(lr=0.1, max_iter=5, history_size=2),
                        dict(lr=0.5, max_iter=4, max_eval=3)]),
}
arrays = {}
for name, (cls, list_of_options) in cases.items():
    for i, options in enumerate(list_of_options, 1):
        arrays[f"{name}/{i}"] = path(lambda p: cls(p, **options), name == "LBFGS")


def rates(make, steps=24, metrics=None, cls=torch.optim.SGD, **more):
    p = torch.zeros(1, requires_grad=True)
    optimizer = cls([{"params": [p]}, {"params": [torch.zeros(1)], "lr": 0.2}], lr=1.0, **more)
    scheduler = make(optimizer)
    rows = []
    for i in range(steps + 1):
        group = optimizer.param_groups[0]
        momentum = group["betas"][0] if "betas" in group else group["momentum"]
        rows.append([g["lr"] for g in optimizer.param_groups] + [momentum])
        if i == steps:
            break
        optimizer.step()
        scheduler.step(*([metrics[i]] if metrics else []))
    return np.array(rows)


s = schedules
metrics = [5, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 2.9, 2.95, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1]
up = [-m for m in metrics]
plans = {
    "StepLR": [lambda o: s.StepLR(o, 5, 0.3)],
    "MultiStepLR": [lambda o: s.MultiStepLR(o, [3, 3, 9], 0.3)],
    "ExponentialLR": [lambda o: s.ExponentialLR(o, 0.8)],
    "ConstantLR": [lambda o: s.ConstantLR(o, 0.4, 6)],
    "LinearLR": [lambda o: s.LinearLR(o), lambda o: s.LinearLR(o, 0.1, 0.6, 10)],
    "PolynomialLR": [lambda o: s.PolynomialLR(o, 20, 2.0)],
    "CosineAnnealingLR": [lambda o: s.CosineAnnealingLR(o, 7, 0.1)],
    "CosineAnnealingWarmRestarts": [lambda o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.1),
                                    lambda o: s.CosineAnnealingWarmRestarts(o, 4)],
    "LambdaLR": [lambda o: s.LambdaLR(o, lambda t: 1 / (1 + t)),
                 lambda o: s.LambdaLR(o, [lambda t: 1 / (1 + t), lambda t: t])],
    "ChainedScheduler": [lambda o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 4), s.ExponentialLR(o, 0.9)], o),
                         lambda o: s.ChainedScheduler([s.LinearLR(o, 0.1), s.CosineAnnealingLR(o, 20)], o)],
    "SequentialLR": [
        lambda o: s.SequentialLR(o, [s.LinearLR(o, 0.1, total_iters=5), s.CosineAnnealingLR(o, 10)], [5]),
        lambda o: s.SequentialLR(
            o, [s.ConstantLR(o, 0.1, 2), s.ExponentialLR(o, 0.9), s.StepLR(o, 3)], [3, 9]),
    ],
    "OneCycleLR": [lambda o: s.OneCycleLR(o, 2.0, total_steps=24),
                   lambda o: s.OneCycleLR(o, 2.0, epochs=5, steps_per_epoch=5, pct_start=0.4, three_phase=True,
                                          anneal_strategy="linear", div_factor=10, final_div_factor=100,
                                          base_momentum=0.7, max_momentum=0.8)],
}
for name, makers in plans.items():
    for i, make in enumerate(makers, 1):
        steps = 23 if name == "OneCycleLR" else 24
        arrays[f"{name}/{i}"] = rates(make, steps, momentum=0.9)
arrays["OneCycleLR/3"] = rates(lambda o: s.OneCycleLR(o, 2.0, total_steps=24), 23, cls=torch.optim.Adam)
arrays["ReduceLROnPlateau/1"] = rates(
    lambda o: s.ReduceLROnPlateau(o, factor=0.5, patience=2), metrics=metrics, momentum=0.9)
arrays["ReduceLROnPlateau/2"] = rates(
    lambda o: s.ReduceLROnPlateau(o, "max", 0.5, 1, 0.2, "abs", 2, 0.1), metrics=up, momentum=0.9)
arrays["ReduceLROnPlateau/3"] = rates(
    lambda o: s.ReduceLROnPlateau(o, "min", 0.5, 1, 0.1, "rel", 1, [0.3, 0.3]), metrics=metrics, momentum=0.9)
np.savez_compressed(sys.argv[1], **arrays)
