#!/usr/bin/env python3
"""Runs the programs in a file that programs.lua wrote with PyTorch and compares values and gradients.

    programs.py FILE [CRESSET]

With the path of cresset, programs that differ are made small.  The last line is the sum.

PyTorch runs with a hook that copies whatever is saved for backward, so that it gives right gradients also where a
saved value is overwritten later.  Where we refuse a step, it runs again without, and must refuse that step too."""
import math
import subprocess
import sys

import torch
import torch.nn.functional as F

ATOL = RTOL = 1e-8


def K(seed, *shape):
    n = math.prod(shape)
    x = [1.5 * math.sin(seed * 1.7 + i * i * 2.3) for i in range(1, n + 1)]
    return torch.tensor(x, dtype=torch.float64).reshape(shape).clone()  # no view: views of leaves are written


def apart(y, x):
    """y, to be written to x, as it was before."""
    return y.clone() if y.storage().data_ptr() == x.storage().data_ptr() else y


copies = 0  # made here and not by PyTorch


def plain(x):
    """A result laid out as ours are."""
    global copies
    copies += not x.is_contiguous()
    return x.contiguous()


def into(x, result):
    """Torch7's form with a place for the result."""
    global copies
    copies += 1
    x.copy_(result)


def put(x, mask, y):
    x[mask] = y.reshape(-1)[: int(mask.sum())].clone()


def split(x, size, dim, at):
    """A part as a plain view: PyTorch forbids writing to the results of split."""
    return x.narrow(dim, at * size, min(size, x.shape[dim] - at * size))


def weighed(x, seed):
    if x.dim() == 0:
        return x * (1 + seed / 8)
    return (x * K(seed, *x.shape)).sum()


def plus(total, x):
    return x if total is None else total + x


def given(g, x):
    return torch.zeros_like(x) if g is None else g


leaves = []


def leaf(*seed_and_shape):
    leaves.append(K(*seed_and_shape).requires_grad_())
    return leaves[-1]


def grad(y, xs, **options):
    """torch.autograd.grad, which by a fault of PyTorch 1.13 adds to the .grad of a leaf that was written to a view."""
    before = [None if x.grad is None else x.grad.clone() for x in leaves]
    result = torch.autograd.grad(y, xs, allow_unused=True, **options)
    for x, g in zip(leaves, before):
        x.grad = g
    return [given(g, x) for g, x in zip(result, xs)]


def gradient(y, x, create):
    return grad(weighed(y, 1), [x], retain_graph=True, create_graph=create)[0].clone()


def gradients(y, xs, create=False):
    if y is None:
        raise NameError("L1")
    return grad(y, xs, create_graph=create)


def squares(total, x, seed):
    return plus(total, weighed(x.square(), seed)) if x.requires_grad else total


def execute(steps, copying):
    """The variables after the program; or the number of the step that failed and why.  While copying, steps that we
    refuse are left out; otherwise they must fail."""
    retained = []
    leaves.clear()

    def backward(x, **options):
        if x is not None:
            for t in retained:
                if t.grad_fn:  # asking for it makes a view's history anew: retain_grad alone crashes
                    t.retain_grad()
            x.backward(**options)

    names = dict(torch=torch, F=F, K=K, leaf=leaf, apart=apart, plain=plain, into=into, put=put,
                 split=split, weighed=weighed, plus=plus, gradient=gradient, gradients=gradients,
                 squares=squares, backward=backward, retained=retained, L1=None, M1=None)
    for number, _, python, refused in steps:
        if refused and copying:
            continue
        for x in list(names.values()):
            if isinstance(x, torch.Tensor):
                x.grad_fn  # has views' histories made anew, which some operators forget
        try:
            exec(python, names)
        except Exception as error:
            if not refused:
                return None, number, str(error).split("\n")[0]
        else:
            if refused:
                return None, number, None
    return names, None, None


def run(steps, copying):
    if not copying:
        return execute(steps, False)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        return execute(steps, True)


def different(got, want, what):
    shape, elements = got
    g = torch.tensor(elements, dtype=torch.float64).reshape(shape)
    if g.shape != want.shape:
        return f"{what}: shape {tuple(g.shape)}, PyTorch's {tuple(want.shape)}"
    w = want.detach()
    top = w.abs().max() if w.numel() else 0
    bad = ~(((g - w).abs() <= ATOL + RTOL * top) | (g.isnan() & w.isnan()) | (g == w))
    if not bad.any():
        return None
    return f"{what}: {g.reshape(-1).tolist()}, PyTorch's {w.reshape(-1).tolist()}"


def fault(steps, results):
    """What is wrong, or None."""
    refused = [s for s in steps if s[3]]
    for number, lua, _, why in refused:
        if "overwritten in place" not in why and "is a leaf that requires" not in why:
            return f"step {number}, {lua}: {why}"
    before = copies
    names, number, why = run(steps, True)
    if names is None:
        return f"step {number}: PyTorch alone refuses: {why}"
    # Whether a gradient that is constant is on the tape is a matter of taste.
    flags = not any("gradient(" in s[2] for s in steps)
    for name, (value, tracked, grad) in results.items():
        want = names[name]
        wrong = different(value, want, name)
        # Through which results gradients of gradients flow depends on how derivatives are written.
        exact = want.is_leaf or copies == before and not any(s[2].startswith("M1") for s in steps)
        if not wrong and not refused and exact:
            w = want.grad if want.is_leaf or want.retains_grad else None
            if grad is not None or w is not None:
                grad = grad or (list(want.shape), [0.0] * want.numel())
                wrong = different(grad, torch.zeros_like(want) if w is None else w, name + ".grad")
        if not wrong and flags and name[0] == "t" and tracked != want.requires_grad:
            wrong = f"{name}.requiresGrad: {tracked}, PyTorch's {want.requires_grad}"
        if wrong:
            return wrong
    if refused:
        before = copies
        names, number, why = run(steps, False)
        if names is None and why is None and copies == before:  # a copy keeps what was overwritten
            return next(f"step {n}, {lua}: PyTorch accepts: {why}" for n, lua, _, why in steps if n == number)
    return None


def small(cresset, seed, steps, wrong):
    """The program without the steps that the fault does not need, and the fault."""
    def sort_of(text):
        return text.split(":")[1][:12] if text.startswith("step") else text.split(":")[0].split(".")[-1][:1]

    def attempt(numbers):
        out = subprocess.run([cresset, "tests/peer/programs.lua", "1", str(seed), ",".join(map(str, numbers))],
                             capture_output=True, text=True, check=True).stdout
        found = []
        eval(out, {"program": lambda s, steps, results: found.extend((steps, fault(steps, results))),
                   "nan": math.nan, "inf": math.inf})
        return found

    size = max(1, len(steps) // 2)
    while True:
        numbers = [s[0] for s in steps]
        shorter = False
        for i in range(len(numbers) - 1, -1, -size):
            keep = [n for n in numbers if n not in numbers[max(0, i - size + 1):i + 1]]
            if len(keep) == len(numbers):
                continue
            left, why = attempt(keep)
            if why and sort_of(why) == sort_of(wrong):
                steps, wrong, numbers, shorter = left, why, [s[0] for s in left], True
        if not shorter and size == 1:
            return steps, wrong
        size = size if shorter and size == 1 else max(1, size // 2)


passed = failed = refusals = 0


def program(seed, steps, results):
    global passed, failed, refusals
    wrong = fault(steps, results)
    refusals += any(s[3] for s in steps)
    if not wrong:
        passed += 1
        return
    failed += 1
    if len(sys.argv) > 2 and failed <= 10:
        steps, wrong = small(sys.argv[2], seed, steps, wrong)
    print(f"seed {seed}: {wrong}")
    for number, lua, python, why in steps:
        print(f"    {lua:60} # {python}")


def main():
    scope = {"program": program, "nan": math.nan, "inf": math.inf}
    with open(sys.argv[1]) as file:
        for line in file:
            eval(line, scope)
    print(f"{refusals} programs overwrite what backward needs; we say so")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


torch.set_num_threads(1)
main()
