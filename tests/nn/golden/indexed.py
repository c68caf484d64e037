"""PyTorch's values of the layers of tests/nn/cases/indexed.lua.

    python3 tests/nn/golden/indexed.py

Numbers of rows and places count from 0 here; the cases add 1.
"""
import torch
import torch.nn as nn
from golden import case, rand, save

long = torch.tensor
places = long([[1, 4, 1], [0, 5, 3]])
case("embedding", nn.Embedding(6, 3), places)
case("embedding padding", nn.Embedding(6, 3, padding_idx=1), places)
case("embedding frequency", nn.Embedding(6, 3, scale_grad_by_freq=True, padding_idx=0), places)
case("embedding one", nn.Embedding(6, 3), long(2))
row, offsets = long([1, 4, 1, 0, 5, 3, 2]), long([0, 3, 3, 5])
for mode in "sum", "mean", "max":
    case(f"bag {mode}", nn.EmbeddingBag(6, 3, mode=mode), places)
    case(f"bag row {mode}", nn.EmbeddingBag(6, 3, mode=mode), row, offsets)
    case(f"bag padding {mode}", nn.EmbeddingBag(6, 3, mode=mode, padding_idx=1), row, offsets)
    case(f"bag last {mode}", nn.EmbeddingBag(6, 3, mode=mode, include_last_offset=True), row, long([0, 2, 6, 7]))
case("bag weighted", nn.EmbeddingBag(6, 3, mode="sum"), row, offsets, rand(7))
save("indexed")
