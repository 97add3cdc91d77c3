"""Overlap of pairs of boxes, against sums done by hand."""

from __future__ import annotations

import pytest
import torch

from models.losses.boxes import giou_loss, iou_pairs


def _boxes(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_half_overlapping_squares_have_iou_one_third():
    a, b = _boxes([0, 0, 2, 2]), _boxes([1, 0, 3, 2])
    assert iou_pairs(a, b).item() == pytest.approx(2 / (4 + 4 - 2), abs=1e-6)


def test_equal_boxes_have_no_loss():
    assert giou_loss(
        _boxes([3, 4, 8, 9]), _boxes([3, 4, 8, 9])
    ).item() == pytest.approx(0, abs=1e-6)


def test_boxes_apart_lose_one_plus_the_wasted_share_of_the_hull():
    # two unit squares with a gap of one: hull 3 x 1, union 2, so GIoU = 0 - 1/3
    assert giou_loss(
        _boxes([0, 0, 1, 1]), _boxes([2, 0, 3, 1])
    ).item() == pytest.approx(1 + 1 / 3, abs=1e-6)


def test_overlapping_boxes_lose_one_minus_giou():
    # inner 1, union 7, hull 9: GIoU = 1/7 - 2/9
    assert giou_loss(
        _boxes([0, 0, 2, 2]), _boxes([1, 1, 3, 3])
    ).item() == pytest.approx(1 - 1 / 7 + 2 / 9, abs=1e-6)


def test_empty_box_gives_finite_loss_and_gradient():
    a = _boxes([1, 1, 1, 1]).requires_grad_()
    loss = giou_loss(a, _boxes([0, 0, 2, 2])).sum()
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(a.grad).all()


def test_gradient_is_that_of_finite_differences():
    a = _boxes([0.1, 0.2, 2.3, 1.9], [4.2, 4.0, 5.0, 5.3]).requires_grad_()
    b = _boxes([1.0, 1.1, 3.0, 3.2], [0.3, 0.4, 1.0, 1.5])
    assert torch.autograd.gradcheck(lambda x: giou_loss(x, b), (a,))


def test_agrees_with_torchvision():
    from torchvision.ops import box_iou, generalized_box_iou_loss

    corners = (
        torch.rand(
            50, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64
        )
        * 10
    )
    boxes = torch.cat([corners.amin(1), corners.amax(1) + 0.1], 1)
    of_pairs = box_iou(boxes, boxes.flip(0)).diagonal()
    torch.testing.assert_close(
        iou_pairs(boxes, boxes.flip(0)), of_pairs, atol=1e-5, rtol=0
    )
    wanted = generalized_box_iou_loss(boxes, boxes.flip(0))
    torch.testing.assert_close(
        giou_loss(boxes, boxes.flip(0)), wanted, atol=1e-5, rtol=0
    )
