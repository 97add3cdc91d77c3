"""What IMUs say of a sparse model, on a drawn walk: its scale, and whether it is joined as the gyroscope says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from assets.clocks.streams import Gyro
from assets.reconstruction.sparse_imu import ask_imus
from assets.reconstruction.sparse_scale import Placed
from bench.motion import draw_imu, draw_path
from models.simulation.motion import plan_trajectory
from models.simulation.scene import sample_scene

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


def test_an_imu_gives_metres_and_says_that_the_path_turns_as_it_did(walk):
    pictures, imu = walk
    felt = ask_imus(pictures, {"c": imu})
    assert abs(felt.scale.metres / METRES - 1) < 3 * felt.scale.sigma < 0.06
    assert felt.scale.reason.startswith("IMU: ")
    assert "gravity 9." in felt.scale.reason
    # poses with 0.1 degree of noise
    assert 0 < felt.gyro_off_deg < 1
    assert felt.leap == 0


def test_a_half_that_is_joined_the_wrong_way_round_is_told(walk):
    """From the fortieth picture on all is turned by half a turn."""
    pictures, imu = walk
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("z", 180, degrees=True).as_matrix()
    joined = [
        one
        if one.view < 40
        else one._replace(world_from_camera=turn @ one.world_from_camera)
        for one in pictures
    ]
    felt = ask_imus(joined, {"c": imu})
    assert felt.gyro_off_deg == pytest.approx(180, abs=2)
    assert felt.scale.metres is None and "joined 1" in felt.scale.reason


def test_a_half_that_is_joined_a_step_aside_is_told(walk):
    """From the fortieth picture on all is a tenth of a metre aside, turned rightly."""
    pictures, imu = walk
    aside = np.zeros((4, 4))
    aside[0, 3] = 0.1 / METRES
    joined = [
        one
        if one.view < 40
        else one._replace(world_from_camera=one.world_from_camera + aside)
        for one in pictures
    ]
    felt = ask_imus(joined, {"c": imu})
    places = np.array([one.world_from_camera[:3, 3] for one in joined])
    size_m = METRES * np.linalg.norm(np.ptp(places, axis=0))
    assert felt.leap == pytest.approx(0.1 / size_m, rel=0.1)
    assert felt.gyro_off_deg < 1
    assert felt.scale.metres is None and "path leaps by" in felt.scale.reason


def test_captures_are_joined_by_their_standard_errors_unless_they_contradict(walk):
    pictures, imu = walk
    alone = ask_imus(pictures, {"c": imu}).scale
    again = [one._replace(capture="d") for one in pictures]
    imus = {"c": imu, "d": imu}
    both = ask_imus([*pictures, *again], imus).scale
    assert both.metres == pytest.approx(alone.metres)
    assert both.sigma == pytest.approx(alone.sigma / 2**0.5)
    far = [one._replace(world_from_camera=_stretch(one, 1.5)) for one in again]
    off = ask_imus([*pictures, *far], imus).scale
    assert off.metres is None
    assert "the IMUs of 2 captures contradict each other by 50 %" in off.reason


def _stretch(one: Placed, by: float) -> np.ndarray:
    pose = one.world_from_camera.copy()
    pose[:3, 3] *= by
    return pose


def test_an_imu_that_says_nothing_is_told_with_the_reason(walk):
    pictures, imu = walk
    bare = replace(imu, force_m_s2=None)
    unstamped = [one._replace(t_ns=None) for one in pictures]
    for taken, imus, reason in (
        (pictures, {}, "no IMU with stamps"),
        (pictures, {"c": bare}, "IMU: it has no accelerometer"),
        (unstamped, {"c": imu}, "IMU: no picture with a stamp was registered"),
        (pictures[:9], {"c": imu}, "IMU: 8 usable steps: 10 or more are needed"),
    ):
        scale = ask_imus(taken, imus).scale
        assert scale.metres is None and scale.reason == reason
