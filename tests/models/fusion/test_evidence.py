"""By how much the variances of residuals are larger than said: sums that a person can do."""

from __future__ import annotations

import numpy as np
import pytest

from models.fusion.evidence import CORRELATED, LEAST_CORRELATED, Evidence, find_factors


def ask(*poses: float) -> tuple[np.ndarray, np.ndarray]:
    """Hessians (T, 6, 6) and slopes (T, 6) of quarters that ask for such a step in each of six numbers, each to a
    standard error of 1."""
    hessians = np.tile(np.eye(6), (len(poses), 1, 1))
    return hessians, -np.array(poses)[:, None] * np.ones(6)


def gather(*kinds: tuple[np.ndarray, np.ndarray]) -> Evidence:
    return Evidence(*map(np.stack, zip(*kinds, strict=True)))


def test_what_agrees_is_as_sure_as_neighbouring_pixels_that_err_alike_can_be():
    assert find_factors(gather(ask(0, 0, 0, 0))).tolist() == [CORRELATED]
    both = find_factors(gather(ask(1, 1, 1, 1), ask(1, 1, 1, 1)))
    assert both.tolist() == list(LEAST_CORRELATED)


def test_quarters_that_ask_for_other_poses_are_less_sure_than_they_say():
    # squares 4 x 9 of each of six numbers, by 3 degrees of freedom each
    depth, brightness = find_factors(gather(ask(3, -3, 3, -3), ask(3, -3, 3, -3)))
    assert depth == brightness == pytest.approx(36 / 3)


def test_brightness_is_weighed_down_until_it_agrees_with_depth():
    depth, brightness = find_factors(gather(ask(0, 0, 0, 0), ask(5, 5, 5, 5)))
    assert depth == LEAST_CORRELATED[0]
    # 5 apart, with a variance of 2 / 4 and of a factor by 4: 25 / (0.5 + 24.5) = 1
    assert brightness == pytest.approx(4 * 24.5, rel=1e-2)


def test_what_only_brightness_tells_contradicts_nothing():
    depth_hessians, depth_slopes = ask(0, 0, 0, 0)
    depth_hessians[:, 0, 0] = 0
    hessians, slopes = ask(0, 0, 0, 0)
    slopes[:, 0] = -5
    evidence = gather((depth_hessians, depth_slopes), (hessians, slopes))
    assert find_factors(evidence).tolist() == list(LEAST_CORRELATED)


def test_joined_kinds_count_by_their_factors():
    evidence = gather(ask(1, 1, 1, 1), ask(3, 3, 3, 3))
    hessian, slope = evidence.join(np.array([2.0, 4.0]))
    assert hessian[0, 0] == 4 / 2 + 4 / 4 and slope[0] == -(4 / 2 + 12 / 4)
    assert evidence.join()[0][0, 0] == 8
