"""Writes metrics.npz: inputs of metrics and what scikit-learn and NumPy make of them.

Run it where these are: python3 metrics.py.  Classes count from 1 in the file.
"""

import pathlib

import numpy as np
from sklearn import metrics as sk

rng = np.random.default_rng(7)
out = {}


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def classes(name, scores, target):
    """n x c scores, targets from 0."""
    p = scores.argmax(1)
    c = scores.shape[1]
    out[name + "/scores"], out[name + "/target"] = scores, target + 1
    out[name + "/accuracy"] = np.array([sk.accuracy_score(target, p)])
    # the k best: no equal scores at the edge
    for k in (2, 3):
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        out[f"{name}/top{k}"] = np.array([(best == target[:, None]).any(1).mean()])
    for average in ("macro", "micro", "weighted"):
        for f, g in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
            out[f"{name}/{f}/{average}"] = np.array([g(target, p, average=average, zero_division=0)])
    for f, g in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
        out[f"{name}/{f}/none"] = g(target, p, average=None, labels=range(c), zero_division=0)
    out[name + "/confusion"] = sk.confusion_matrix(target, p, labels=range(c))
    log = np.log(softmax(scores))
    out[name + "/perplexity"] = np.array([np.exp(-log[np.arange(len(target)), target].mean())])
    if len(set(target)) == c:
        for average in ("macro", "weighted"):
            hot = np.eye(c)[target]
            out[f"{name}/auc/{average}"] = np.array([sk.roc_auc_score(hot, scores, average=average)])
            out[f"{name}/rest/{average}"] = np.array(
                [sk.roc_auc_score(target, softmax(scores), multi_class="ovr", average=average)])
            out[f"{name}/averagePrecision/{average}"] = np.array(
                [sk.average_precision_score(hot, scores, average=average)])
        out[name + "/auc/none"] = sk.roc_auc_score(np.eye(c)[target], scores, average=None)


def binary(name, scores, target):
    p = (scores > 0.5).astype(int)
    out[name + "/scores"], out[name + "/target"] = scores, target
    out[name + "/accuracy"] = np.array([sk.accuracy_score(target, p)])
    for f, g in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
        out[f"{name}/{f}/binary"] = np.array([g(target, p, zero_division=0)])
    if 0 < target.sum() < len(target):
        out[name + "/auc"] = np.array([sk.roc_auc_score(target, scores)])
    if target.sum() > 0:
        out[name + "/averagePrecision"] = np.array([sk.average_precision_score(target, scores)])


def regression(name, y, t):
    out[name + "/output"], out[name + "/target"] = y, t
    out[name + "/mae"] = np.array([sk.mean_absolute_error(t, y)])
    out[name + "/mse"] = np.array([sk.mean_squared_error(t, y)])
    out[name + "/rmse"] = np.array([np.sqrt(((y - t) ** 2).mean())])
    out[name + "/r2"] = np.array([sk.r2_score(t, y)])


classes("four", rng.normal(size=(61, 4)), rng.integers(0, 4, 61))
classes("skewed", rng.normal(size=(50, 5)) + [3, 0, 0, 0, 0], np.where(rng.random(50) < 0.8, 0, 2))
# equal scores, in quarters, but none at the top
tied = rng.integers(0, 4, (40, 3)) / 4
tied[np.arange(40), rng.integers(0, 3, 40)] = 1.25
classes("tied", tied, rng.integers(0, 3, 40))
binary("plain", rng.random(57), rng.integers(0, 2, 57))
binary("ties", rng.integers(0, 5, 64) / 4, rng.integers(0, 2, 64))
binary("same", np.full(10, 0.25), rng.integers(0, 2, 10))
binary("negatives", rng.random(9), np.zeros(9, int))
binary("positives", rng.random(9), np.ones(9, int))
regression("line", rng.normal(size=33) + 100, rng.normal(size=33) + 100)
regression("columns", rng.normal(size=(20, 3)), rng.normal(size=(20, 3)) * [1, 5, 0.1])
regression("constant", np.array([1.0, 2, 3]), np.full(3, 2.0))
regression("exact", np.full(3, 2.0), np.full(3, 2.0))

np.savez_compressed(pathlib.Path(__file__).with_name("metrics.npz"), **out)
