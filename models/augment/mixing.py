"""Blend pairs of images and of their class distributions (mixup, Zhang et al., ICLR 2018)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mix_pairs(
    images: NDArray[np.uint8], targets: NDArray[np.float32], alpha: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """(B, ...) images and (B, C) class distributions, each blended with a random other one of the batch.

    One weight a batch, drawn from Beta(alpha, alpha); alpha 0 changes nothing.
    """
    if alpha <= 0:
        return images, targets
    weight = np.float32(rng.beta(alpha, alpha))
    other = rng.permutation(len(images))
    mixed = weight * images + (1 - weight) * images[other]
    return np.rint(mixed).astype(np.uint8), weight * targets + (1 - weight) * targets[other]


def smooth_one_hot(class_ids: NDArray[np.int64], num_classes: int, smoothing: float) -> NDArray[np.float32]:
    """(B,) ids -> (B, C) distributions with `smoothing` of the mass spread over all classes."""
    one_hot = np.eye(num_classes, dtype=np.float32)[class_ids]
    return one_hot * np.float32(1 - smoothing) + np.float32(smoothing / num_classes)
