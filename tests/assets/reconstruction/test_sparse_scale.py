"""The scale of a model by two cameras that are a known way apart, and why there is none."""

from __future__ import annotations

import numpy as np
import pytest

from assets.reconstruction.sparse_scale import Placed, find_scale

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
            placed.append(Placed("c", view, sensor, pose))
    return placed


def test_a_known_distance_of_two_cameras_gives_metres():
    scale = find_scale(place([2.0, 2.0, 2.0]), RIG)
    assert scale.metres == pytest.approx(0.05) and scale.sigma == 0
    assert scale.reason == "stereo: 3 pairs of known distance"


def test_what_pairs_differ_by_is_the_standard_error():
    scale = find_scale(place([1.98, 2.0, 2.02, 2.0]), RIG)
    assert scale.metres == pytest.approx(0.05, rel=0.01)
    assert 0 < scale.sigma < 0.02


def test_pairs_that_contradict_each_other_give_none():
    scale = find_scale(place([1.0, 2.0, 4.0]), RIG)
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
    scale = find_scale(place([2.0], sensors), rig)
    assert scale.metres is None and reason in scale.reason


def test_a_baseline_of_nothing_gives_no_number():
    same = {key: np.eye(4) for key in RIG}
    assert find_scale(place([2.0]), same).metres is None
    assert find_scale(place([0.0]), RIG).metres is None
