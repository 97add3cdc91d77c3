"""The contrast of views is the formula of its paper, has its gradient, and is largest where nothing is told apart."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from models.losses.contrastive import nt_xent


def _by_the_paper(projected: torch.Tensor, temperature: float = 0.2) -> float:
    """Equation 1 of SimCLR, pair by pair."""
    views = [view for image in projected for view in image]
    losses = []
    for i, view in enumerate(views):
        terms = [
            math.exp(F.cosine_similarity(view, other, dim=0).item() / temperature)
            for other in views
        ]
        losses.append(
            -math.log(
                terms[i ^ 1] / sum(term for k, term in enumerate(terms) if k != i)
            )
        )
    return sum(losses) / len(losses)


@pytest.mark.parametrize("num_images", [2, 3, 8])
def test_it_is_the_formula_of_the_paper(num_images):
    projected = torch.randn(
        num_images,
        2,
        5,
        dtype=torch.float64,
        generator=torch.Generator().manual_seed(num_images),
    )
    assert nt_xent(projected).item() == pytest.approx(_by_the_paper(projected))


def test_its_gradient_is_right():
    projected = torch.randn(
        3,
        2,
        4,
        dtype=torch.float64,
        generator=torch.Generator().manual_seed(0),
        requires_grad=True,
    )
    assert torch.autograd.gradcheck(nt_xent, (projected,))


def test_a_collapse_is_as_surprising_as_a_guess_and_what_is_told_apart_is_not():
    assert nt_xent(torch.ones(8, 2, 6)).item() == pytest.approx(math.log(15), rel=1e-5)
    apart = torch.eye(8)[:, None].expand(8, 2, 8)
    assert nt_xent(apart).item() < 0.1
