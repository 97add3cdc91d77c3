"""Boxes between two known ones: on a line they are its points, along a path they bend with it and meet both ends."""

from __future__ import annotations

import numpy as np
import pytest

from models.tracking.interpolation import interpolate_boxes, measure_growth

FIRST, LAST = np.array([0.0, 0, 10, 20]), np.array([40.0, 0, 60, 40])


def test_on_a_line_a_quarter_of_the_way_is_a_quarter_of_every_side():
    (box,) = interpolate_boxes(FIRST, LAST, np.array([0.25]), None)
    assert box == pytest.approx([10, 0, 22.5, 25])


def test_along_a_path_boxes_bend_with_it_and_meet_both_ends():
    """The path goes 30 px down and up again, 2 px left of the labels and half as high as they are."""
    y = np.array([0.0, 30, 0])
    path = np.column_stack([np.array([-2.0, 18, 38]), y, [8, 28, 48], y + 10])
    (box,) = interpolate_boxes(
        np.array([0.0, -5, 10, 15]), np.array([40.0, -5, 50, 15]), np.array([0.5]), path
    )
    assert box == pytest.approx([20, 25, 30, 45])


def test_boxes_never_turn_inside_out_where_a_path_shrinks():
    path = np.array([[0.0, 0, 100, 100], [48, 48, 50, 50], [0, 0, 100, 100]])
    small = np.array([40.0, 40, 60, 60])
    (box,) = interpolate_boxes(small, small, np.array([0.5]), path)
    # 2 px by a fifth, about the middle of the path's own box shifted by nothing
    assert box == pytest.approx([48.8, 48.8, 49.2, 49.2])


def test_growth_is_the_longer_of_both_sides_and_knows_no_direction():
    assert measure_growth(FIRST, LAST) == pytest.approx(2)
    assert measure_growth(LAST, FIRST) == pytest.approx(2)
