"""Boxes that repeat each other, that pair up, and that speak of one object: as a plain search finds them."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.box_pairs import (
    EQUAL_PX,
    SAME_OBJECT_IOU,
    find_overlap,
    find_repeats,
    pair_equal,
)

MANY = 20_000


def boxes(*corners: tuple[float, ...]) -> np.ndarray:
    return np.array(corners, np.float64).reshape(-1, 4)


def test_a_box_that_differs_by_a_pixel_on_every_side_is_a_repeat():
    found = boxes(
        (10, 10, 50, 50), (11, 9, 51, 49), (10, 10, 50, 51.5), (10, 10, 50, 50)
    )
    assert find_repeats(["a"] * 4, found).tolist() == [-1, 0, -1, 0]


def test_boxes_of_other_groups_are_no_repeats():
    assert find_repeats(
        ["a", "b"], boxes((10, 10, 50, 50), (10, 10, 50, 50))
    ).tolist() == [-1, -1]


def test_a_box_that_lacks_a_side_equals_none():
    nan = float("nan")
    assert find_repeats(
        ["a"] * 2, boxes((10, 10, nan, 50), (10, 10, nan, 50))
    ).tolist() == [-1, -1]
    assert pair_equal(["a"], boxes((0, 0, nan, 1)), ["a"], boxes((0, 0, 9, 1))) == []
    assert find_overlap(boxes((0, 0, nan, 9)), boxes((0, 0, 9, 9))) is None


def test_pairs_are_of_the_nearest_and_one_to_one():
    ours = boxes((0, 0, 9, 9), (0.8, 0, 9, 9))
    theirs = boxes((0.9, 0, 9, 9), (0, 0, 9, 9), (0, 0, 9, 9))
    assert pair_equal(["a"] * 2, ours, ["a"] * 3, theirs) == [(0, 1), (1, 0)]
    assert pair_equal(["a", "b"], ours, ["b"] * 3, theirs) == [(1, 0)]
    assert pair_equal([], boxes(), ["a"] * 3, theirs) == []


def test_an_overlap_of_half_is_one_object_and_less_is_not():
    assert find_overlap(
        boxes((0, 0, 10, 10)), boxes((90, 0, 99, 9), (0, 0, 10, 20))
    ) == (0, 1)  # 100 / 200
    assert find_overlap(boxes((0, 0, 10, 10)), boxes((0, 0, 10, 21))) is None
    assert (
        find_overlap(boxes((0, 0, 10, 10)), boxes((5, 0, 15, 10), (3, 3, 3, 9))) is None
    )  # 50 / 150; no area


corner = st.integers(0, 24).map(lambda n: n / 2)
box = st.tuples(corner, corner, st.integers(1, 12), st.integers(1, 12)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)
several = st.lists(box, min_size=1, max_size=12)


@given(several)
def test_repeats_are_those_of_a_plain_search(corners):
    found = boxes(*corners)
    kept = []
    is_repeat = []
    for n, one in enumerate(found):  # the first of each place is kept, in order
        is_repeat.append(any(np.abs(one - found[k]).max() <= EQUAL_PX for k in kept))
        kept += [] if is_repeat[-1] else [n]
    assert (find_repeats([0] * len(found), found) >= 0).tolist() == is_repeat


@given(several, several)
def test_an_overlap_is_found_where_a_plain_search_finds_one(corners, others):
    def iou(a: tuple[float, ...], b: tuple[float, ...]) -> float:
        shared = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(
            min(a[3], b[3]) - max(a[1], b[1]), 0
        )
        return shared / (
            (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
        )

    found = find_overlap(boxes(*corners), boxes(*others))
    assert (found is not None) == any(
        iou(a, b) >= SAME_OBJECT_IOU for a in corners for b in others
    )
    assert found is None or iou(corners[found[0]], others[found[1]]) >= SAME_OBJECT_IOU


@pytest.mark.parametrize("kind", ["alike", "equal", "crowded", "apart"])
def test_thousands_of_boxes_are_quick(kind):
    """All pairs of them are 200 million."""
    rng = np.random.default_rng(0)
    spread = {"alike": 0.9, "equal": 0.0, "crowded": 30.0, "apart": 8000.0}[kind]
    low = rng.uniform(0, spread, (MANY, 2)) if spread else np.zeros((MANY, 2))
    many = np.concatenate([low, low + 12], 1)
    started_s = time.perf_counter()
    repeats = find_repeats([0] * MANY, many)
    pairs = pair_equal([0] * MANY, many, [0] * MANY, many + 0.25)
    find_overlap(many, many + 0.25)
    assert time.perf_counter() - started_s < 30
    assert len(pairs) > 0.9 * MANY if kind in ("equal", "apart") else pairs
    assert ((repeats >= 0).sum() == MANY - 1) == (kind in ("alike", "equal"))
