"""What the scripts beside this one share: they write PyTorch's values for tests/nn/walk.lua.

    from golden import case, save
    case("conv1d", torch.nn.Conv1d(2, 3, 3), rand(2, 2, 5))
    save("convolutions")            # convolutions.npz, beside this file

The keys are <case>/input1 .., <case>/state/<dotted name>, <case>/output, <case>/gradOutput and
<case>/grad/<input1 | dotted name>.  Everything of a float type is float64.
"""
import os

import numpy
import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(20)
values = {}


def rand(*shape):
    return torch.randn(*shape)


def case(name, module, *inputs, output=lambda y: y, train=True, grad=True):
    """module: a torch.nn.Module or a function; output picks the tensor to look at from its result."""
    assert name + "/output" not in values, name
    parameters = {}
    if isinstance(module, torch.nn.Module):
        module.double().train(train)
        for key, t in module.state_dict().items():
            if not key.endswith("num_batches_tracked"):
                values[f"{name}/state/{key}"] = t.detach().numpy().copy()
        parameters = dict(module.named_parameters())
    leaves = [t.clone().requires_grad_(t.is_floating_point()) if torch.is_tensor(t) else t for t in inputs]
    for i, t in enumerate(leaves):
        if torch.is_tensor(t):
            values[f"{name}/input{i + 1}"] = t.detach().numpy().copy()
    y = output(module(*leaves))
    values[name + "/output"] = y.detach().numpy().copy()
    if not grad:
        return
    g = torch.randn_like(y)
    values[name + "/gradOutput"] = g.numpy()
    y.backward(g)
    for i, t in enumerate(leaves):
        if torch.is_tensor(t) and t.grad is not None:
            values[f"{name}/grad/input{i + 1}"] = t.grad.numpy()
    for key, p in parameters.items():
        if p.grad is not None:
            values[f"{name}/grad/{key}"] = p.grad.numpy()


def save(family):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), family + ".npz")
    numpy.savez_compressed(path, **values)
    print(f"{path}: {len(values)} arrays, {os.path.getsize(path)} bytes, torch {torch.__version__}")
