"""peer.py: the same workloads in PyTorch, for comparison.

    peer.py NAME[,NAME..] [--threads N] [--seconds S] [--samples N] [--cap S] [--device cuda] [--data DIR]
            [--deadline S] [--compile]
                      one JSON line for each workload; with --deadline none begins S seconds after the first
    peer.py --list    their names

Indices count from 0 here; everything else is as in the Lua files beside this one.
"""
import argparse
import functools
import gc
import json
import math
import os
import statistics
import subprocess
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import peer_loading
import peer_sequences
import peer_throughput

WORKLOADS = {}
MEGA = 1000000
device = "cpu"  # or cuda
compile_models = False
data_folder = None  # of MNIST's files


def add(name, build, kind="op", **fields):
    WORKLOADS[name] = dict(fields, build=build, kind=kind)


# ---- the portable numbers: see numbers.lua -------------------------------------------------------
def units(stream, count):
    z = np.arange(1, count + 1, dtype=np.uint64)
    z += np.uint64(stream << 40)
    for shift, factor in ((0, 0x9E3779B97F4A7C15), (30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        if shift:
            z ^= z >> np.uint64(shift)
        z *= np.uint64(factor)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)) * 2.0**-24


def between(lo, hi, stream, *shape):
    values = lo + (hi - lo) * units(stream, math.prod(shape))
    return torch.from_numpy(values.astype(np.float32)).reshape(shape).to(device)


U = functools.partial(between, -1.0, 1.0)


def I(stream, n, *shape):
    return torch.from_numpy((units(stream, math.prod(shape)) * n).astype(np.int64)).reshape(shape).to(device)


def zeros(*shape):
    return torch.zeros(shape, device=device)


def prepared(model, stream=100):
    model = model.to(device)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() > 1:
                a = 1 / math.sqrt(p.numel() / len(p))
                p.copy_(between(-a, a, stream, *p.shape))
                stream += 1
            else:
                nn.init.constant_(p, 1.0 if name.endswith("weight") else 0.0)
    return model


# ---- steps ---------------------------------------------------------------------------------------
def backward(f, params, g):
    for p in params:
        p.requires_grad_()

    def step():
        for p in params:
            p.grad = None
        y = f()
        y.backward(g)
        return (y.detach(), *(p.grad for p in params))

    return step


def compiled(f):
    """As asked for, by torch.compile with CUDA graphs for small steps."""
    return torch.compile(f, mode="reduce-overhead" if device != "cpu" else None) if compile_models else f


def trainer(model, criterion, x, t, optimizer, dtype=None):
    model = compiled(model)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, dtype, enabled=dtype is not None):
            loss = criterion(model(x), t)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def predictor(model, x, inner):
    model = compiled(model.eval())

    def step():
        with torch.inference_mode():
            for _ in range(inner):
                y = model(x)
        return y

    return step


# ---- overhead ------------------------------------------------------------------------------------
def overhead_add():
    a, b = U(1, 10), U(2, 10)

    def step():
        for _ in range(1000):
            c = a + b
        return c

    return step


def overhead_add_inplace():
    a, b = zeros(10), U(2, 10)

    def step():
        for _ in range(1000):
            a.add_(b)

    return step


def overhead_chain():
    w, b, c = U(1, 10).requires_grad_(), U(2, 10), U(3, 10)

    def step():
        for _ in range(100):
            w.grad = None
            y = w
            for _ in range(3):
                y = y * b
                y = y + c
                y = torch.tanh(y)
            y.sum().backward()
        return w.grad

    return step


def overhead_narrow():
    t = U(1, 100, 10)

    def step():
        for _ in range(1000):
            v = t.narrow(0, 5, 10)
        return v

    return step


def overhead_view():
    t = U(1, 100, 10)

    def step():
        for _ in range(1000):
            v = t.view(10, 100)
        return v

    return step


def overhead_select():
    t = U(1, 100, 10)

    def step():
        for _ in range(1000):
            v = t[5]
        return v

    return step


def overhead_item():
    t = U(1, 100, 10)

    def step():
        for _ in range(1000):
            v = t[5, 3].item()
        return torch.tensor(v)

    return step


def overhead_set():
    t = zeros(100, 10)

    def step():
        for _ in range(1000):
            t[5, 3] = 1.5

    return step


add("overhead.add", overhead_add, inner=1000)
add("overhead.add_inplace", overhead_add_inplace, inner=1000)
add("overhead.chain10_backward", overhead_chain, inner=100)
add("overhead.narrow", overhead_narrow, inner=1000)
add("overhead.view", overhead_view, inner=1000)
add("overhead.select", overhead_select, inner=1000)
add("overhead.item", overhead_item, inner=1000)
add("overhead.set", overhead_set, inner=1000)


# ---- elementwise ---------------------------------------------------------------------------------
def on(f, *inputs):
    """build(): makes the inputs when called; each step is f(*inputs)."""

    def build():
        made = [make() for make in inputs]
        return lambda: f(*made)

    return build


def u(stream, *shape):
    return lambda: U(stream, *shape)


def add_out(a, b, c):
    return torch.add(a, b, out=c)


def chain(a, b, c, d):
    return torch.sigmoid(a * b + c) * torch.tanh(d)


def on_span(f, n):
    return on(f, lambda: between(-3.0, 3.0, 1, n))


for tag, n in (("1m", MEGA), ("10m", 10 * MEGA)):
    add("ew.add_" + tag, on(torch.add, u(1, n), u(2, n)), bytes=12 * n)
    add("ew.add_out_" + tag, on(add_out, u(1, n), u(2, n), functools.partial(zeros, n)), bytes=12 * n)
    for name, op in dict(exp=torch.exp, tanh=torch.tanh, sigmoid=torch.sigmoid, gelu=F.gelu).items():
        add(f"ew.{name}_{tag}", on_span(op, n), bytes=8 * n)
    add("ew.chain_" + tag, on(chain, *(u(s, n) for s in (1, 2, 3, 4))), bytes=20 * n)
    add("ew.sum_" + tag, on(torch.sum, u(1, n)), bytes=4 * n)


def nll(a, t):
    return F.nll_loss(F.log_softmax(a, 1), t)


def nll_backward():
    a, t = U(1, 1024, 1000), I(2, 1000, 1024)
    return backward(lambda: nll(a, t), [a], torch.tensor(1.0, device=device))


def layer_norm(x, w, b):
    return F.layer_norm(x, (512,), w, b, 1e-5)


def layer_norm_backward():
    params = [U(1, 4096, 512), U(2, 512), U(3, 512)]
    return backward(lambda: layer_norm(*params), params, U(4, 4096, 512))


def embedding_backward():
    t, k = U(1, 5000, 256), I(2, 5000, 8192)
    return backward(lambda: F.embedding(k, t), [t], U(3, 8192, 256))


def dropout(a):
    F.dropout(a, 0.5, True)


norm_inputs = u(1, 4096, 512), u(2, 512), u(3, 512)
add("ew.sum_dim0", on(lambda a: a.sum(0), u(1, 2500, 4000)), bytes=40 * MEGA)
add("ew.sum_dim1", on(lambda a: a.sum(1), u(1, 2500, 4000)), bytes=40 * MEGA)
add("ew.softmax_1024x1000", on(lambda a: torch.softmax(a, 1), u(1, 1024, 1000)), bytes=8 * 1024000)
add("ew.nll_1024x1000", on(nll, u(1, 1024, 1000), lambda: I(2, 1000, 1024)))
add("ew.nll_1024x1000_bw", nll_backward)
add("ew.layernorm_4096x512", on(layer_norm, *norm_inputs), bytes=8 * 4096 * 512)
add("ew.layernorm_4096x512_bw", layer_norm_backward)
add("ew.transpose_copy_4096", on(lambda a: a.t().contiguous(), u(1, 4096, 4096)), bytes=8 * 4096**2)
add("ew.add_strided_1m", on(lambda a, b: a[::2] + b[::2], u(1, 2 * MEGA), u(2, 2 * MEGA)))
add("ew.add_transposed_1024", on(lambda a, b: a + b.t(), u(1, 1024, 1024), u(2, 1024, 1024)))
add("ew.add_bcast_row", on(torch.add, u(1, 1000, 1000), u(2, 1, 1000)))
add("ew.add_bcast_col", on(torch.add, u(1, 1000, 1000), u(2, 1000, 1)))
add("ew.dropout_1m", on(dropout, u(1, MEGA)))
add("ew.argmax_1m", on(torch.argmax, u(1, MEGA)))
add("ew.argmax_1024x1000", on(lambda a: a.argmax(1), u(1, 1024, 1000)))
add("ew.sort_1m", on(lambda a: torch.sort(a)[0], u(1, MEGA)))
add("ew.gather_1024x1000",
    on(lambda a, k: a.gather(1, k), u(1, 1024, 1000), lambda: I(2, 1000, 1024, 1000)))
add("ew.embedding_8192x256",
    on(lambda t, k: F.embedding(k, t), u(1, 50000, 256), lambda: I(2, 50000, 8192)), bytes=8 * 8192 * 256)
add("ew.embedding_8192x256_bw", embedding_backward)

# ---- matrix products -----------------------------------------------------------------------------
for n in (64, 256, 1024, 2048):
    add(f"la.mm_{n}", on(torch.mm, u(1, n, n), u(2, n, n)), flop=2 * n**3)
add("la.bmm_64x128x64x128", on(torch.bmm, u(1, 64, 128, 64), u(2, 64, 64, 128)), flop=2 * 64 * 128 * 64 * 128)
add("la.bmm_1000x8x8x8", on(torch.bmm, u(1, 1000, 8, 8), u(2, 1000, 8, 8)), flop=2 * 1000 * 512)
add("la.addmm_128x784x512", on(F.linear, u(1, 128, 784), u(2, 512, 784), u(3, 512)), flop=2 * 128 * 784 * 512)
add("la.mv_2048", on(torch.mv, u(1, 2048, 2048), u(2, 2048)), flop=2 * 2048**2, bytes=4 * 2048**2)


def cholesky():
    m = U(1, 512, 512)
    a = m @ m.t() + 512 * torch.eye(512, device=device)
    return lambda: torch.linalg.cholesky(a)


def svd():
    a = U(1, 256, 256)
    return lambda: torch.linalg.svd(a)[1]


add("la.cholesky_512", cholesky, flop=512**3 / 3)
add("la.svd_256", svd)


# ---- layers --------------------------------------------------------------------------------------
def layer(name, f, *shapes, flop=None, fixed=()):
    """NAME_fw and NAME_fwbw of f(*inputs, *fixed()), inputs U(1, shape1), U(2, shape2), ..."""

    def make():
        inputs = [U(i + 1, *shape) for i, shape in enumerate(shapes)]
        rest = [x.clone().to(device) for x in fixed]
        return lambda: f(*inputs, *rest), inputs

    def forward_backward():
        call, inputs = make()
        return backward(call, inputs, U(4, *call().shape))

    add(f"conv.{name}_fw", lambda: make()[0], flop=flop)
    add(f"conv.{name}_fwbw", forward_backward, flop=flop and 3 * flop)


def convolution(name, x, w, stride, pad, groups):
    out = (x[2] + 2 * pad - w[2]) // stride + 1
    layer(name, lambda *xwb: F.conv2d(*xwb, stride, pad, 1, groups), x, w, w[:1],
          flop=2 * x[0] * out * out * math.prod(w))


def batch_norm(x, w, b, mean, var):
    return F.batch_norm(x, mean, var, w, b, True, 0.1, 1e-5)


convolution("lenet", (64, 1, 28, 28), (20, 1, 5, 5), 1, 0, 1)
convolution("vgg3x3", (8, 64, 56, 56), (64, 64, 3, 3), 1, 1, 1)
convolution("resnet1x1", (16, 256, 28, 28), (64, 256, 1, 1), 1, 0, 1)
convolution("strided", (8, 64, 56, 56), (128, 64, 3, 3), 2, 1, 1)
convolution("depthwise", (16, 128, 28, 28), (128, 1, 3, 3), 1, 1, 128)
layer("transpose4x4", lambda *xwb: F.conv_transpose2d(*xwb, 2, 1), (16, 256, 16, 16), (256, 128, 4, 4), (128,),
      flop=2 * 16 * 256 * 16 * 16 * 128 * 16)
layer("maxpool", lambda x: F.max_pool2d(x, 2, 2), (16, 64, 56, 56))
layer("avgpool", lambda x: F.avg_pool2d(x, 2, 2), (16, 64, 56, 56))
layer("batchnorm", batch_norm, (16, 64, 56, 56), (64,), (64,), fixed=(torch.zeros(64), torch.ones(64)))


# ---- models --------------------------------------------------------------------------------------
def mlp_model():
    return prepared(nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(),
                                  nn.Linear(512, 10)))


def mlp(batch):
    m = mlp_model()
    return trainer(m, F.cross_entropy, U(1, batch, 784), I(2, 10, batch),
                   torch.optim.SGD(m.parameters(), 0.01, momentum=0.9))


def lenet():
    m = prepared(nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10)))
    return trainer(m, F.cross_entropy, U(1, 64, 1, 28, 28), I(2, 10, 64),
                   torch.optim.Adam(m.parameters(), 1e-3))


def autoencoder():
    m = prepared(nn.Sequential(
        nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 256), nn.ReLU(),
        nn.Linear(256, 784), nn.Sigmoid()))
    x = between(0.0, 1.0, 1, 128, 784)
    return trainer(m, F.mse_loss, x, x, torch.optim.Adam(m.parameters(), 1e-3))


def square(cin, cout, size, stride):
    return nn.Conv2d(cin, cout, size, stride, size // 2, bias=False)


class Residual(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.body = nn.Sequential(square(cin, cout, 3, stride), nn.BatchNorm2d(cout), nn.ReLU(),
                                  square(cout, cout, 3, 1), nn.BatchNorm2d(cout))
        self.shortcut = nn.Identity()
        if stride != 1 or cin != cout:
            self.shortcut = nn.Sequential(square(cin, cout, 1, stride), nn.BatchNorm2d(cout))

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x))


def resnet18():
    parts, width = [square(3, 64, 3, 1), nn.BatchNorm2d(64), nn.ReLU()], 64
    for wider in (64, 128, 256, 512):
        parts += [Residual(width, wider, 1 if wider == 64 else 2), Residual(wider, wider, 1)]
        width = wider
    return prepared(nn.Sequential(*parts, nn.AvgPool2d(4), nn.Flatten(), nn.Linear(512, 10)))


def resnet():
    m = resnet18()
    return trainer(m, F.cross_entropy, U(1, 32, 3, 32, 32), I(2, 10, 32),
                   torch.optim.SGD(m.parameters(), 0.01, momentum=0.9, weight_decay=5e-4))


class CharRNN(nn.Module):
    """Characters through torch's own recurrent layers."""

    def __init__(self, kind, width, layers):
        super().__init__()
        self.embedding, self.rnn = nn.Embedding(65, width), kind(width, width, layers)
        self.scores = nn.Linear(width, 65)

    def forward(self, ids):
        return self.scores(self.rnn(self.embedding(ids))[0]).flatten(0, 1)


def char_rnn(kind, width, layers, optimizer, **options):
    m = prepared(CharRNN(kind, width, layers))
    return trainer(m, F.cross_entropy, I(1, 65, 50, 50), I(2, 65, 2500), optimizer(m.parameters(), **options))


def char_lstm():
    return char_rnn(nn.LSTM, 512, 2, torch.optim.RMSprop, lr=2e-3, alpha=0.95)


def char_gru():
    return char_rnn(nn.GRU, 256, 1, torch.optim.Adam, lr=1e-3)


def dcgan_models():
    g, d, width = [], [], 100
    for i, to in enumerate((512, 256, 128, 64)):
        stride, pad = (2, 1) if i else (1, 0)
        g += [nn.ConvTranspose2d(width, to, 4, stride, pad, bias=False), nn.BatchNorm2d(to), nn.ReLU()]
        width = to
    g += [nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh()]
    width = 3
    for to in (64, 128, 256, 512):
        d += [nn.Conv2d(width, to, 4, 2, 1, bias=False)]
        d += [nn.BatchNorm2d(to)] if width > 3 else []
        d += [nn.LeakyReLU(0.2)]
        width = to
    d += [nn.Conv2d(width, 1, 4, 1, 0, bias=False), nn.Flatten(0)]
    return prepared(nn.Sequential(*g)), prepared(nn.Sequential(*d), 200)


def dcgan():
    g, d = dcgan_models()
    real, z = U(1, 16, 3, 64, 64), U(2, 16, 100, 1, 1)
    one, zero = torch.ones(16, device=device), zeros(16)
    of_g, of_d = (torch.optim.Adam(m.parameters(), 2e-4, betas=(0.5, 0.999)) for m in (g, d))

    def backward(images, target):
        loss = F.binary_cross_entropy_with_logits(d(images), target)
        loss.backward()
        return loss.detach()

    def step():
        of_d.zero_grad(set_to_none=True)
        losses = backward(real, one)
        fake = g(z)
        losses = losses + backward(fake.detach(), zero)
        of_d.step()
        of_g.zero_grad(set_to_none=True)
        losses = losses + backward(fake, one)
        of_g.step()
        return losses

    return step


MLP_FLOP = 2 * (784 * 512 + 512 * 512 + 5120)
add("train.mlp_b128", lambda: mlp(128), "train", flop=3 * 128 * MLP_FLOP)
add("train.mlp_b1", lambda: mlp(1), "train")
add("train.lenet_b64", lenet, "train")
add("train.autoencoder_b128", autoencoder, "train")
add("train.resnet18_b32", resnet, "train", flop=3 * 32 * 2 * 555.4e6)
add("train.char_lstm", char_lstm, "train", flop=3 * 50 * 50 * 2 * (2 * 4 * 512 * 1024 + 512 * 65))
add("train.char_gru", char_gru, "train")
add("train.dcgan_b16", dcgan, "train")
add("infer.resnet18_b1", lambda: predictor(resnet18(), U(1, 1, 3, 32, 32), 1), flop=2 * 555.4e6)
add("infer.mlp_b1", lambda: predictor(mlp_model(), U(1, 1, 784), 10), inner=10, flop=MLP_FLOP)
add("startup.first_add", None, "startup")
add("memory.char_lstm", char_lstm, "memory")
add("memory.resnet18", resnet, "memory")
add("memory.growth_mlp_b1", lambda: mlp(1), "growth", steps=2000)
peer_sequences.register(add, sys.modules[__name__])
peer_loading.register(add, sys.modules[__name__])
peer_throughput.register(add, sys.modules[__name__])


# ---- measuring: the rules of run.lua -------------------------------------------------------------
def status_mb(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field + ":")) / 1024


def mean_abs(value):
    return value.double().abs().mean().item()


def check_values(step, kind):
    out = step()
    if out is None:
        return []
    values = [mean_abs(v) for v in (out if isinstance(out, tuple) else (out,))]
    if kind == "train":
        step()
        values.append(mean_abs(step()))
    return values


def finish():
    """Waits for what the device still has to do."""
    if device != "cpu":
        torch.cuda.synchronize()


def warm_up(step):
    start, calls = time.perf_counter(), 0
    while calls < 3 or time.perf_counter() - start < 0.3:
        t = time.perf_counter()
        step()
        finish()
        t, calls = time.perf_counter() - t, calls + 1
    return t


def sample(step, inner, o):
    k, times, total = max(1, round(0.01 / max(warm_up(step), 1e-9))), [], 0.0
    while (total < o.seconds or len(times) < o.samples) and total < o.cap:
        t = time.perf_counter()
        for _ in range(k):
            step()
        finish()
        t = time.perf_counter() - t
        times.append(t / (k * inner) * 1e6)
        total += t
    return dict(median_us=statistics.median(times), min_us=min(times), iters=len(times) * k * inner,
                samples=len(times))


def run_op(w, o):
    step = w["build"]()
    check = check_values(step, w["kind"])
    r = sample(step, w.get("inner", 1), o)
    if check:
        r["check"] = [float(f"{v:.6g}") for v in check]
    for field, rate in (("flop", "gflops"), ("bytes", "gbps")):
        if w.get(field):
            r[rate] = w[field] / r["median_us"] / 1e3
    if w.get("count"):
        r.update(rate=w["count"] / r["median_us"] * 1e6, per=w["per"])
    return r


def run_memory(w, _):
    base = status_mb("VmRSS")
    if device != "cpu":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    step = w["build"]()
    for _ in range(10):
        step()
    r = dict(iters=10, base_rss_mb=base)
    if device != "cpu":
        r["peak_gpu_mb"] = torch.cuda.max_memory_allocated() / 2**20
    return r


def run_growth(w, _):
    step = w["build"]()
    for _ in range(w["steps"] // 10):
        step()
    before = status_mb("VmRSS")
    for _ in range(w["steps"]):
        step()
    return dict(iters=w["steps"], rss_growth_mb=status_mb("VmRSS") - before)


def run_startup(_, o):
    code = ("import torch; print(torch.ones(3) + torch.ones(3), flush=True); "
            "print(*(l for l in open('/proc/self/status') if l.startswith('VmHWM')))")
    times, peaks = [], []
    for _ in range(o.samples + 1):
        t = time.perf_counter()
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as p:
            p.stdout.readline()
            times.append((time.perf_counter() - t) * 1e6)
            peaks.append(int(p.stdout.readline().split()[1]) / 1024)
    del times[0], peaks[0]
    return dict(median_us=statistics.median(times), min_us=min(times), iters=len(times), samples=len(times),
                peak_rss_mb=statistics.median(peaks))


RUNS = dict(op=run_op, train=run_op, memory=run_memory, growth=run_growth, startup=run_startup)


def run(name, o):
    if name not in WORKLOADS:
        sys.exit(f"no workload {name}")
    w = WORKLOADS[name]
    r = RUNS[w["kind"]](w, o)
    r.setdefault("peak_rss_mb", status_mb("VmHWM"))
    r.update(name=name, threads=o.threads, version=torch.__version__)
    if device != "cpu":
        r["device"] = device
    print(json.dumps({k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in r.items()}), flush=True)


def main():
    global device, data_folder, compile_models
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("name", nargs="?", default="")
    p.add_argument("--list", action="store_true")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seconds", type=float, default=1.0)
    p.add_argument("--samples", type=int, default=20)
    p.add_argument("--cap", type=float, default=20.0)
    p.add_argument("--device", default=device)
    p.add_argument("--data", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/mnist"))
    p.add_argument("--deadline", type=float, default=math.inf)
    p.add_argument("--compile", action="store_true", help="models by torch.compile")
    o = p.parse_args()
    if o.list:
        print(*WORKLOADS, sep="\n")
        return
    device, data_folder, compile_models = o.device, o.data, o.compile
    if device != "cpu":  # both sides compute in whole float32
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.set_num_threads(o.threads)
    torch.manual_seed(0)
    start = time.perf_counter()
    for name in o.name.split(","):
        if time.perf_counter() - start < o.deadline:
            run(name, o)
        gc.collect()


if __name__ == "__main__":
    main()
