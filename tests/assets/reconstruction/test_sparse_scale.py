"""The scale of a model by two cameras that are a known way apart, and why there is none."""

from __future__ import annotations

import numpy as np
import pytest

from assets.reconstruction.sparse_scale import Placed, Scale, find_scale

NOTHING = Scale(None, None, "no IMU with stamps")
RIG = {("c", "left"): np.eye(4), ("c", "right"): np.eye(4)}
RIG["c", "right"] = RIG["c", "right"].copy()
RIG["c", "right"][0, 3] = 0.1


def place(distances: list[float], sensors: tuple[str, str] = ("left", "right")):
    """A view a distance: both cameras so far apart, in the model's unit."""
    placed = []
    for view, distance in enumerate(distances):
        for sensor, x in zip(sensors, (0.0, distance), strict=True):
            pose = np.eye(4)
            pose[:3, 3] = (x, view, 0)
            placed.append(Placed("c", view, sensor, None, pose))
    return placed


def test_a_known_distance_of_two_cameras_gives_metres():
    scale = find_scale(place([2.0, 2.0, 2.0]), RIG, NOTHING)
    assert scale.metres == pytest.approx(0.05) and scale.sigma == 0
    assert scale.reason == "stereo: 3 pairs of known distance"


def test_what_pairs_differ_by_is_the_standard_error():
    scale = find_scale(place([1.98, 2.0, 2.02, 2.0]), RIG, NOTHING)
    assert scale.metres == pytest.approx(0.05, rel=0.01)
    assert 0 < scale.sigma < 0.02


def test_pairs_that_contradict_each_other_give_none():
    scale = find_scale(place([1.0, 2.0, 4.0]), RIG, NOTHING)
    assert scale.metres is None and "contradict each other" in scale.reason


@pytest.mark.parametrize(
    ("sensors", "rig", "reason"),
    [
        (("left", "left"), RIG, "one camera alone"),
        (("left", "right"), {}, "nobody knows how far the cameras are apart"),
        (("left", "back"), RIG, "no two cameras of known place"),
    ],
)
def test_without_a_known_distance_the_scale_is_unknown(sensors, rig, reason):
    scale = find_scale(place([2.0], sensors), rig, NOTHING)
    assert scale.metres is None and reason in scale.reason


@pytest.mark.parametrize(
    ("late_ns", "is_told"), [(1_000_000, True), (9_000_000, False)]
)
def test_cameras_that_moved_between_their_stamps_are_not_compared(late_ns, is_told):
    """1 a view of 0.1 s: 0.01 of 2.0 in 1 ms, and 0.09, which is 4.5 %, in 9 ms."""
    placed = [
        one._replace(t_ns=10**8 * one.view + late_ns * (one.sensor == "right"))
        for one in place([2.0, 2.0, 2.0])
    ]
    scale = find_scale(placed, RIG, NOTHING)
    assert (scale.metres is not None) == is_told
    assert is_told or "moved between their stamps" in scale.reason


def test_a_baseline_of_nothing_gives_no_number():
    same = {key: np.eye(4) for key in RIG}
    assert find_scale(place([2.0]), same, NOTHING).metres is None
    assert find_scale(place([0.0]), RIG, NOTHING).metres is None


def test_what_an_imu_felt_counts_where_two_cameras_say_nothing():
    felt = Scale(0.3, 0.01, "IMU: it felt it")
    assert find_scale(place([2.0, 2.0, 2.0]), {}, felt) == felt
    stereo = find_scale(place([2.0, 2.0, 2.0]), RIG, felt)
    assert stereo.metres == pytest.approx(0.05)
    none = find_scale(place([2.0], ("left", "left")), RIG, NOTHING)
    assert none.reason == "one camera alone gives no length; no IMU with stamps"
