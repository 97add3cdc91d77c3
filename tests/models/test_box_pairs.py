"""Boxes that repeat each other, that pair up, and that speak of one object: as a plain search finds them."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.box_pairs import (
    CLOSE_IOU,
    CLOSE_PX,
    EQUAL_PX,
    SAME_OBJECT_IOU,
    find_overlap,
    find_repeats,
    pair_close,
    pair_equal,
)
from models.metrics.matching import measure_ious

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


def test_boxes_that_lie_apart_need_no_tree():
    """To load SciPy's costs more than to read a small set of labels."""
    code = """
import sys
import numpy as np
from models.box_pairs import find_repeats
print(find_repeats(["a", "a", "b"], np.array([[0, 0, 9, 9], [2, 0, 9, 9], [0, 0, 9, 9.0]])), "scipy" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("]") == ["[-1 -1 -1", " False\n"]


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


def test_boxes_of_one_object_are_paired_where_its_size_allows_for_the_difference():
    large = boxes((0, 0, 100, 100))
    for other, is_one in (
        ((0, 0, 100, 90), True),  # 9000 / 10000
        ((0, 0, 100, 89), False),
        ((0, 0, 100, 111.1), True),
        ((0, 0, 100, 111.2), False),
    ):
        assert bool(pair_close(["a"], large, ["a"], boxes(other))) == is_one, other
    small = boxes((10, 10, 15, 18))
    for other, is_one in (
        ((10, 10.5, 13.4, 17.3), True),  # 23 / 40: a person of COCO, and of its polygon
        ((12, 12, 15, 18), False),  # 18 / 40
        ((10, 10, 15, 20.1), False),  # 40 / 50
    ):
        assert bool(pair_close(["a"], small, ["a"], boxes(other))) == is_one, other
    assert pair_close(["a"], large, ["b"], large) == []


def test_of_several_boxes_of_one_place_equal_ones_are_paired_first_then_the_best_overlap():
    ours = boxes((0, 0, 100, 100), (0, 0, 100, 104))
    theirs = boxes((0, 0, 100, 103), (0, 0, 100, 100.5), (0, 0, 100, 107))
    # the second of theirs equals the first of ours; of the rest 103 / 104 is better than 104 / 107
    assert pair_close(["a"] * 2, ours, ["a"] * 3, theirs) == [(0, 1), (1, 0)]
    crowd = boxes(*((4 * n, 0, 4 * n + 100, 100) for n in range(9)))
    moved = crowd + 3
    pairs = pair_close(["a"] * 9, crowd, ["a"] * 9, moved)
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)


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


names = st.lists(st.sampled_from("ab"), min_size=12, max_size=12)


@given(several, several, names, names)
def test_close_pairs_are_those_of_a_plain_search_and_the_same_turned_round(
    corners, others, groups, other_groups
):
    ours, theirs = boxes(*corners), boxes(*others)
    groups, other_groups = groups[: len(ours)], other_groups[: len(theirs)]
    pairs = pair_close(groups, ours, other_groups, theirs)
    equal = set(pair_equal(groups, ours, other_groups, theirs))
    left = set(range(len(ours))) - {a for a, _ in equal}
    others_left = set(range(len(theirs))) - {b for _, b in equal}
    found = []
    for a, b in itertools.product(left, others_left):
        iou = measure_ious(ours[a : a + 1], theirs[b : b + 1]).item()
        is_near = np.abs(ours[a] - theirs[b]).max() <= CLOSE_PX
        if groups[a] == other_groups[b] and iou >= (0.5 if is_near else CLOSE_IOU):
            found.append((-iou, a, b))
    assert equal <= set(pairs)
    close = set(pairs) - equal
    assert close <= {(a, b) for _, a, b in found}
    taken = {a for a, _ in close}, {b for _, b in close}
    assert all(a in taken[0] or b in taken[1] for _, a, b in found), "none is left over"
    turned = pair_close(other_groups, theirs, groups, ours)
    assert tell(ours, theirs, pairs) == tell(ours, theirs, [(a, b) for b, a in turned])


def tell(ours, theirs, pairs) -> list:
    return sorted((tuple(ours[a]), tuple(theirs[b])) for a, b in pairs)


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
    """All pairs of them are 200 million; seconds are of the processor, whatever else it does."""
    rng = np.random.default_rng(0)
    spread = {"alike": 0.9, "equal": 0.0, "crowded": 30.0, "apart": 8000.0}[kind]
    low = rng.uniform(0, spread, (MANY, 2)) if spread else np.zeros((MANY, 2))
    many = np.concatenate([low, low + 12], 1)
    started_s = time.process_time()
    repeats = find_repeats([0] * MANY, many)
    pairs = pair_equal([0] * MANY, many, [0] * MANY, many + 0.25)
    find_overlap(many, many + 0.25)
    close = pair_close([0] * MANY, many, [0] * MANY, many + 1.5)
    assert time.process_time() - started_s < 30
    assert len(pairs) > 0.9 * MANY if kind in ("equal", "apart") else pairs
    assert len(close) > 0.9 * MANY if kind in ("equal", "apart") else close
    assert ((repeats >= 0).sum() == MANY - 1) == (kind in ("alike", "equal"))
