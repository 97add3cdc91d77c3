"""Boxes that move: places, velocities and sizes within their errors, and what stands is not said to move."""

from __future__ import annotations

import numpy as np
import pytest

from models.geometry.boxes3d import fit_box, list_planes
from models.geometry.moving_boxes import fit_motion, may_move, moves
from tests.models.geometry.test_boxes3d import make, see

SIZE = (0.1, 0.1, 0.1)
PATHS = {
    "line": lambda t: np.array([0.06 * t - 0.08, 0.03 * t, 0.05]),
    "bend": lambda t: np.array([0.1 * np.cos(0.8 * t), 0.1 * np.sin(0.8 * t), 0.05]),
}


def watch(path, seed, count=12):
    """Views at times within 3 s of a ball on a path, from a camera that goes round."""
    rng = np.random.default_rng(seed)
    times_s = np.sort(rng.uniform(0, 3, count))
    views = [see(make("spheroid", SIZE, path(t)), 0.5 * t, rng) for t in times_s]
    return list_planes(views), times_s


@pytest.mark.parametrize("name", PATHS)
def test_places_velocities_and_sizes_lie_within_two_standard_errors(name):
    """At views and between them, of 4 seeds; 95 % should, and errors of one path are not independent."""
    path, weighed = PATHS[name], []
    for seed in range(4):
        planes, times_s = watch(path, seed)
        still = fit_box(planes)
        assert may_move(still)
        motion = fit_motion(planes, times_s)
        assert moves(planes, times_s, still, motion)
        assert motion.chi2 < 2
        for t in [*times_s, *(times_s[1:] + times_s[:-1]) / 2]:
            found = motion.at(float(t))
            speed = (path(t + 1e-4) - path(t - 1e-4)) / 2e-4
            off = [found.box.centre_m - path(t), found.velocity_m_s - speed]
            off.append(found.box.size_m - SIZE)
            spread = [found.box.covariance, found.velocity_covariance]
            sigmas = np.sqrt(np.concatenate([np.diag(c) for c in spread]))
            weighed.append(np.concatenate(off) / sigmas[[0, 1, 2, 7, 8, 9, 3, 4, 5]])
    assert (np.abs(weighed) <= 2).mean() >= 0.9
    assert 0.1 < np.square(weighed).mean() < 1.6


def test_a_velocity_is_less_sure_where_views_are_missing_and_errs_by_no_more():
    """In the middle of a second without views."""
    bend, sigmas, squares = PATHS["bend"], [], []
    for seed in range(4):
        planes, times_s = watch(bend, seed)
        keep = (times_s[planes.views] < 1.0) | (times_s[planes.views] > 2.0)
        both = [fit_motion(some, times_s).at(1.5) for some in (planes, planes.keep(keep))]  # fmt: skip
        sigmas.append([np.sqrt(np.trace(one.velocity_covariance)) for one in both])
        off = both[1].velocity_m_s - (bend(1.5 + 1e-4) - bend(1.5 - 1e-4)) / 2e-4
        squares.append(off @ np.linalg.solve(both[1].velocity_covariance, off))
    whole, gap = np.array(sigmas).T
    assert (gap > 1.05 * whole).all() and gap.mean() > 1.2 * whole.mean()
    assert max(squares) < 11.3, "99 % of three numbers"
    motion = fit_motion(planes, times_s)
    with pytest.raises(ValueError, match="is not between its views"):
        motion.at(4.0)


def test_what_stands_does_not_move_and_one_wrong_view_makes_it_move_no_more():
    for seed in range(3):
        planes, times_s = watch(lambda t: np.array([0.02, 0.01, 0.05]), seed)
        wrong = planes.views == 5
        offsets = planes.offsets + np.where(wrong, 0.03, 0.0)
        for one in (planes, type(planes)(**{**vars(planes), "offsets": offsets})):
            still = fit_box(one)
            motion = fit_motion(one, times_s)
            assert not (may_move(still) and moves(one, times_s, still, motion))


TURNS = {
    "to and fro": lambda t: 0.3 + 0.75 * np.sin(1.2 * t),
    "past half a turn": lambda t: 2.4 - 0.6 * t + np.pi / 2,
}
BRICK = np.array([0.14, 0.08, 0.1])


def turn(yaw, seed, count=16):
    """Views within 3 s of a brick that goes along a line and turns."""
    rng = np.random.default_rng(seed)
    times_s = np.sort(rng.uniform(0, 3, count))
    boxes = [make("cuboid", BRICK, PATHS["line"](t), yaw(t)) for t in times_s]
    views = [see(box, 0.5 * t, rng) for box, t in zip(boxes, times_s, strict=True)]
    return list_planes(views), times_s


@pytest.mark.parametrize("name", TURNS)
def test_yaws_and_rates_of_what_turns_lie_within_their_errors(name):
    """Of a brick and itself after quarters of a turn, with length and width exchanged, the nearest."""
    yaw = TURNS[name]
    planes, times_s = turn(yaw, 1)
    motion = fit_motion(planes, times_s)
    assert motion.turns and moves(planes, times_s, fit_box(planes), motion)
    weighed = []
    for t in times_s:
        found = motion.at(float(t))
        off = found.box.yaw_rad - yaw(t)
        quarters = round(off / (np.pi / 2))
        order = [1, 0, 2] if quarters % 2 else [0, 1, 2]
        rate = (yaw(t + 1e-4) - yaw(t - 1e-4)) / 2e-4
        assert -np.pi <= found.box.yaw_rad < np.pi
        off = [off - quarters * np.pi / 2, found.yaw_rate_rad_s - rate]
        sigmas = [found.box.sigmas[6], found.yaw_rate_sigma_rad_s]
        weighed += [*off, *(found.box.size_m[order] - BRICK)]
        weighed[-5:] /= np.array([*sigmas, *found.box.sigmas[3:6][order]])
    assert (np.abs(weighed) <= 2).mean() >= 0.9


def test_a_turn_and_its_mirror_image_that_look_alike_are_both_in_the_error():
    """The camera goes round by 0.5 rad/s, and the brick turns by 0.9: both kinds of 0.4 rad/s more or less."""
    planes, times_s = turn(lambda t: 0.3 + 0.9 * t, 1)
    motion = fit_motion(planes, times_s)
    middle = motion.at(float(times_s.mean()))
    off = (middle.box.yaw_rad - 0.3 - 0.9 * times_s.mean() + np.pi / 4) % (np.pi / 2)
    assert motion.turns
    assert abs(off - np.pi / 4) <= 2 * np.sqrt(middle.box.covariance[6, 6])
    assert abs(middle.yaw_rate_rad_s - 0.9) <= 2 * middle.yaw_rate_sigma_rad_s


def test_what_goes_along_without_a_turn_does_not_turn():
    for seed in range(2):
        planes, times_s = turn(lambda t: 0.3, seed)
        motion = fit_motion(planes, times_s)
        assert not motion.turns and motion.at(1.5).yaw_rate_rad_s is None


def test_two_times_tell_no_motion():
    planes, times_s = watch(PATHS["line"], 0)
    with pytest.raises(ValueError, match="views of 2 times"):
        fit_motion(planes.keep(planes.views < 2), times_s)
