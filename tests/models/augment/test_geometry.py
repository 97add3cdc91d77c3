"""Moved images and moved boxes stay together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.augment.geometry import (
    PADDING,
    draw_move,
    move_boxes,
    move_image,
    move_instances,
    move_map,
)
from models.masks import find_box
from models.types import IGNORE, BoxSet, InstanceSet, SemanticMap


def _boxes(*rows):
    return BoxSet(
        np.array(rows, np.float32).reshape(-1, 4), np.zeros(len(rows), np.int64)
    )


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
    assert move_boxes(_boxes([10, 5, 20, 15]), move, (40, 60)).boxes_xyxy.tolist() == [
        [40, 5, 50, 15]
    ]


def test_vertical_flip_mirrors_pixels_and_boxes_exactly():
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    move = _move(True, h=False, v=True)
    np.testing.assert_array_equal(move_image(image, move, (40, 60)), image[::-1])
    assert move_boxes(_boxes([10, 5, 20, 15]), move, (40, 60)).boxes_xyxy.tolist() == [
        [10, 25, 20, 35]
    ]


def test_zoom_by_two_keeps_the_middle_in_place():
    move = _move(False, zoom=(2.0, 2.0))
    assert move_boxes(_boxes([25, 15, 35, 25]), move, (40, 60)).boxes_xyxy.tolist() == [
        [20, 10, 40, 30]
    ]


@pytest.mark.parametrize("seed", range(20))
def test_drawn_rectangle_lies_where_its_moved_box_says(seed):
    image = np.zeros((120, 160, 3), np.uint8)
    image[30:70, 50:110] = 255
    rng = np.random.default_rng(seed)
    move = draw_move(rng, (120, 160), (96, 128), (0.6, 1.5), 0.1, True, True)
    moved = move_image(image, move, (96, 128))
    boxes = move_boxes(_boxes([50, 30, 110, 70]), move, (96, 128))
    assert len(boxes.class_ids) == 1
    ys, xs = np.nonzero(
        (moved[..., 0] > 190) | ((moved[..., 0] > 128) & (moved[..., 0] != PADDING))
    )
    bright = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
    np.testing.assert_allclose(boxes.boxes_xyxy[0], bright, atol=1.6)


def test_boxes_without_area_or_mostly_outside_are_left_out():
    # a canvas 60 px wide sees x < 20 of the image
    shift = np.array([[1.0, 0, 40], [0, 1, 0]])
    kept = move_boxes(
        _boxes([5, 5, 5, 9], [18, 0, 38, 10], [10, 0, 30, 10]), shift, (40, 60)
    )
    # the second shows 2 of 20 columns, the third 10 of 20
    assert kept.boxes_xyxy.tolist() == [[50, 0, 60, 10]]


def test_outside_of_the_image_is_grey():
    moved = move_image(
        np.zeros((10, 10, 3), np.uint8), np.array([[1.0, 0, 10], [0, 1, 0]]), (10, 20)
    )
    assert (moved[:, :9] == PADDING).all() and (moved[:, 11:] == 0).all()


def test_strong_shrinking_averages():
    checker = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)
    moved = move_image(
        np.repeat(checker[..., None], 3, 2),
        np.array([[0.125, 0, 0], [0, 0.125, 0]]),
        (32, 32),
    )
    assert np.abs(moved[2:-2, 2:-2].astype(int) - 127).max() <= 2


def test_a_map_moved_by_nothing_is_itself():
    ids = np.random.default_rng(0).integers(0, 5, (40, 60), dtype=np.uint8)
    np.testing.assert_array_equal(
        move_map(SemanticMap(ids), _move(False), (40, 60)).class_ids, ids
    )


def test_a_map_flipped_and_doubled_is_ids_repeated_the_other_way_round():
    ids = np.array([[0, 1, 2], [3, 4, 5]], np.uint8)
    moved = move_map(SemanticMap(ids), _move(True, (2, 3), (4, 6)), (4, 6))
    np.testing.assert_array_equal(
        moved.class_ids, np.repeat(np.repeat(ids[:, ::-1], 2, 0), 2, 1)
    )


def test_outside_of_the_image_a_map_is_ignored():
    moved = move_map(
        SemanticMap(np.zeros((4, 4), np.uint8)),
        np.array([[1.0, 0, 2], [0, 1, 0]]),
        (4, 6),
    )
    np.testing.assert_array_equal(moved.class_ids, [[IGNORE, IGNORE, 0, 0, 0, 0]] * 4)


@given(seed=st.integers(0, 10_000), side=st.integers(33, 90))
@settings(max_examples=60)
def test_a_map_moves_with_its_boxes_and_its_image(seed, side):
    """A rectangle of class 1: moved as a map, as a box, and as white pixels, it lies in one place to the pixel."""
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, side - 8, 2)
    width, height = rng.integers(4, side - max(x, y), 2)
    ids = np.zeros((side, side), np.uint8)
    image = np.zeros((side, side, 3), np.uint8)
    ids[y : y + height, x : x + width] = 1
    image[y : y + height, x : x + width] = 255
    move = draw_move(rng, (side, side), (64, 96), (0.8, 1.5), 0.2, True, True)
    moved = move_map(SemanticMap(ids), move, (64, 96)).class_ids
    boxes = move_boxes(_boxes([x, y, x + width, y + height]), move, (64, 96)).boxes_xyxy
    for x0, y0, x1, y1 in boxes:  # pixels whose centre lies in the moved box
        columns = np.arange(96) + 0.5
        rows = np.arange(64)[:, None] + 0.5
        is_in_box = (columns >= x0) & (columns < x1) & (rows >= y0) & (rows < y1)
        is_near_edge = np.minimum(abs(columns - x0), abs(columns - x1)) < 1e-3
        is_near_edge = is_near_edge | (
            np.minimum(abs(rows - y0), abs(rows - y1)) < 1e-3
        )
        np.testing.assert_array_equal(
            (moved == 1)[~is_near_edge], is_in_box[~is_near_edge]
        )
    # blurred by a pixel where it is resampled
    bright = move_image(image, move, (64, 96))[..., 0]
    assert (moved[bright > 230] == 1).all()
    assert (moved[bright < 25] != 1).all()


def _instances(*masks):
    masks = np.array(masks, bool)
    boxes = np.array([find_box(mask) for mask in masks], np.float32)
    return InstanceSet(boxes, np.arange(len(masks)), masks)


@given(seed=st.integers(0, 10_000), side=st.integers(33, 90))
@settings(max_examples=60)
def test_a_mask_agrees_with_its_box_and_its_image_after_a_move(seed, side):
    """Two ellipses, one white, one black: each moved mask fills its box to the edges and lies on its own pixels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    masks = [
        ((x - side * u) / rng.uniform(4, 8)) ** 2
        + ((y - side / 2) / rng.uniform(4, 15)) ** 2
        < 1
        for u in (0.25, 0.75)
    ]
    image = np.full((side, side, 3), 128, np.uint8)
    image[masks[0]] = 255
    image[masks[1]] = 0
    whole = _instances(*masks)
    move = draw_move(rng, (side, side), (64, 96), (0.8, 1.5), 0.2, True, True)
    moved = move_instances(whole, move, (64, 96))
    pixels = move_image(image, move, (64, 96))[..., 0]
    assert moved.masks.shape[1:] == (64, 96)
    for mask, box in zip(moved.masks, moved.boxes_xyxy, strict=True):
        assert find_box(mask) == tuple(box)
    for class_id, is_shown in ((0, pixels > 240), (1, pixels < 15)):
        mask = moved.masks[moved.class_ids == class_id]
        assert not len(mask) or mask[0][is_shown].all()
        assert (
            not len(mask)
            or not mask[0][pixels < 15 if class_id == 0 else pixels > 240].any()
        )
    # where the canvas cuts nothing off, boxes move as boxes do
    kept = move_boxes(whole, move, (64, 96))
    for class_id, box in zip(kept.class_ids, kept.boxes_xyxy, strict=True):
        if box.min() > 0 and box[2] < 96 and box[3] < 64:
            np.testing.assert_allclose(
                moved.boxes_xyxy[moved.class_ids == class_id][0], box, atol=1.5
            )


def test_objects_mostly_outside_are_left_out_with_their_boxes():
    left, right = np.zeros((2, 40, 60), bool)
    left[10:20, 5:15] = True
    right[10:20, 14:34] = True
    moved = move_instances(
        _instances(left, right), np.array([[1.0, 0, 40], [0, 1, 0]]), (40, 60)
    )
    assert moved.class_ids.tolist() == [0, 1] and moved.boxes_xyxy.tolist() == [
        [45, 10, 55, 20],
        [54, 10, 60, 20],
    ]
    moved = move_instances(
        _instances(left, right), np.array([[1.0, 0, 41], [0, 1, 0]]), (40, 60)
    )
    assert moved.class_ids.tolist() == [0]  # of the other, 5 of 20 columns are left


def test_no_objects_move_to_no_objects():
    none = InstanceSet(
        np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros((0, 40, 60), bool)
    )
    moved = move_instances(none, _move(True), (32, 64))
    assert moved.masks.shape == (0, 32, 64) and moved.boxes_xyxy.shape == (0, 4)
