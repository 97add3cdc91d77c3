"""Paths beside the truth: all of it found, drift closed by coming back, what is lost and why."""

from __future__ import annotations

import numpy as np
import pytest

from models.fusion.odometry import LEAST_PART, track
from models.fusion.poses import invert, to_pose
from models.fusion.views import make_view
from tests.models.fusion.conftest import CAMERA, see, walk

BLIND = make_view(CAMERA, np.zeros(CAMERA.size_px[::-1], np.float32), None)


def test_a_path_there_and_back_is_found_and_its_loops_hold():
    poses = walk(20, back_at=10)
    views = [see(p) for p in poses]
    ticks = []
    path = track(len(views), views.__getitem__, lambda *t: ticks.append(t))
    assert ticks[-1] == (20, 20)
    assert all(p.part == 0 and p.reason is None for p in path.pictures)
    found = np.array([p.world_from_camera for p in path.pictures])
    off = np.linalg.norm((invert(poses) @ found)[:, :3, 3], axis=1)
    assert off.max() < 0.003
    assert 1 < sum(p.is_key for p in path.pictures) < 15
    assert path.loops and max(loop.drift_m for loop in path.loops) < 0.005
    assert all(np.isfinite(p.covariance).all() for p in path.pictures)


def test_pictures_without_depth_are_lost_and_the_path_goes_on():
    poses = walk(12)
    views = [see(p) for p in poses]
    views[5] = views[6] = BLIND
    path = track(12, views.__getitem__)
    assert [n for n, p in enumerate(path.pictures) if p.reason] == [5, 6]
    assert "depth in only 0 %" in path.pictures[5].reason
    off = invert(poses[11]) @ path.pictures[11].world_from_camera
    assert np.linalg.norm(off[:3, 3]) < 0.002


def test_a_jump_begins_a_part_of_its_own():
    behind = to_pose(np.array([0.0, np.pi, 0.0, 0.0, 0.0, 0.0]))
    poses = np.concatenate([walk(6), behind @ walk(6)])
    path = track(12, [see(p) for p in poses].__getitem__)
    assert [p.part for p in path.pictures] == [0] * 6 + [1] * 6
    # in the frame of the first picture of its part
    found = path.pictures[11].world_from_camera
    assert found == pytest.approx(invert(poses[6]) @ poses[11], abs=2e-3)


def test_too_few_pictures_that_fit_together_are_lost():
    behind = to_pose(np.array([0.0, np.pi, 0.0, 0.0, 0.0, 0.0]))
    poses = np.concatenate([walk(6), behind @ walk(2)])
    path = track(8, [see(p) for p in poses].__getitem__)
    assert [p.part for p in path.pictures] == [0] * 6 + [None] * 2
    assert path.pictures[6].reason
    assert f"fewer than {LEAST_PART} pictures fit" in path.pictures[7].reason


def test_a_path_of_nothing_is_all_lost():
    path = track(3, lambda _: BLIND)
    assert all(p.reason and p.world_from_camera is None for p in path.pictures)
    assert path.loops == ()
