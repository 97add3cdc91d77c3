"""Classification losses for dense predictions, where nearly everything is background."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def quality_focal_loss(logits: Tensor, quality: Tensor, beta: float = 2.0) -> Tensor:
    """|sigmoid(logit) - quality|^beta * cross-entropy, elementwise.

    `quality` in [0, 1] is the IoU of the box with its truth, 0 for background.
    Generalized Focal Loss (Li et al., NeurIPS 2020), equation 2.
    """
    gap = (logits.sigmoid() - quality).abs()
    return gap.pow(beta) * F.binary_cross_entropy_with_logits(
        logits, quality, reduction="none"
    )
