"""peer_throughput.py: the models of throughput.lua in PyTorch."""
import torch
import torch.nn.functional as F
from torch import nn


def conv(cin, cout, size, stride=1, groups=1, bias=False):
    return nn.Conv2d(cin, cout, size, stride, size // 2, groups=groups, bias=bias)


def alexnet():
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(True), nn.MaxPool2d(3, 2),
        conv(64, 192, 5, bias=True), nn.ReLU(True), nn.MaxPool2d(3, 2),
        conv(192, 384, 3, bias=True), nn.ReLU(True), conv(384, 256, 3, bias=True), nn.ReLU(True),
        conv(256, 256, 3, bias=True), nn.ReLU(True), nn.MaxPool2d(3, 2), nn.Flatten(),
        nn.Dropout(0.5), nn.Linear(9216, 4096), nn.ReLU(True),
        nn.Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU(True), nn.Linear(4096, 1000))


def vgg19():
    parts, width = [], 3
    for to, count in ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)):
        for _ in range(count):
            parts += [conv(width, to, 3, bias=True), nn.ReLU(True)]
            width = to
        parts.append(nn.MaxPool2d(2, 2))
    parts.append(nn.Flatten())
    for width in (512 * 7 * 7, 4096):
        parts += [nn.Linear(width, 4096), nn.ReLU(True), nn.Dropout(0.5)]
    return nn.Sequential(*parts, nn.Linear(4096, 1000))


class Bottleneck(nn.Module):
    def __init__(self, cin, width, stride):
        super().__init__()
        cout = 4 * width
        self.body = nn.Sequential(conv(cin, width, 1), nn.BatchNorm2d(width), nn.ReLU(True),
                                  conv(width, width, 3, stride), nn.BatchNorm2d(width), nn.ReLU(True),
                                  conv(width, cout, 1), nn.BatchNorm2d(cout))
        self.shortcut = nn.Identity()
        if stride != 1 or cin != cout:
            self.shortcut = nn.Sequential(conv(cin, cout, 1, stride), nn.BatchNorm2d(cout))

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x))


def resnet50():
    parts, width = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(True),
                    nn.MaxPool2d(3, 2, 1)], 64
    for stage, count in enumerate((3, 4, 6, 3)):
        for i in range(count):
            parts.append(Bottleneck(width, 64 << stage, 2 if i == 0 and stage else 1))
            width = 4 * (64 << stage)
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 1000))


def normal(c, active):
    return [c, nn.BatchNorm2d(c.out_channels)] + ([nn.ReLU6(True)] if active else [])


class Inverted(nn.Module):
    def __init__(self, cin, cout, stride, expansion):
        super().__init__()
        width, self.residual = cin * expansion, stride == 1 and cin == cout
        self.body = nn.Sequential(*(normal(conv(cin, width, 1), True) if expansion > 1 else []),
                                  *normal(conv(width, width, 3, stride, width), True),
                                  *normal(conv(width, cout, 1), False))

    def forward(self, x):
        return x + self.body(x) if self.residual else self.body(x)


def mobilenet():
    parts, width = normal(conv(3, 32, 3, 2), True), 32
    for expansion, to, count, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                         (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(count):
            parts.append(Inverted(width, to, 1 if i else stride, expansion))
            width = to
    parts += normal(conv(width, 1280, 1), True)
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000))


class GNMT(nn.Module):
    def __init__(self, words, n, layers=4):
        super().__init__()
        self.embedding = nn.Embedding(words, n)
        self.reader = nn.ModuleList(nn.LSTM(2 * n if i == 1 else n, n, bidirectional=i == 0)
                                    for i in range(layers))
        self.writer = nn.ModuleList(nn.LSTM(2 * n if i else n, n) for i in range(layers))
        self.query, self.key = nn.Linear(n, n, bias=False), nn.Linear(n, n)
        self.energy, self.scores = nn.Linear(n, 1, bias=False), nn.Linear(n, words)

    def attend(self, out, x):
        read = x.transpose(0, 1)
        both = self.query(out).transpose(0, 1).unsqueeze(2) + self.key(read).unsqueeze(1)
        weights = self.energy(torch.tanh(both)).squeeze(3).softmax(2)
        return torch.bmm(weights.to(read.dtype), read).transpose(0, 1)

    def forward(self, ids):
        x, y = self.embedding(ids[0]), self.embedding(ids[1])
        for i, layer in enumerate(self.reader):
            out = layer(x)[0]
            x = x + out if i > 1 else out
        y = self.writer[0](y)[0]
        seen = self.attend(y, x)
        for i, layer in enumerate(self.writer[1:]):
            out = layer(torch.cat((y, seen), 2))[0]
            y = y + out if i else out
        return self.scores(y).flatten(0, 1)


class NCF(nn.Module):
    def __init__(self, users, items, factors, widths):
        super().__init__()
        half = widths[0] // 2
        self.tables = nn.ModuleList(nn.Embedding(count, n) for count, n in (
            (users, factors), (items, factors), (users, half), (items, half)))
        layers = []
        for a, b in zip(widths, widths[1:]):
            layers += [nn.Linear(a, b), nn.ReLU(True)]
        self.layers, self.score = nn.Sequential(*layers), nn.Linear(factors + widths[-1], 1)

    def forward(self, ids):
        t, (users, items) = self.tables, ids
        both = torch.cat((t[2](users), t[3](items)), 1)
        return self.score(torch.cat((t[0](users) * t[1](items), self.layers(both)), 1)).view(-1)


def register(add, peer):
    """Adds the workloads; peer has U, I, between, device, prepared and trainer."""

    def images(build, batch):
        def make(dtype):
            m, x = peer.prepared(build()), peer.U(1, batch, 3, 224, 224)
            if dtype:
                m, x = m.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
            optimizer = torch.optim.SGD(m.parameters(), 0.01, momentum=0.9, weight_decay=1e-4)
            return peer.trainer(m, F.cross_entropy, x, peer.I(2, 1000, batch), optimizer, dtype)

        return make

    def translator(words, n, steps, batch):
        def make(dtype):
            m = peer.prepared(GNMT(words, n))
            ids = peer.I(1, words, steps, batch), peer.I(2, words, steps, batch)
            return peer.trainer(m, nn.CrossEntropyLoss(label_smoothing=0.1), ids,
                                peer.I(3, words, steps * batch), torch.optim.Adam(m.parameters(), 1e-3), dtype)

        return make

    def recommender(users, items, factors, widths, batch):
        def make(dtype):
            m = peer.prepared(NCF(users, items, factors, widths))
            ids, t = (peer.I(1, users, batch), peer.I(2, items, batch)), peer.between(0.0, 1.0, 3, batch)
            optimizer = torch.optim.Adam(m.parameters(), 4.5e-3, betas=(0.25, 0.5))
            return peer.trainer(m, F.binary_cross_entropy_with_logits, ids, (t > 0.8).float(), optimizer, dtype)

        return make

    def both(name, batch, per, count, build, small):
        for suffix, dtype in (("", None), ("_bf16", torch.bfloat16)):
            add(f"throughput.{name}_{batch}{suffix}", lambda dtype=dtype: build(dtype), "train", count=count,
                per=per)
            add(f"throughput.{name}_small{suffix}", lambda dtype=dtype: small(dtype), "train")

    for build in (alexnet, vgg19, resnet50, mobilenet):
        both(build.__name__, "b64", "images", 64, images(build, 64), images(build, 2))
    both("gnmt", "b128", "tokens", 2 * 128 * 32, translator(32000, 1024, 32, 128), translator(50, 16, 5, 3))
    both("ncf", "b1m", "samples", 1 << 20, recommender(138493, 26744, 64, (256, 256, 128, 64), 1 << 20),
         recommender(30, 40, 8, (16, 16, 8), 64))
