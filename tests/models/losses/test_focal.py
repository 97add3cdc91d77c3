"""Quality focal loss, against sums done by hand."""

from __future__ import annotations

import math

import pytest
import torch

from models.losses.focal import quality_focal_loss


def test_even_score_against_background():
    # logit 0: score 1/2, gap 1/2, cross-entropy ln 2
    assert quality_focal_loss(
        torch.tensor(0.0), torch.tensor(0.0)
    ).item() == pytest.approx(0.25 * math.log(2))


def test_score_equal_to_quality_costs_nothing():
    quality = torch.tensor(0.8, dtype=torch.float64)
    assert quality_focal_loss(torch.logit(quality), quality).item() == pytest.approx(
        0, abs=1e-12
    )


def test_gradient_is_that_of_finite_differences():
    logits = torch.tensor(
        [-2.0, -0.3, 0.4, 3.0], dtype=torch.float64, requires_grad=True
    )
    quality = torch.tensor([0.0, 0.9, 0.1, 0.6], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: quality_focal_loss(x, quality), (logits,))
