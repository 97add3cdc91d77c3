"""What is covered is gone: every pixel that a box touches, and nothing else; and how many faces that is."""

from __future__ import annotations

import numpy as np
import pytest

from models.faces.covering import FILL_RGB, cover, find_cover, widen
from models.faces.found import Faces
from models.faces.recall import Sought, measure_recall
from models.metrics.resampling import MIN_UNITS


def test_a_box_grows_by_a_share_of_its_sides_at_each_side():
    """0.35 of 20 px and of 40 px."""
    grown = widen(np.array([[10.0, 20.0, 30.0, 60.0]]))
    np.testing.assert_allclose(grown, [[3, 6, 37, 74]])


def test_pixels_that_a_box_touches_are_covered():
    """1.5 to 3.2 touches pixels 1, 2 and 3."""
    covered = find_cover(5, 4, np.array([[1.5, 0.0, 3.2, 1.0]]))
    expected = np.zeros((4, 5), bool)
    expected[0, 1:4] = True
    np.testing.assert_array_equal(covered, expected)


def test_a_box_over_the_edge_covers_what_is_in_the_picture():
    assert find_cover(4, 4, np.array([[-9.0, -9.0, 2.0, 1.0]])).sum() == 2
    assert find_cover(4, 4, np.array([[-9.0, -9.0, -2.0, -1.0]])).sum() == 0


def test_what_is_covered_says_nothing_of_what_was_there():
    """Any two pictures that differ below the cover alone are equal afterwards."""
    rng = np.random.default_rng(1)
    one, other = rng.integers(0, 255, (2, 40, 40, 3)).astype(np.uint8)
    box = np.array([[10.0, 10.0, 30.0, 30.0]])
    outside = ~find_cover(40, 40, box)
    other[outside] = one[outside]
    covered = cover(one, box)
    np.testing.assert_array_equal(covered, cover(other, box))
    np.testing.assert_array_equal(covered[outside], one[outside])
    assert (covered[~outside] == FILL_RGB).all()


def look(truth, found) -> Sought:
    boxes = np.array(found, np.float64).reshape(-1, 4)
    known = np.array(truth, np.float64).reshape(-1, 4)
    return Sought(200, 200, known, Faces(boxes, np.ones(len(boxes))))


def test_a_face_is_found_at_half_its_area_and_covered_to_the_last_pixel():
    """Found: (0, 0, 20, 20) lies wholly in the first answer with its margin. (100, 100, 140, 140) is met by a box of
    its left two thirds: IoU 0.675, and 27 px of width with a margin of 9.45 leave 3.55 px uncovered."""
    recall = measure_recall(
        [
            look([[0, 0, 20, 20]], [[1, 1, 19, 19]]),
            look([[100, 100, 140, 140]], [[100, 100, 127, 140]]),
            look([[50, 50, 60, 60]], []),
        ]
    )
    every = recall["all"]
    assert every.num_faces == 3
    assert every.found == pytest.approx(2 / 3)
    assert every.covered == pytest.approx(1 / 3)
    assert every.covered_interval is None  # three pictures tell nothing
    assert {name: one.covered for name, one in recall.items()} == {
        "all": pytest.approx(1 / 3),
        "0-16 px": 0,
        "16-32 px": 1,
        "32-64 px": 0,
    }


def test_where_nothing_was_missed_the_bound_is_that_of_three():
    """30 pictures without a miss: 1 - 3 / 30."""
    recall = measure_recall([look([[0, 0, 20, 20]], [[0, 0, 20, 20]])] * 30)
    interval = recall["all"].covered_interval
    assert interval is not None
    assert (interval.low, interval.high) == (pytest.approx(0.9), 1.0)


def test_misses_in_one_picture_of_many_widen_the_interval():
    hit, miss = look([[0, 0, 20, 20]], [[0, 0, 20, 20]]), look([[0, 0, 20, 20]], [])
    interval = measure_recall([hit] * 19 + [miss])["all"].covered_interval
    assert interval is not None and 0.8 <= interval.low < 0.95 < interval.high


def test_no_pictures_say_nothing():
    assert measure_recall([]) == {}
    assert MIN_UNITS > 3
