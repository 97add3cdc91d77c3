"""Overlaps by a sweep are those of all pairs, and the assignment is the best one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from models.metrics.matching import measure_ious
from models.tracking import overlaps
from models.tracking.overlaps import Pairs, assign, find_overlaps


def draw(rng, num):
    corner = rng.uniform(0, 100, (num, 2))
    return np.concatenate([corner, corner + rng.uniform(0, 40, (num, 2))], axis=1)


def spread(pairs, shape):
    matrix = np.zeros(shape)
    matrix[pairs.left, pairs.right] = pairs.gains
    return matrix


@pytest.mark.parametrize("most", [1 << 22, 7])
def test_a_sweep_finds_what_all_pairs_have(most, monkeypatch):
    monkeypatch.setattr(overlaps, "_MOST_CANDIDATES", most)
    rng = np.random.default_rng(1)
    for num, others in [(0, 5), (5, 0), (1, 1), (40, 60)]:
        boxes, theirs = draw(rng, num), draw(rng, others)
        found = spread(find_overlaps(boxes, theirs), (num, others))
        assert found == pytest.approx(measure_ious(boxes, theirs), abs=1e-12)


def test_one_box_across_all_is_found_by_all():
    rng = np.random.default_rng(2)
    boxes = draw(rng, 30)
    pairs = find_overlaps(boxes, np.array([[-5.0, -5.0, 200.0, 200.0]]))
    assert sorted(pairs.left.tolist()) == list(range(30))


def test_boxes_without_an_area_overlap_nothing():
    flat = np.array([[0.0, 0.0, 10.0, 0.0], [5.0, 0.0, 5.0, 10.0]])
    whole = np.array([[0.0, -5.0, 10.0, 5.0]])
    assert not len(find_overlaps(flat, whole).gains)
    assert not len(find_overlaps(whole, flat).gains)


@pytest.mark.parametrize("seed", range(20))
def test_the_assignment_has_the_largest_sum(seed):
    rng = np.random.default_rng(seed)
    gains = rng.random((12, 9)) * (rng.random((12, 9)) < 0.2)
    left, right = np.nonzero(gains)
    taken = assign(Pairs(left, right, gains[left, right]))
    assert (
        len(set(taken.left.tolist()))
        == len(set(taken.right.tolist()))
        == len(taken.left)
    )
    best = gains[linear_sum_assignment(gains, maximize=True)].sum()
    assert taken.gains.sum() == pytest.approx(best)


def test_pairs_that_gain_nothing_are_not_taken():
    nothing = Pairs(np.array([0, 1]), np.array([0, 1]), np.array([0.0, -1.0]))
    assert not len(assign(nothing).gains)
