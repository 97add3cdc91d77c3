"""Losses for a class in every pixel: cross-entropy over the pixels somebody labelled, and the overlap of regions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models.types import IGNORE


def pixel_cross_entropy(logits: Tensor, class_ids: Tensor) -> Tensor:
    """Weighted mean cross-entropy of (B, C, H, W) logits over the pixels of (B, H, W) int64 ids that are not IGNORE.

    A class of n pixels in the batch weighs as sqrt(n) in all, 1 / sqrt(n) a pixel: between counting pixels, where small
    classes are never learnt, and counting classes, where a few wrong labels rule. 0, with a gradient of 0, where every
    pixel is ignored.
    """
    counts = torch.bincount(class_ids[class_ids != IGNORE], minlength=logits.shape[1]).to(logits.dtype)  # (C,)
    weights = counts.clamp(min=1).rsqrt()
    total = F.cross_entropy(logits, class_ids, weights, ignore_index=IGNORE, reduction="sum")
    return total / counts.sqrt().sum().clamp(min=1)


def soft_dice_loss(logits: Tensor, class_ids: Tensor) -> Tensor:
    """1 - the mean over the classes that the batch shows of 2 |P Y| / (|P| + |Y|), in [0, 1]; shapes as above.

    P are probabilities, Y the truth as 0 and 1, summed over all pixels of the batch that are not IGNORE: so a rare
    class weighs as much as a large one. Milletari et al., V-Net (3DV 2016), with |P| in place of |P|^2. 0 where every
    pixel is ignored.
    """
    is_known = (class_ids != IGNORE)[:, None]
    truth = F.one_hot(class_ids.where(class_ids != IGNORE, 0), logits.shape[1]).movedim(-1, 1) * is_known
    probability = logits.softmax(1) * is_known
    hits, sizes = ((a.flatten(2).sum((0, 2))) for a in (probability * truth, probability + truth))
    is_shown = truth.flatten(2).sum((0, 2)) > 0  # (C,)
    missed = torch.where(is_shown, 1 - 2 * hits / sizes.clamp(min=1e-12), torch.zeros_like(hits))
    return missed.sum() / is_shown.sum().clamp(min=1)
