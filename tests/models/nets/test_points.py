"""Boxes seen from points, and back."""

from __future__ import annotations

import numpy as np
import torch

from models.losses.assignment import UNASSIGNED, assign_points
from models.nets.points import decode_boxes, make_points
from models.suppression import keep_best


def encode_boxes(boxes_xyxy, centres, strides):
    return (
        torch.cat([centres - boxes_xyxy[..., :2], boxes_xyxy[..., 2:] - centres], -1)
        / strides[..., None]
    )


def test_points_lie_in_the_middle_of_their_cells():
    centres, strides = make_points(32, 64)
    assert len(centres) == 4 * 8 + 2 * 4 + 1 * 2
    assert centres[1].tolist() == [12, 4] and strides[1] == 8
    assert centres[32].tolist() == [8, 8] and strides[32] == 16
    assert centres[-1].tolist() == [48, 16] and strides[-1] == 32


def test_distances_are_left_top_right_bottom_in_strides():
    centres = torch.tensor([[20.0, 20.0]])
    strides = torch.tensor([8.0])
    box = torch.tensor([[12.0, 16.0, 36.0, 24.0]])
    assert (
        decode_boxes(torch.tensor([[1, 0.5, 2, 0.5]]), centres, strides).tolist()
        == box.tolist()
    )
    assert encode_boxes(box, centres, strides).tolist() == [[1, 0.5, 2, 0.5]]


def test_assigned_encoded_decoded_and_suppressed_boxes_are_the_boxes():
    truth = torch.tensor(
        [[3, 4, 40, 60], [30, 2, 90, 50], [70, 70, 76, 77], [0, 60, 120, 128.0]]
    )
    centres, strides = make_points(128, 128)
    owners = assign_points(truth, centres, strides)
    has_owner = owners != UNASSIGNED
    distances = torch.zeros(len(centres), 4)
    distances[has_owner] = encode_boxes(
        truth[owners[has_owner]], centres[has_owner], strides[has_owner]
    )
    scores = torch.zeros(len(centres), 4)
    scores[has_owner, owners[has_owner]] = 0.9
    found = keep_best(decode_boxes(distances, centres, strides).numpy(), scores.numpy())
    order = np.argsort(found.class_ids)
    np.testing.assert_allclose(found.boxes_xyxy[order], truth.numpy(), atol=1e-4)
    assert found.class_ids[order].tolist() == [0, 1, 2, 3]
