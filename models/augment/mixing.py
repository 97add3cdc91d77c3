"""Put pairs of images together, and their class distributions in the same shares.

Mixup blends them (Zhang et al., ICLR 2018), CutMix pastes a part of one into the other (Yun et al., ICCV 2019).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def mix_pairs(
    images: Tensor, targets: Tensor, alpha: float, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """(B, 3, H, W) uint8 images, on any device, and (B, C) class distributions, each blended with a random other one of
    the batch.

    One weight a batch, drawn from Beta(alpha, alpha); alpha 0 changes nothing.
    """
    if alpha <= 0:
        return images, targets
    weight = rng.beta(alpha, alpha)
    other = torch.from_numpy(rng.permutation(len(images)))
    mixed = weight * images.float() + (1 - weight) * images[other]
    return mixed.round().to(torch.uint8), weight * targets + (1 - weight) * targets[
        other
    ]


def cut_pairs(
    images: Tensor, targets: Tensor, alpha: float, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """As `mix_pairs`, but each image gets a box of a random other one.

    One box a batch, its share of the area drawn from Beta(alpha, alpha) and then cut at the edges of the image; targets
    follow what is left of it.
    """
    height, width = images.shape[2:]
    side = np.sqrt(rng.beta(alpha, alpha))  # of the image's sides
    middle_y, middle_x = rng.random(2) * (height, width)
    top, bottom = np.clip(
        np.rint([middle_y - side * height / 2, middle_y + side * height / 2]), 0, height
    ).astype(int)
    left, right = np.clip(
        np.rint([middle_x - side * width / 2, middle_x + side * width / 2]), 0, width
    ).astype(int)
    other = torch.from_numpy(rng.permutation(len(images)))
    cut = images.clone()
    cut[:, :, top:bottom, left:right] = images[other, :, top:bottom, left:right]
    share = float((bottom - top) * (right - left) / (height * width))
    return cut, (1 - share) * targets + share * targets[other]


def smooth_one_hot(
    class_ids: NDArray[np.int64], num_classes: int, smoothing: float
) -> NDArray[np.float32]:
    """(B,) ids -> (B, C) distributions with `smoothing` of the mass spread over all classes."""
    one_hot = np.eye(num_classes, dtype=np.float32)[class_ids]
    return one_hot * np.float32(1 - smoothing) + np.float32(smoothing / num_classes)
