"""peer_loading.py: the workloads of loading.lua in PyTorch: its DataLoader, and Pillow for the pictures."""
import gzip
import io
import random

import numpy as np
import torch

COUNT, BATCH, WORKERS = 60000, 64, 2
MEAN, STD = 0.1307, 0.3081


def read(folder, name):
    with gzip.open(f"{folder}/{name}.gz") as file:
        return np.frombuffer(file.read(), np.uint8)


def digits(folder):
    from PIL import Image

    pictures = read(folder, "train-images-idx3-ubyte")[16:].reshape(-1, 28, 28)
    labels = read(folder, "train-labels-idx1-ubyte")[8:]
    files = []
    for picture in pictures[:COUNT]:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        files.append(file.getvalue())
    n = len(files)
    return [files[i % n] for i in range(COUNT)], [int(labels[i % n]) for i in range(COUNT)]


class Digits(torch.utils.data.Dataset):
    """Pillow turns and moves a picture of bytes in one call, faster than torchvision's tensors do."""

    def __init__(self, folder):
        from PIL import Image

        self.files, self.labels = digits(folder)
        self.open, self.mode = Image.open, Image.BILINEAR

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        picture = self.open(io.BytesIO(self.files[i]))
        move = (random.randint(-2, 2), random.randint(-2, 2))
        picture = picture.rotate(random.uniform(-15, 15), self.mode, translate=move)
        return np.asarray(picture), self.labels[i]


def collate(samples):
    pictures = torch.from_numpy(np.stack([s[0] for s in samples])).unsqueeze(1)
    labels = torch.tensor([s[1] for s in samples])
    return pictures.float().div_(255).sub_(MEAN).div_(STD), labels


def mnist_augment(folder):
    loader = torch.utils.data.DataLoader(Digits(folder), batch_size=BATCH, shuffle=True, num_workers=WORKERS,
                                         collate_fn=collate, persistent_workers=True)

    def step():
        count = 0
        for pictures, _ in loader:
            count += len(pictures)
        assert count == COUNT

    return step


def register(add, peer):
    add("data.mnist_augment", lambda: mnist_augment(peer.data_folder))
