"""The scale of a model by two cameras that are a known way apart, or by an IMU, and why there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assets.clocks.evidence import Gyro
from assets.reconstruction.sparse_scale import Placed, find_scale
from bench.motion import draw_imu, draw_path
from models.simulation.motion import plan_trajectory
from models.simulation.scene import sample_scene

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
    scale = find_scale(place([2.0, 2.0, 2.0]), RIG, {})
    assert scale.metres == pytest.approx(0.05) and scale.sigma == 0
    assert scale.reason == "stereo: 3 pairs of known distance"


def test_what_pairs_differ_by_is_the_standard_error():
    scale = find_scale(place([1.98, 2.0, 2.02, 2.0]), RIG, {})
    assert scale.metres == pytest.approx(0.05, rel=0.01)
    assert 0 < scale.sigma < 0.02


def test_pairs_that_contradict_each_other_give_none():
    scale = find_scale(place([1.0, 2.0, 4.0]), RIG, {})
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
    scale = find_scale(place([2.0], sensors), rig, {})
    assert scale.metres is None and reason in scale.reason


def test_a_baseline_of_nothing_gives_no_number():
    same = {key: np.eye(4) for key in RIG}
    assert find_scale(place([2.0]), same, {}).metres is None
    assert find_scale(place([0.0]), RIG, {}).metres is None


# ---- by an IMU ---------------------------------------------------------------------------------------------------

METRES, SECONDS = 0.37, 8.0


@pytest.fixture(scope="module")
def walk() -> tuple[list[Placed], Gyro]:
    """Pictures of one camera along the simulator's path, in a unit of 0.37 m, and what the IMU beside it felt."""
    rng = np.random.default_rng([0, 79])
    trajectory = plan_trajectory(sample_scene(rng), SECONDS, rng)
    imu = draw_imu(trajectory, SECONDS, np.eye(3), np.zeros(3), rng)
    path = draw_path(trajectory, np.arange(0.2, SECONDS - 0.2, 0.1), 0.0, METRES, rng)
    pictures = []
    for view, t_s in enumerate(path.t_s):
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = path.world_from_body[view], path.position_m[view]
        pictures.append(Placed("c", view, "cam", round(1e9 * t_s), pose))
    t_ns = (1e9 * imu.t_s).round().astype(np.int64)
    return pictures, Gyro("imu", t_ns, imu.rate_rad_s, None, imu.force_m_s2)


def test_an_imu_gives_metres_where_one_camera_alone_does_not(walk):
    pictures, imu = walk
    scale = find_scale(pictures, {}, {"c": imu})
    assert abs(scale.metres / METRES - 1) < 3 * scale.sigma < 0.06
    assert scale.reason.startswith("IMU: ") and "gravity 9." in scale.reason


def test_two_cameras_of_known_distance_go_before_an_imu(walk):
    scale = find_scale(place([2.0, 2.0, 2.0]), RIG, {"c": walk[1]})
    assert scale.reason.startswith("stereo: ")


def test_captures_are_joined_by_their_standard_errors_unless_they_contradict(walk):
    pictures, imu = walk
    alone = find_scale(pictures, {}, {"c": imu})
    again = [one._replace(capture="d") for one in pictures]
    imus = {"c": imu, "d": imu}
    both = find_scale([*pictures, *again], {}, imus)
    assert both.metres == pytest.approx(alone.metres)
    assert both.sigma == pytest.approx(alone.sigma / 2**0.5)
    far = [one._replace(world_from_camera=_stretch(one, 1.5)) for one in again]
    off = find_scale([*pictures, *far], {}, imus)
    assert off.metres is None
    assert "the IMUs of 2 captures contradict each other by 50 %" in off.reason


def _stretch(one: Placed, by: float) -> np.ndarray:
    pose = one.world_from_camera.copy()
    pose[:3, 3] *= by
    return pose


def test_an_imu_that_says_nothing_is_told_beside_the_cameras(walk):
    pictures, imu = walk
    bare = replace(imu, force_m_s2=None)
    unstamped = [one._replace(t_ns=None) for one in pictures]
    for taken, imus, reason in (
        (pictures, {}, "no IMU with stamps"),
        (pictures, {"c": bare}, "IMU: it has no accelerometer"),
        (unstamped, {"c": imu}, "IMU: no picture with a stamp was registered"),
        (pictures[:9], {"c": imu}, "IMU: 8 usable steps: 10 or more are needed"),
    ):
        scale = find_scale(taken, {}, imus)
        assert scale.metres is None
        assert scale.reason == f"one camera alone gives no length; {reason}"
