"""Pixel losses: numbers by hand, gradients by differences, and pixels that nobody labelled."""

from __future__ import annotations

import math

import pytest
import torch

from models.losses.overlap import pixel_cross_entropy, soft_dice_loss
from models.types import IGNORE


def _logits(*probabilities):
    """(1, 2, 1, N) logits of a pixel's probability of class 1."""
    p = torch.tensor(probabilities, dtype=torch.float64)
    return torch.stack([torch.log(1 - p), torch.log(p)])[None, :, None]


def _ids(*values):
    return torch.tensor(values)[None, None]


def test_cross_entropy_of_classes_of_one_pixel_each_is_the_mean_over_labelled_pixels():
    loss = pixel_cross_entropy(_logits(0.5, 0.25, 0.9), _ids(1, 0, IGNORE))
    assert loss.item() == pytest.approx(-(math.log(0.5) + math.log(0.75)) / 2)


def test_a_class_of_four_pixels_weighs_twice_a_class_of_one():
    # class 0: 4 px of -log 0.5, weight 1/2 each; class 1: 1 px of -log 0.2; over 2 + 1
    loss = pixel_cross_entropy(_logits(0.5, 0.5, 0.5, 0.5, 0.2), _ids(0, 0, 0, 0, 1))
    assert loss.item() == pytest.approx((2 * math.log(2) + math.log(5)) / 3)


def test_dice_of_two_pixels():
    # class 0: 2 * 0.8 / (0.8 + 0.4 + 1), class 1: 2 * 0.6 / (0.2 + 0.6 + 1)
    loss = soft_dice_loss(_logits(0.2, 0.6), _ids(0, 1))
    assert loss.item() == pytest.approx(1 - (1.6 / 2.2 + 1.2 / 1.8) / 2)


def test_dice_of_a_class_that_is_not_there_does_not_count():
    # class 0 alone: 2 * (0.8 + 0.6) / (0.8 + 0.6 + 2)
    assert soft_dice_loss(_logits(0.2, 0.4), _ids(0, 0)).item() == pytest.approx(
        1 - 2.8 / 3.4
    )


def test_an_ignored_pixel_changes_no_loss():
    for loss in (pixel_cross_entropy, soft_dice_loss):
        assert loss(_logits(0.2, 0.6, 0.01), _ids(0, 1, IGNORE)) == loss(
            _logits(0.2, 0.6), _ids(0, 1)
        )


def test_where_all_is_ignored_loss_and_gradient_are_zero():
    logits = _logits(0.2, 0.6).requires_grad_()
    loss = pixel_cross_entropy(logits, _ids(IGNORE, IGNORE)) + soft_dice_loss(
        logits, _ids(IGNORE, IGNORE)
    )
    loss.backward()
    assert loss.item() == 0 and not logits.grad.any()


def test_a_sure_and_right_answer_costs_nothing():
    class_ids = torch.randint(
        0, 3, (2, 5, 4), generator=torch.Generator().manual_seed(0)
    )
    logits = torch.nn.functional.one_hot(class_ids, 3).movedim(-1, 1) * 100.0
    assert pixel_cross_entropy(logits, class_ids).item() < 1e-6
    assert abs(soft_dice_loss(logits, class_ids).item()) < 1e-6


@pytest.mark.parametrize("loss", [pixel_cross_entropy, soft_dice_loss])
def test_gradient_is_that_of_differences(loss):
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(
        2, 3, 4, 5, generator=generator, dtype=torch.float64, requires_grad=True
    )
    # class 2 does not occur
    class_ids = torch.randint(0, 2, (2, 4, 5), generator=generator)
    class_ids[0, :2] = IGNORE
    assert torch.autograd.gradcheck(lambda x: loss(x, class_ids), logits)
