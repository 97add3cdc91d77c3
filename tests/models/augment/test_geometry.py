"""Moved images and moved boxes stay together."""

from __future__ import annotations

import numpy as np
import pytest

from models.augment.geometry import PADDING, draw_move, move_boxes, move_image
from models.types import BoxSet


def _boxes(*rows):
    return BoxSet(np.array(rows, np.float32).reshape(-1, 4), np.zeros(len(rows), np.int64))


class _Rng:
    """A generator that draws the middle of every range, and always or never flips."""

    def __init__(self, flips):
        self.flips = flips

    def uniform(self, low, high, size=None):
        middle = (low + high) / 2
        return middle if size is None else np.full(size, middle)

    def random(self):
        return 0.0 if self.flips else 1.0


def _move(flips, from_hw=(40, 60), to_hw=(40, 60), zoom=(1.0, 1.0), h=True, v=False):
    return draw_move(_Rng(flips), from_hw, to_hw, zoom, 0.0, h, v)


def test_nothing_drawn_changes_nothing():
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    move = _move(False)
    np.testing.assert_allclose(move, [[1, 0, 0], [0, 1, 0]], atol=1e-12)
    np.testing.assert_array_equal(move_image(image, move, (40, 60)), image)


def test_horizontal_flip_mirrors_pixels_and_boxes_exactly():
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    move = _move(True)
    np.testing.assert_array_equal(move_image(image, move, (40, 60)), image[:, ::-1])
    assert move_boxes(_boxes([10, 5, 20, 15]), move, (40, 60)).boxes_xyxy.tolist() == [[40, 5, 50, 15]]


def test_vertical_flip_mirrors_pixels_and_boxes_exactly():
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    move = _move(True, h=False, v=True)
    np.testing.assert_array_equal(move_image(image, move, (40, 60)), image[::-1])
    assert move_boxes(_boxes([10, 5, 20, 15]), move, (40, 60)).boxes_xyxy.tolist() == [[10, 25, 20, 35]]


def test_zoom_by_two_keeps_the_middle_in_place():
    move = _move(False, zoom=(2.0, 2.0))
    assert move_boxes(_boxes([25, 15, 35, 25]), move, (40, 60)).boxes_xyxy.tolist() == [[20, 10, 40, 30]]


@pytest.mark.parametrize("seed", range(20))
def test_drawn_rectangle_lies_where_its_moved_box_says(seed):
    image = np.zeros((120, 160, 3), np.uint8)
    image[30:70, 50:110] = 255
    rng = np.random.default_rng(seed)
    move = draw_move(rng, (120, 160), (96, 128), (0.6, 1.5), 0.1, True, True)
    moved, boxes = move_image(image, move, (96, 128)), move_boxes(_boxes([50, 30, 110, 70]), move, (96, 128))
    assert len(boxes.class_ids) == 1
    ys, xs = np.nonzero((moved[..., 0] > 190) | ((moved[..., 0] > 128) & (moved[..., 0] != PADDING)))
    bright = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
    np.testing.assert_allclose(boxes.boxes_xyxy[0], bright, atol=1.6)


def test_boxes_without_area_or_mostly_outside_are_left_out():
    shift = np.array([[1.0, 0, 40], [0, 1, 0]])  # a canvas 60 px wide sees x < 20 of the image
    kept = move_boxes(_boxes([5, 5, 5, 9], [18, 0, 38, 10], [10, 0, 30, 10]), shift, (40, 60))
    assert kept.boxes_xyxy.tolist() == [[50, 0, 60, 10]]  # the second shows 2 of 20 columns, the third 10 of 20


def test_outside_of_the_image_is_grey():
    moved = move_image(np.zeros((10, 10, 3), np.uint8), np.array([[1.0, 0, 10], [0, 1, 0]]), (10, 20))
    assert (moved[:, :9] == PADDING).all() and (moved[:, 11:] == 0).all()


def test_strong_shrinking_averages():
    checker = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)
    moved = move_image(np.repeat(checker[..., None], 3, 2), np.array([[0.125, 0, 0], [0, 0.125, 0]]), (32, 32))
    assert np.abs(moved[2:-2, 2:-2].astype(int) - 127).max() <= 2
