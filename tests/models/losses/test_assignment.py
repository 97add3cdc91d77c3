"""Which points answer for which box, on grids small enough to draw."""

from __future__ import annotations

import torch

from models.losses.assignment import UNASSIGNED, assign_points, level_strides
from models.nets.points import make_points


def _assign(*boxes, side=64):
    centres, strides = make_points(side, side)
    return (
        assign_points(
            torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4), centres, strides
        ),
        centres,
        strides,
    )


def test_longer_side_chooses_the_level():
    boxes = torch.tensor(
        [[0, 0, 64, 10], [0, 0, 65, 10], [0, 0, 10, 128], [0, 0, 10, 129.0]]
    )
    assert level_strides(boxes).tolist() == [8, 16, 16, 32]


def test_points_near_the_centre_and_inside_own_a_box():
    # centre (24, 24); points of stride 8 at 4, 12, 20, 28, 36
    owners, centres, strides = _assign([8, 8, 40, 40])
    # 36 is 12 px away: not below 1.5 strides
    near = {(20.0, 20.0), (28.0, 20.0), (20.0, 28.0), (28.0, 28.0)}
    assert {tuple(c.tolist()) for c in centres[owners == 0]} == near
    assert (strides[owners == 0] == 8).all()


def test_box_that_covers_no_point_gets_the_nearest_one():
    owners, centres, _ = _assign([5, 5, 7, 7])
    assert centres[owners == 0].tolist() == [[4.0, 4.0]]


def test_point_in_two_boxes_goes_to_the_nearer_centre():
    # centres x = 16 and 24
    owners, centres, _ = _assign([0, 0, 32, 32], [8, 0, 40, 32])
    at_20 = (centres == torch.tensor([12.0, 12.0])).all(1).nonzero()[0, 0]
    at_28 = (centres == torch.tensor([28.0, 12.0])).all(1).nonzero()[0, 0]
    assert owners[at_20] == 0 and owners[at_28] == 1


def test_two_tiny_boxes_in_different_cells_both_keep_a_point():
    owners, _, _ = _assign([1, 1, 3, 3], [9, 1, 11, 3])
    assert set(owners.tolist()) == {UNASSIGNED, 0, 1}


def test_no_box_leaves_every_point_unassigned():
    owners, _, _ = _assign()
    assert (owners == UNASSIGNED).all()
