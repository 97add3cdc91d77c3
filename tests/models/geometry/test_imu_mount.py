"""How an IMU sits and where down is, on drawn captures whose truth is known: found, as sure as said, or refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from bench.motion import (
    GRAVITY,
    Drawn,
    draw,
    find_all,
    weigh_gravity,
    weigh_turn,
)
from models.geometry.gravity import ImuRecord, PoseTrack, find_gravity
from models.geometry.imu_mount import Turns, find_mount, thin

NUM_SEEDS = 12
IMU_FROM_BODY = Rotation.from_euler("xyz", [20, -35, 130], degrees=True).as_matrix()


@pytest.fixture(scope="module")
def found() -> list[tuple[Drawn, tuple]]:
    drawn = [draw(seed, 8.0) for seed in range(NUM_SEEDS)]
    return [(one, find_all(one)) for one in drawn]


def swing(turn_rad: list[float], seconds: float = 6.0) -> tuple[PoseTrack, ImuRecord]:
    """A body that stays in its place and swings about three axes of its own, world z up; no noise but of the gyro."""
    rng = np.random.default_rng(4)

    def turned(t_s: np.ndarray) -> Rotation:
        waves = np.sin(2 * np.pi * np.array([0.5, 0.7, 0.4]) * t_s[:, None])
        return Rotation.from_rotvec(np.array(turn_rad) * waves)

    t_s = np.arange(0, seconds, 0.005)
    half = 1e-5
    rate = (turned(t_s - half).inv() * turned(t_s + half)).as_rotvec() / (2 * half)
    force = turned(t_s).inv().apply([0.0, 0.0, 9.81])
    noise = rng.normal(0, 1e-3, (2, *rate.shape))
    imu = ImuRecord(
        t_s,
        rate @ IMU_FROM_BODY.T + noise[0],
        force @ IMU_FROM_BODY.T + [0.03, -0.02, 0.05] + noise[1],
    )
    at_s = np.arange(0.1, seconds - 0.1, 0.05)
    poses = PoseTrack(at_s, np.zeros((len(at_s), 3)), turned(at_s).as_matrix())
    return poses, imu


def mount_of(poses: PoseTrack, imu: ImuRecord):
    turns = Turns.of_poses(poses.t_s, poses.world_from_body)
    return find_mount(turns, imu.t_s, imu.rate_rad_s)


def judge(weighed: list[np.ndarray]) -> None:
    """Errors by their standard errors: a factor of two in these is a factor of four here, which either bound stops."""
    square = float(np.mean(np.concatenate(weighed) ** 2))
    assert 0.3 < square < 1.6 and not 0.3 < 4 * square < 1.6
    assert not 0.3 < square / 4 < 1.6
    every = np.concatenate(weighed)
    assert np.mean(np.abs(every) <= 2) >= 0.85


def test_errors_of_a_camera_are_as_large_as_its_standard_errors(found):
    judge([weigh_turn(mount, one.imu_from_camera) for one, (mount, _, _) in found])
    assert all(np.degrees(mount.sigma_rad) < 2.0 for _, (mount, _, _) in found)


def test_errors_of_a_body_with_poses_are_as_large_as_its_standard_errors(found):
    judge([weigh_turn(body, one.imu_from_rig) for one, (_, body, _) in found])
    assert all(np.degrees(body.sigma_rad) < 0.6 for _, (_, body, _) in found)


def test_errors_of_gravity_are_as_large_as_its_standard_errors(found):
    judge([weigh_gravity(gravity) for _, (_, _, gravity) in found])
    assert all(np.degrees(gravity.sigma_rad) < 0.2 for _, (_, _, gravity) in found)


def test_lags_are_found_with_the_rotation(found):
    for one, (mount, body, _) in found:
        assert abs(mount.lag_s - one.lag_s) < 4 * mount.lag_sigma_s < 0.02
        assert abs(body.lag_s - one.lag_s) < 4 * body.lag_sigma_s < 0.02


def test_gravity_points_down_and_the_bias_is_told_from_it():
    poses, imu = swing([0.3, 0.4, 0.2])
    mount = mount_of(poses, imu)
    assert np.abs(mount.imu_from_sensor - IMU_FROM_BODY).max() < 2e-3
    gravity = find_gravity(poses, imu, mount)
    assert gravity.gravity_m_s2 == pytest.approx(GRAVITY, abs=0.02)
    assert gravity.accel_bias_m_s2 == pytest.approx([0.03, -0.02, 0.05], abs=0.02)


def test_gravity_is_told_in_the_frame_of_the_poses():
    poses, imu = swing([0.3, 0.4, 0.2])
    tilt = Rotation.from_euler("xyz", [70, 10, -30], degrees=True)
    turned = replace(poses, world_from_body=tilt.as_matrix() @ poses.world_from_body)
    found = find_gravity(turned, imu, mount_of(turned, imu))
    assert found.gravity_m_s2 == pytest.approx(tilt.apply(GRAVITY), abs=0.02)


@pytest.mark.parametrize(
    ("turn_rad", "reason"),
    [
        ([0.0, 0.0, 0.0], "stands still"),
        ([0.0, 0.4, 0.0], "about one axis only"),
    ],
)
def test_a_motion_that_does_not_tell_is_refused_with_the_reason(turn_rad, reason):
    poses, imu = swing(turn_rad)
    with pytest.raises(ValueError, match=reason):
        mount_of(poses, imu)


@pytest.mark.parametrize(
    ("turn_rad", "reason"),
    [
        ([0.0, 0.0, 0.0], "hardly turns"),
        ([0.0, 0.4, 0.0], "about one axis only"),
    ],
)
def test_gravity_is_not_told_from_a_bias_by_a_motion_that_cannot(turn_rad, reason):
    known = mount_of(*swing([0.3, 0.4, 0.2]))
    with pytest.raises(ValueError, match=reason):
        find_gravity(*swing(turn_rad), known)


def test_records_of_two_rigs_are_refused():
    poses, _ = swing([0.3, 0.4, 0.2])
    _, imu = swing([0.4, -0.2, 0.3])
    shuffled = replace(imu, rate_rad_s=imu.rate_rad_s[::-1][:, [1, 2, 0]] ** 2)
    with pytest.raises(ValueError):
        mount_of(poses, shuffled)


def test_a_short_record_is_refused():
    poses, imu = swing([0.3, 0.4, 0.2], seconds=0.8)
    with pytest.raises(ValueError, match="10 or more are needed"):
        mount_of(poses, imu)


def test_jumps_of_a_few_poses_change_nothing():
    poses, imu = swing([0.3, 0.4, 0.2])
    jumped = poses.world_from_body.copy()
    jumped[40:44] = Rotation.from_rotvec([0.0, 0.0, 1.0]).as_matrix()
    mount = mount_of(replace(poses, world_from_body=jumped), imu)
    assert np.abs(mount.imu_from_sensor - IMU_FROM_BODY).max() < 5e-3


def test_times_are_thinned_to_a_step_and_half_of_a_usual_one_is_granted():
    # 30 Hz: every third is 0.1 s after the one before
    assert thin(np.arange(10) / 30, 0.1).tolist() == [0, 3, 6, 9]
    assert thin(np.array([0.0, 1.0, 2.0]), 0.1).tolist() == [0, 1, 2]
    assert thin(np.array([]), 0.1).tolist() == []
