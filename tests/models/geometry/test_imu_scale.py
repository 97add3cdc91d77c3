"""How long a path's unit is, on drawn captures whose truth is known: as sure as said, or refused with the reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from bench.bent_paths import bend, measure_scale
from bench.motion import draw_imu, draw_path, follow_camera, weigh_scale
from models.geometry.gravity import ImuRecord, PoseTrack
from models.geometry.imu_mount import Turns, find_mount
from models.geometry.imu_scale import ImuScale, find_imu_scale
from models.simulation.motion import plan_trajectory
from models.simulation.scene import sample_scene

NUM_SEEDS, SECONDS = 12, 10.0
METRES, LAG_S = 0.37, 0.02
FRAMES_S = np.arange(0.2, SECONDS - 0.2, 0.1)
TURN = np.array([[0.0, 0.8, -0.6], [1.0, 0.0, 0.0], [0.0, -0.6, -0.8]])
Drawn = tuple[PoseTrack, ImuRecord]


def draw(seed: int) -> Drawn:
    """Of the simulator's path, by poses with 2 mm and 0.1 degree of noise."""
    rng = np.random.default_rng([seed, 79])
    trajectory = plan_trajectory(sample_scene(rng), SECONDS, rng)
    imu = draw_imu(trajectory, SECONDS, TURN, rng.uniform(-0.1, 0.1, 3), rng)
    return draw_path(trajectory, FRAMES_S, LAG_S, METRES, rng), imu


def find(path: PoseTrack, imu: ImuRecord) -> ImuScale:
    turns = Turns.of_poses(path.t_s, path.world_from_body)
    return find_imu_scale(path, imu, find_mount(turns, imu.t_s, imu.rate_rad_s))


@pytest.fixture(scope="module")
def first() -> Drawn:
    return draw(0)


def test_errors_are_as_large_as_the_standard_errors_say(first):
    drawn = [first, *(draw(seed) for seed in range(1, NUM_SEEDS))]
    found = [find(*one) for one in drawn]
    weighed = np.concatenate([weigh_scale(one, METRES) for one in found])
    assert np.mean(np.abs(weighed) <= 2) >= 0.8
    # a factor of two in the standard errors is one of four here
    assert 0.3 < np.mean(weighed**2) < 2.0
    assert all(one.sigma < 0.02 for one in found)
    assert [one.gravity_m_s2 for one in found] == pytest.approx(
        [9.81] * NUM_SEEDS, abs=0.3
    )


@pytest.mark.parametrize("seed", [0, 3])
def test_a_path_that_turned_about_the_points_it_looks_at_is_as_long_as_it_says(seed):
    """By 0.2 degree: with places taken as they are, one scale is 2 % off and the other is known to 3 %."""
    rng = np.random.default_rng([seed, 80])
    trajectory = plan_trajectory(sample_scene(rng), SECONDS, rng)
    imu = draw_imu(trajectory, SECONDS, TURN, rng.uniform(-0.1, 0.1, 3), rng)
    true = follow_camera(trajectory, FRAMES_S, LAG_S)
    bent = bend(true, rng)
    found = find(bent, imu)
    truth = measure_scale(true.position_m, bent.position_m)
    assert abs(found.metres / truth - 1) < 2 * found.sigma < 0.02


def test_a_half_that_is_turned_about_the_scene_leaps_by_as_much_as_it_was_moved():
    """From the fortieth picture on by 4 degrees, about a point that it looks at 0.6 m ahead: 42 mm."""
    rng = np.random.default_rng([0, 81])
    trajectory = plan_trajectory(sample_scene(rng), SECONDS, rng)
    imu = draw_imu(trajectory, SECONDS, TURN, np.zeros(3), rng)
    path = follow_camera(trajectory, FRAMES_S, 0.0)
    places, turned = path.position_m.copy(), path.world_from_body.copy()
    seen = places[40] + 0.6 * turned[40, :, 2]
    # about the picture's y axis, which is square to where it looks
    turn = Rotation.from_rotvec(np.radians(4) * turned[40, :, 1])
    places[40:] = seen + turn.apply(places[40:] - seen)
    turned[40:] = turn.as_matrix() @ turned[40:]
    found = find(PoseTrack(path.t_s, places, turned), imu)
    size_m = np.linalg.norm(np.ptp(places, axis=0))
    assert found.leap == pytest.approx(
        2 * 0.6 * np.sin(np.radians(2)) / size_m, rel=0.1
    )


@pytest.mark.parametrize("by", [1e-3, 20.0])
def test_the_scale_goes_with_the_unit_of_the_path(first, by):
    path, imu = first
    other = find(replace(path, position_m=path.position_m * by), imu)
    same = find(path, imu)
    assert other.metres == pytest.approx(same.metres / by, rel=1e-4)
    assert other.sigma == pytest.approx(same.sigma, rel=1e-2)


def test_frames_that_are_missing_change_nothing(first):
    path, imu = first
    kept = np.delete(np.arange(len(path.t_s)), [11, 12, 13, 14, 30, 50, 51])
    part = PoseTrack(path.t_s[kept], path.position_m[kept], path.world_from_body[kept])
    found = find(part, imu)
    assert abs(found.metres / METRES - 1) < 3 * found.sigma < 0.06


def test_a_path_with_much_noise_has_no_scale_rather_than_a_doubtful_one(first):
    path, imu = first
    noise = np.random.default_rng(1).normal(0, 0.03, path.position_m.shape) / METRES
    with pytest.raises(ValueError, match=r"tells the scale to \d+ % only"):
        find(replace(path, position_m=path.position_m + noise), imu)


def test_a_camera_that_stays_in_its_place_has_none(first):
    path, imu = first
    noise = np.random.default_rng(1).normal(0, 1e-3, path.position_m.shape)
    still = ImuRecord(imu.t_s, imu.rate_rad_s, np.zeros_like(imu.force_m_s2))
    with pytest.raises(ValueError, match=r"does not follow|tells the scale to"):
        find(replace(path, position_m=noise), still)


def test_an_accelerometer_in_another_unit_is_told_by_gravity(first):
    path, imu = first
    with pytest.raises(ValueError, match=r"feels 1\.0\d m/s\^2 of gravity"):
        find(path, replace(imu, force_m_s2=imu.force_m_s2 / 9.81))


def test_an_accelerometer_that_was_freed_of_gravity_is_told(first):
    path, imu = first
    rng = np.random.default_rng([0, 79])
    trajectory = plan_trajectory(sample_scene(rng), SECONDS, rng)
    motion = trajectory.at(imu.t_s)
    felt = np.einsum("nji,nj->ni", motion.world_from_rig, motion.acceleration_m_s2)
    with pytest.raises(ValueError, match=r"feels 0\.\d+ m/s\^2 of gravity"):
        find(path, replace(imu, force_m_s2=felt @ TURN.T))
