"""Lags between records of one motion: curves with a known delay, and cameras that look at a cloud of points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from models.geometry.clock_offset import (
    Step,
    estimate_offset_to_camera,
    estimate_offset_to_gyro,
)
from models.geometry.epipolar import PairMoments
from models.geometry.lags import estimate_lag

FOCAL_PX = 240.0
SWING_RAD = np.array([0.25, 0.35, 0.1])
SWING_HZ = np.array([0.7, 0.5, 0.9])
IDENTITY = np.eye(3)


def orientation(t_s: np.ndarray) -> Rotation:
    """World-from-camera: a hand that swings about three axes."""
    return Rotation.from_rotvec(SWING_RAD * np.sin(2 * np.pi * SWING_HZ * t_s[:, None]))


def film(
    seed: int = 0,
    seconds: float = 4.0,
    noise_px: float = 0.2,
    is_still: bool = False,
    camera_from_swing: np.ndarray = IDENTITY,
) -> list[Step]:
    """Steps of a camera at 10 Hz amid 120 points, moving sideways as it swings."""
    rng = np.random.default_rng(seed)
    t_s = np.arange(round(seconds * 10)) / 10
    turned = orientation(np.zeros_like(t_s) if is_still else t_s).as_matrix()
    place = np.stack(
        [0.3 * np.sin(2 * np.pi * 0.3 * t_s), 0.1 * t_s, 0.05 * t_s], axis=1
    ) * (not is_still)
    points = rng.normal(0, 1, (120, 3)) * [1.5, 1.0, 0.8] + [0.0, 0.0, 4.0]
    rays = []
    for rotation, origin in zip(turned, place, strict=True):
        seen = (points - origin) @ rotation
        ray = seen / seen[:, 2:]
        ray[:, :2] += rng.normal(0, noise_px / FOCAL_PX, (len(points), 2))
        rays.append(ray @ camera_from_swing.T)
    pairs = list(pairwise(rays))
    turns = [
        camera_from_swing
        @ Rotation.from_matrix(turned[k + 1].T @ turned[k]).as_rotvec()
        for k in range(len(pairs))
    ]
    return [
        Step(t_s[k], t_s[k + 1], PairMoments.of(a, b), turns[k])
        for k, (a, b) in enumerate(pairs)
    ]


def measure_gyro(
    seconds: float = 4.0, bias: tuple[float, ...] = (0.0, 0.0, 0.0)
) -> tuple[np.ndarray, np.ndarray]:
    """Turn rates at 200 Hz of the same swing, in the camera's axes."""
    t_s = np.arange(round(seconds * 200) + 1) / 200
    half = 1e-4
    between = orientation(t_s - half).inv() * orientation(t_s + half)
    noise = np.random.default_rng(1).normal(0, 1.5e-3, (len(t_s), 3))
    return t_s, between.as_rotvec() / (2 * half) + noise + bias


def shift_stamps(steps: Sequence[Step], late_s: float) -> list[Step]:
    """The same steps under stamps that are later by `late_s`."""
    return [
        replace(s, start_s=s.start_s + late_s, end_s=s.end_s + late_s) for s in steps
    ]


@pytest.mark.parametrize("late_s", [-0.12, -0.02, 0.0, 0.02, 0.045, 0.2])
def test_a_camera_that_stamps_late_is_late_by_that_much(late_s):
    lag = estimate_offset_to_gyro(
        shift_stamps(film(), late_s), *measure_gyro(), np.eye(3), FOCAL_PX
    )
    assert lag.lag_s == pytest.approx(late_s, abs=0.003) and lag.sigma_s < 0.003


def test_axes_of_the_gyroscope_are_turned_into_the_cameras():
    t_s, rate = measure_gyro()
    gyro_from_camera = Rotation.from_euler(
        "xyz", [90, 10, -90], degrees=True
    ).as_matrix()
    steps = shift_stamps(film(), 0.03)
    lag = estimate_offset_to_gyro(
        steps, t_s, rate @ gyro_from_camera.T, gyro_from_camera, FOCAL_PX
    )
    assert lag.lag_s == pytest.approx(0.03, abs=0.003)
    with pytest.raises(ValueError, match=r"do not tell of one motion|end of the range"):
        estimate_offset_to_gyro(
            steps, t_s, rate @ gyro_from_camera.T, np.eye(3), FOCAL_PX
        )


def test_a_bias_of_three_degrees_a_second_is_no_lag():
    lag = estimate_offset_to_gyro(
        film(), *measure_gyro(bias=(0.04, -0.06, 0.05)), np.eye(3), FOCAL_PX
    )
    assert lag.lag_s == pytest.approx(0.0, abs=0.004)


def test_two_cameras_of_one_rig_tell_how_late_the_second_is():
    """The second is turned against the first; its own points, other than the first one's, know of the same swing."""
    second_from_first = Rotation.from_euler("xyz", [0, 20, 5], degrees=True).as_matrix()
    seen = film(seed=1, camera_from_swing=second_from_first)
    lag = estimate_offset_to_camera(
        shift_stamps(seen, -0.02), film(seed=0), second_from_first.T, FOCAL_PX
    )
    assert lag.lag_s == pytest.approx(-0.02, abs=0.003)


def test_a_camera_at_rest_has_no_lag_and_says_why():
    t_s, _ = measure_gyro()
    rate = np.random.default_rng(2).normal(0, 1.5e-3, (len(t_s), 3))
    with pytest.raises(ValueError, match=r"too even|end of the range"):
        estimate_offset_to_gyro(film(is_still=True), t_s, rate, np.eye(3), FOCAL_PX)


def test_records_that_do_not_meet_have_too_few_steps():
    with pytest.raises(ValueError, match="0 usable steps in both records"):
        estimate_offset_to_gyro(
            shift_stamps(film(), 100.0), *measure_gyro(), np.eye(3), FOCAL_PX
        )
    with pytest.raises(ValueError, match="9 usable steps"):
        estimate_offset_to_gyro(film(seconds=1.0), *measure_gyro(), np.eye(3), FOCAL_PX)


def test_the_least_of_a_parabola_between_two_lags_is_found_between_them():
    """Misfits ((lag - 13 ms) / 1 ms)^2 on a grid of 2 ms: the least lies between 12 and 14 ms."""
    lag = estimate_lag(
        lambda lags_s: np.tile(((lags_s - 0.013) * 1e3) ** 2, (20, 1)), floor=1.0
    )
    assert lag.lag_s == pytest.approx(0.013, abs=1e-6) and lag.num_steps == 20


def test_a_few_steps_that_want_another_lag_do_not_decide():
    def misfits(lags_s: np.ndarray) -> np.ndarray:
        best = np.where(np.arange(30) % 10 == 0, 0.2, 0.02)  # three of thirty
        return ((lags_s - best[:, None]) * 1e3) ** 2

    assert estimate_lag(misfits, floor=1.0).lag_s == pytest.approx(0.02, abs=5e-4)


def test_a_lag_at_the_end_of_the_range_is_none():
    with pytest.raises(ValueError, match="agree best at 500 ms, the end of the range"):
        estimate_lag(
            lambda lags_s: np.tile((lags_s - 0.8) ** 2 * 1e6, (20, 1)), floor=1.0
        )
