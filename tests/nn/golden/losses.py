"""PyTorch's values of the losses of tests/nn/cases/losses.lua.

    python3 tests/nn/golden/losses.py

Class numbers count from 0 here; the cases add 1.
"""
import torch
import torch.nn as nn
from golden import case, rand, save

long = torch.tensor
x, y = rand(4, 3), rand(4, 3)
signs = torch.where(rand(4, 3) > 0, 1.0, -1.0)
p, t = torch.rand(4, 3), torch.rand(4, 3)
classes, weight = long([2, 0, 1, 2]), torch.tensor([0.5, 1.0, 2.0])
image, pixels = rand(2, 3, 2, 2), torch.randint(0, 3, (2, 2, 2))
t0 = torch.where(torch.arange(12).reshape(4, 3) % 4 == 0, 0.0, t)


def each(name, make, *inputs, reductions=("mean", "sum", "none")):
    """The target, a constant, is the last input."""
    for r in reductions:
        fixed = inputs[-1].detach()
        case(f"{name} {r}", lambda *a, loss=make(reduction=r): loss(*a, fixed), *inputs[:-1])
        # the target as an input of its own, without a gradient
        import golden
        golden.values[f"{name} {r}/target"] = fixed.numpy().copy()


def of(cls, **options):
    return lambda reduction: cls(reduction=reduction, **options)


each("ce", of(nn.CrossEntropyLoss), x, classes)
each("ce weight", of(nn.CrossEntropyLoss, weight=weight), x, classes)
each("ce ignore", of(nn.CrossEntropyLoss, weight=weight, ignore_index=2), x, classes)
each("ce smooth", of(nn.CrossEntropyLoss, label_smoothing=0.2), x, classes)
each("ce smooth weight", of(nn.CrossEntropyLoss, weight=weight, label_smoothing=0.2, ignore_index=0), x, classes)
each("ce probabilities", of(nn.CrossEntropyLoss, weight=weight, label_smoothing=0.1), x, t.softmax(1))
each("ce image", of(nn.CrossEntropyLoss, weight=weight), image, pixels)
each("ce image probabilities", of(nn.CrossEntropyLoss), image, torch.rand(2, 3, 2, 2).softmax(1))
each("ce one", of(nn.CrossEntropyLoss), rand(3), long(1))
each("nll", of(nn.NLLLoss), x, classes)
each("nll weight", of(nn.NLLLoss, weight=weight, ignore_index=1), x, classes)
each("nll image", of(nn.NLLLoss, weight=weight), image, pixels)
each("bce", of(nn.BCELoss), p, t)
each("bce weight", of(nn.BCELoss, weight=weight), p, t)
each("bce logits", of(nn.BCEWithLogitsLoss), x * 10, t)
each("bce logits weight", of(nn.BCEWithLogitsLoss, weight=weight, pos_weight=weight * 3), x, t)
each("mse", of(nn.MSELoss), x, y)
each("l1", of(nn.L1Loss), x, y)
each("smooth l1", of(nn.SmoothL1Loss, beta=0.5), x, y)
each("huber", of(nn.HuberLoss, delta=0.7), x, y)
kl = ("mean", "sum", "none", "batchmean")
each("kl", of(nn.KLDivLoss), x.log_softmax(1), t0, reductions=kl)
each("kl log", of(nn.KLDivLoss, log_target=True), x.log_softmax(1), y.log_softmax(1), reductions=kl)
counts = torch.tensor([[0.0, 1, 2], [3, 4, 5], [1, 0, 7], [2, 2, 2]])
each("poisson", of(nn.PoissonNLLLoss), x, counts)
each("poisson full", of(nn.PoissonNLLLoss, log_input=False, full=True), p + 0.1, counts)
for name, variance in ("gauss", torch.rand(4, 3)), ("gauss row", torch.rand(4, 1)), ("gauss few", torch.rand(4)):
    for r in "mean", "sum", "none":
        loss = nn.GaussianNLLLoss(full=name == "gauss row", reduction=r)
        case(f"{name} {r}", lambda a, b, v, loss=loss: loss(a, b, v), x, y, variance)
each("hinge embedding", of(nn.HingeEmbeddingLoss, margin=0.8), x, signs)
each("margin ranking", of(nn.MarginRankingLoss, margin=0.3), x, y, signs)
each("cosine embedding", of(nn.CosineEmbeddingLoss, margin=0.1), x, y, signs[:, 0])
for r in "mean", "sum", "none":
    for name, options in ("triplet", {}), ("triplet swap", {"p": 3, "swap": True, "margin": 2.0}):
        case(f"{name} {r}", nn.TripletMarginLoss(reduction=r, **options), x, y, rand(4, 3))
    case(f"triplet distance {r}", nn.TripletMarginWithDistanceLoss(
        distance_function=lambda a, b: (a - b).abs().sum(1), swap=True, reduction=r), x, y, rand(4, 3))
each("multi margin", of(nn.MultiMarginLoss), x, classes)
each("multi margin weight", of(nn.MultiMarginLoss, p=2, margin=0.5, weight=weight), x, classes)
each("multilabel margin", of(nn.MultiLabelMarginLoss), x,
     long([[0, 2, -1], [1, -1, 0], [2, 1, 0], [-1, 0, 1]]))
each("multilabel soft", of(nn.MultiLabelSoftMarginLoss, weight=weight), x, (t > 0.5).double())
each("soft margin", of(nn.SoftMarginLoss), x, signs)


def ctc(name, steps, n, k, targets, lengths, sizes, **options):
    """Through log_softmax: PyTorch's gradient by log-probabilities is meant for it."""
    import golden
    scores = rand(steps, n, k)
    for r in "mean", "sum", "none":
        loss = nn.CTCLoss(reduction=r, **options)
        case(f"{name} {r}", lambda s, loss=loss: loss(s.log_softmax(2), targets, lengths, sizes), scores)
        for key, value in ("targets", targets), ("lengths", lengths), ("sizes", sizes):
            golden.values[f"{name} {r}/{key}"] = value.numpy().copy()


ctc("ctc", 7, 3, 4, long([[1, 2, 2], [3, 0, 0], [1, 3, 1]]), long([7, 4, 6]), long([3, 1, 3]))
ctc("ctc row", 6, 2, 5, long([1, 0, 4, 4, 0, 3]), long([6, 5]), long([4, 2]), blank=2)
ctc("ctc infinite", 4, 2, 3, long([[1, 1, 1], [1, 2, 0]]), long([4, 4]), long([3, 2]), zero_infinity=True)
ctc("ctc empty", 3, 2, 3, long([[1, 2], [1, 2]]), long([3, 3]), long([0, 2]))
save("losses")
