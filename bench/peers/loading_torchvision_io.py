"""torchvision's ImageFolder and DataLoader with its own decoder, which keeps images as tensors all the way."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.io import ImageReadMode, decode_jpeg, read_file

from bench.peers.crops import crop_tensor
from bench.peers.epochs import BATCH, Batches, report


def read(path: str) -> torch.Tensor:
    return decode_jpeg(read_file(path), ImageReadMode.RGB)


def load(pictures: Path, store: Path, num_workers: int) -> Batches:
    folder = ImageFolder(str(pictures / "train"), crop_tensor, loader=read)
    # the target tells which
    folder.samples = [(path, number) for number, (path, _) in enumerate(folder.samples)]
    for images, numbers in DataLoader(
        folder, BATCH, shuffle=True, num_workers=num_workers
    ):
        yield images, numbers.tolist()


if __name__ == "__main__":
    report(load)
