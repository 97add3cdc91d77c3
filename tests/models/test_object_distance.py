"""The distance of an object by the depth of the middle of its box."""

import numpy as np
import pytest

from models.object_distance import measure_distance

WALL = np.full((40, 60), 5.0, np.float32)


def test_the_middle_tells_and_not_what_lies_behind_the_edges():
    depth = WALL.copy()
    # the object fills the middle half of its box: 10 to 50 across is 20 to 40, 8 to 24 down is 12 to 20
    depth[12:20, 20:40] = 2.0
    assert measure_distance(depth, np.array([10, 8, 50, 24])) == 2.0


def test_pixels_without_a_depth_are_left_out():
    depth = WALL.copy()
    depth[12:20, 20:40] = 2.0
    depth[12:16, 20:40] = 0.0
    depth[16, 20:40] = np.nan
    assert measure_distance(depth, np.array([10, 8, 50, 24])) == 2.0


@pytest.mark.parametrize("box", [[0, 0, 40, 40], [200, 200, 240, 240]])
def test_where_nothing_is_known_there_is_no_distance(box):
    assert measure_distance(np.zeros_like(WALL), np.array(box)) is None
    assert measure_distance(np.zeros_like(WALL), np.array([0.2, 0.2, 0.4, 0.4])) is None


def test_a_box_that_reaches_out_of_the_picture_is_cut():
    # -20 to 40 across: the middle is -5 to 25, of which 0 to 25 is there
    assert measure_distance(WALL, np.array([-20, -8, 40, 24])) == 5.0


def test_a_box_of_less_than_a_pixel_has_the_depth_of_its_pixel():
    depth = WALL.copy()
    depth[3, 7] = 1.0
    assert measure_distance(depth, np.array([7.2, 3.2, 7.6, 3.6])) == 1.0
