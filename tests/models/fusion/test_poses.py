"""Steps, poses, and what a step before a pose is behind it."""

from __future__ import annotations

import numpy as np
import pytest

from models.fusion.poses import (
    carry,
    from_numbers,
    invert,
    lay_on,
    move,
    to_numbers,
    to_pose,
    to_step,
)

STEP = np.array([0.3, -0.2, 0.5, 1.0, 2.0, -0.5])


def test_a_step_comes_back_from_its_pose_and_numbers():
    pose = to_pose(STEP)
    assert to_step(pose) == pytest.approx(STEP)
    assert from_numbers(to_numbers(pose)) == pytest.approx(pose)
    assert invert(pose) @ pose == pytest.approx(np.eye(4))


def test_a_small_step_before_a_pose_does_what_its_carried_one_does_behind():
    pose, small = to_pose(STEP), 1e-5 * np.array([1.0, -2.0, 0.5, 3.0, 1.0, -1.0])
    before = to_pose(small) @ pose
    behind = pose @ to_pose(carry(pose) @ small)
    assert before == pytest.approx(behind, abs=1e-9)


def test_points_are_laid_on_their_moved_selves():
    points = np.random.default_rng(1).normal(size=(9, 3))
    pose = to_pose(STEP)
    assert lay_on(points, move(pose, points)) == pytest.approx(pose)


@pytest.mark.parametrize("values", [[1.0] * 6, [0.0] * 7, [np.nan] + [0.0] * 5 + [1.0]])
def test_numbers_that_are_no_pose_are_refused(values):
    with pytest.raises(ValueError, match=r"no pose|no length"):
        from_numbers(values)
