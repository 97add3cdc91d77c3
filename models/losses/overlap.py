"""Losses for a class in every pixel: cross-entropy over the pixels somebody labelled, and the overlap of regions.

Neither is a mean over images: pixels of the whole batch count together, on all workers that share it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models.training.workers import mean_over_workers
from models.types import IGNORE

_TINY = 1e-12  # keeps what is absent from dividing by zero


def pixel_cross_entropy(logits: Tensor, class_ids: Tensor) -> Tensor:
    """Weighted mean cross-entropy of (B, C, H, W) logits over the pixels of (B, H, W) int64 ids that are not IGNORE.

    A class of n pixels in the batch weighs as sqrt(n) in all, 1 / sqrt(n) a pixel: between counting pixels, where small
    classes are never learnt, and counting classes, where a few wrong labels rule. 0, with a gradient of 0, where every
    pixel is ignored.
    """
    counts = torch.bincount(
        class_ids[class_ids != IGNORE], minlength=logits.shape[1]
    ).to(logits.dtype)  # (C,)
    counts = mean_over_workers(counts)
    total = F.cross_entropy(
        logits,
        class_ids,
        counts.clamp(min=_TINY).rsqrt(),
        ignore_index=IGNORE,
        reduction="sum",
    )
    return total / counts.sqrt().sum().clamp(min=_TINY)


def soft_dice_loss(logits: Tensor, class_ids: Tensor) -> Tensor:
    """1 - the mean over the classes that the batch shows of 2 |P Y| / (|P| + |Y|), in [0, 1]; shapes as above.

    P are probabilities, Y the truth as 0 and 1, summed over all pixels of the batch that are not IGNORE: so a rare
    class weighs as much as a large one. Milletari et al., V-Net (3DV 2016), with |P| in place of |P|^2. 0 where every
    pixel is ignored.
    """
    is_known = class_ids != IGNORE
    num_classes = logits.shape[1]
    probability = logits.softmax(1)
    # of the true class, 0 where nobody knows it: (B, H, W)
    of_truth = -F.nll_loss(
        probability, class_ids, ignore_index=IGNORE, reduction="none"
    )
    hits = torch.zeros_like(probability[0, :, 0, 0]).index_add(
        0, class_ids.where(is_known, 0).flatten(), of_truth.flatten()
    )
    num_pixels = torch.bincount(class_ids[is_known], minlength=num_classes)
    predicted = (probability * is_known[:, None]).flatten(2).sum((0, 2))
    sums = torch.stack([hits, predicted + num_pixels, num_pixels.to(hits.dtype)])
    hits, sizes, num_pixels = mean_over_workers(sums)  # (C,) each
    is_shown = num_pixels > 0
    missed = torch.where(
        is_shown, 1 - 2 * hits / sizes.clamp(min=_TINY), torch.zeros_like(hits)
    )
    return missed.sum() / is_shown.sum().clamp(min=1)
