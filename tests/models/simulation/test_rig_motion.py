"""The IMU integrates to the path, and the path is smooth and looks where it says."""

from __future__ import annotations

import numpy as np
import pytest

from models.simulation.camera import (
    Rig,
    make_camera,
    quaternion_xyzw,
    rotation_from_vector,
    rotation_zyx,
)
from models.simulation.motion import (
    GRAVITY_M_S2,
    Curve,
    Motion,
    find_center_flow,
    measure_imu,
    plan_trajectory,
)
from models.simulation.scene import sample_scene

HZ = 200


@pytest.fixture(params=range(3))
def scene(request):
    return sample_scene(np.random.default_rng([1, request.param]))


@pytest.fixture
def trajectory(scene):
    return plan_trajectory(scene, 5.0, np.random.default_rng(2))


def integrate(gyro, force, motion, num):
    """Strapdown integration with the mean of neighbouring samples, from the true first state."""
    rotation = motion.world_from_rig[0].copy()
    position = motion.position_m[0].copy()
    velocity = motion.velocity_m_s[0].copy()
    dt = 1 / HZ
    down = np.array([0.0, 0.0, -GRAVITY_M_S2])
    for k in range(num):
        turned = rotation @ rotation_from_vector(0.5 * (gyro[k] + gyro[k + 1]) * dt)
        acceleration = 0.5 * (rotation @ force[k] + turned @ force[k + 1]) + down
        position += velocity * dt + 0.5 * acceleration * dt * dt
        velocity += acceleration * dt
        rotation = turned
    return rotation, position


def angle_between(a, b):
    return np.arccos(np.clip((np.trace(a.T @ b) - 1) / 2, -1, 1))


def test_exact_imu_integrates_back_to_the_pose_after_one_second(trajectory):
    motion = trajectory.at(np.arange(HZ + 1) / HZ + 1.2)
    upward = np.array([0.0, 0.0, GRAVITY_M_S2])
    force = np.einsum(
        "nji,nj->ni", motion.world_from_rig, motion.acceleration_m_s2 + upward
    )
    rotation, position = integrate(motion.rate_rad_s, force, motion, HZ)
    assert angle_between(rotation, motion.world_from_rig[-1]) < 2e-4
    assert position == pytest.approx(motion.position_m[-1], abs=5e-4)


def test_noisy_imu_stays_within_what_its_noise_allows(trajectory):
    # A bias of 5e-3 m/s^2 moves 0.5 * 5e-3 = 2.5 mm in 1 s; a tilt of 1e-3 rad leaks 9.81e-3 m/s^2, another 5 mm.
    motion = trajectory.at(np.arange(HZ + 1) / HZ + 1.2)
    rotation, position = integrate(
        *measure_imu(motion, np.random.default_rng(0)), motion, HZ
    )
    assert angle_between(rotation, motion.world_from_rig[-1]) < 5e-3
    assert position == pytest.approx(motion.position_m[-1], abs=0.02)


def test_velocity_and_acceleration_are_the_derivatives(trajectory):
    t, h = np.linspace(0.1, 4.9, 57), 1e-4
    before = trajectory.at(t - h)
    now = trajectory.at(t)
    after = trajectory.at(t + h)
    assert (after.position_m - before.position_m) / (2 * h) == pytest.approx(
        now.velocity_m_s, abs=1e-5
    )
    assert (after.velocity_m_s - before.velocity_m_s) / (2 * h) == pytest.approx(
        now.acceleration_m_s2, abs=1e-3
    )


def test_rig_at_rest_and_level_reads_gravity_upwards():
    still = np.zeros((2000, 3))
    motion = Motion(still, still, still, np.eye(3)[None].repeat(2000, 0), still)
    gyro, force = measure_imu(motion, np.random.default_rng(1))
    assert force.mean(axis=0) == pytest.approx([0.0, 0.0, 9.81], abs=0.03)
    assert gyro.mean(axis=0) == pytest.approx([0.0, 0.0, 0.0], abs=0.003)


def test_quintic_step_is_half_way_in_its_middle():
    # 10/8 - 15/16 + 6/32 = 0.5; the slope there is 30/16 = 1.875 of height over duration.
    value, first, second = Curve(1.0, ((2.0, 4.0, 3.0),)).at(np.array([0.0, 2.0, 4.0]))
    assert value == pytest.approx([1.0, 2.5, 4.0])
    assert first == pytest.approx([0.0, 1.875 * 3 / 4, 0.0])
    assert second == pytest.approx([0.0, 0.0, 0.0])


def test_optical_axis_passes_near_the_solid_visited(scene, trajectory):
    for start, track_id in trajectory.visits:
        motion = trajectory.at([start + 0.5 * 5.0 / len(trajectory.visits)])
        center = np.array(scene.primitives[track_id - 1].center_m)
        ahead, left, up = motion.world_from_rig[0].T @ (center - motion.position_m[0])
        # The gaze wanders 16 mm at most along each axis: 28 mm off the axis, seen from 0.3 m or more.
        assert ahead > 0.3
        assert np.hypot(left, up) < 0.03


def test_flow_of_the_middle_is_that_of_a_projected_point(trajectory):
    camera = make_camera(320, 240)
    rig = Rig(make_camera(320, 240))
    h = 1e-5
    motion = trajectory.at([2.0 - h, 2.0, 2.0 + h])
    poses = motion.poses() @ rig.rig_from_camera("left")
    point = poses[1] @ [0.0, 0.0, 0.6, 1.0]
    pixels = np.concatenate(
        [camera.project((np.linalg.inv(pose) @ point)[None, :3]) for pose in poses]
    )
    flow = find_center_flow(
        motion, 1, rig.rig_from_camera("left"), camera.focal_px[0], 0.6
    )
    assert flow == pytest.approx((pixels[2] - pixels[0]) / (2 * h), rel=1e-3, abs=0.05)


def test_quaternion_turns_as_its_matrix_does():
    for angles in np.random.default_rng(5).uniform(-3, 3, (50, 3)):
        matrix = rotation_zyx(*angles)
        x, y, z, w = quaternion_xyzw(matrix)
        vector = np.array([x, y, z])
        point = np.array([0.3, -0.7, 0.2])
        turned = point + 2 * np.cross(vector, np.cross(vector, point) + w * point)
        assert w >= 0
        assert turned == pytest.approx(matrix @ point)
