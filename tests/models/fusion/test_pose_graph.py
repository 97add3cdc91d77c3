"""Poses between measurements: chains, a loop that pulls them right, a loop that is wrong, parts."""

from __future__ import annotations

import numpy as np
import pytest

from models.fusion.pose_graph import Edge, solve
from models.fusion.poses import invert, to_pose, to_step

SURE = 1e6 * np.eye(6)


def ring(count: int) -> np.ndarray:
    """Poses on a circle, looking along it; the last stands beside the first."""
    turn = 2 * np.pi / count
    step = to_pose(np.array([0.0, turn, 0.0, 0.0, 0.0, 0.3]))
    poses = [np.eye(4)]
    for _ in range(count - 1):
        poses.append(poses[-1] @ step)
    return np.array(poses)


def chain(poses: np.ndarray, drift: np.ndarray) -> list[Edge]:
    """Measured from one to the next, each with the same fault."""
    return [
        Edge(n, n + 1, invert(poses[n]) @ poses[n + 1] @ to_pose(drift), SURE)
        for n in range(len(poses) - 1)
    ]


def tie(poses: np.ndarray, a: int, b: int, fault: float = 0.0) -> Edge:
    off = to_pose(np.array([0.0, 0.0, 0.0, fault, 0.0, 0.0]))
    return Edge(a, b, invert(poses[a]) @ poses[b] @ off, SURE, is_loop=True)


def test_a_chain_is_followed_and_grows_less_sure():
    poses = ring(12)
    found = solve(12, chain(poses, np.zeros(6)))
    assert found.poses == pytest.approx(poses, abs=1e-9)
    spread = [np.trace(c) for c in found.covariances]
    assert spread[0] < 1e-9 and (np.diff(spread[:6]) > 0).all()
    # a chain of two: the covariance of one measurement
    assert found.covariances[1] == pytest.approx(
        np.linalg.inv(SURE), rel=1e-3, abs=1e-12
    )


def test_a_loop_takes_drift_out():
    poses = ring(24)
    drifting = chain(poses, np.array([0.0, 0.002, 0.0, 0.001, 0.0, 0.0]))
    alone = solve(24, drifting)
    closed = solve(24, [*drifting, tie(poses, 0, 23)])
    off = [
        np.linalg.norm((invert(poses) @ s.poses)[:, :3, 3], axis=1).max()
        for s in (alone, closed)
    ]
    assert off[1] < off[0] / 3
    between = invert(closed.poses[0]) @ closed.poses[23]
    assert np.abs(to_step(invert(invert(poses[0]) @ poses[23]) @ between)).max() < 0.01
    assert closed.is_kept.all()


def test_a_wrong_loop_is_left_out_and_the_right_one_stays():
    poses = ring(24)
    edges = [
        *chain(poses, np.zeros(6)),
        tie(poses, 0, 23),
        tie(poses, 2, 14, fault=0.8),
    ]
    found = solve(24, edges)
    assert found.is_kept.tolist() == [True] * 24 + [False]
    assert found.poses == pytest.approx(poses, abs=1e-4)


def test_parts_are_numbered_from_their_first_pose_and_a_loop_joins_them():
    poses = ring(6)
    edges = [e for e in chain(poses, np.zeros(6)) if e.a != 2]
    found = solve(6, edges)
    assert found.parts.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.poses[3] == pytest.approx(np.eye(4))
    joined = solve(6, [*edges, tie(poses, 1, 4)])
    assert joined.parts.tolist() == [0] * 6
    assert joined.poses == pytest.approx(poses, abs=1e-6)


def test_one_pose_alone_stands_at_its_own_place():
    found = solve(1, [])
    assert found.poses == pytest.approx(np.eye(4)[None]) and found.parts.tolist() == [0]
