#!/usr/bin/env python3
"""Writes the small files that tests/lib/test_files.lua reads: what NumPy and safetensors write.

Element k of each is k (of bool: k is odd), in row-major order, in a shape of 2x3 unless the name says
otherwise.
    python3 tests/lib/golden/make.py tests/lib/golden
"""
import sys

import numpy as np
import safetensors.torch
import torch

folder = sys.argv[1]


def values(dtype, shape=(2, 3)):
    n = int(np.prod(shape, dtype=int))
    k = np.arange(n)
    return (k % 2 == 1 if np.dtype(dtype) == bool else k).astype(dtype).reshape(shape)


def npy(name, array, version=None):
    with open(f"{folder}/{name}.npy", "wb") as f:
        np.lib.format.write_array(f, array, version=version)


for code in ["f2", "f4", "f8", "i1", "u1", "i2", "i4", "i8", "b1"]:
    npy(code, values("<" + code))
for code in ["f4", "i2", "i8"]:
    npy("big_" + code, values(">" + code))
npy("fortran", np.asfortranarray(values("f8", (2, 3, 4))))
npy("scalar", np.array(3.5))
npy("empty", np.zeros((0, 3), "f4"))
npy("version2", values("i4"), (2, 0))
npy("version3", values("i4"), (3, 0))
npy("record", np.zeros(2, dtype=[("a", "<i4"), ("b", "<f8")]))
npy("object", np.array([None, {}], dtype=object))
npy("uint16", values("u2"))
npy("complex", values("c8"))
np.savez(f"{folder}/stored.npz", values("f4"), x=values("i8"), flag=values("b1"))
np.savez_compressed(f"{folder}/compressed.npz", x=values("i8"), zeros=np.zeros((100, 100)))

all_types = {
    str(t).split(".")[1]: torch.tensor(values("f8")).to(t)
    for t in [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.uint8,
              torch.int16, torch.int32, torch.int64]
}
all_types["bool"] = torch.tensor(values("b1"))
all_types["scalar"] = torch.tensor(3.5)
all_types["empty"] = torch.zeros(0, 3)
safetensors.torch.save_file(all_types, f"{folder}/types.safetensors", {"made": "by safetensors", "n": "1"})
