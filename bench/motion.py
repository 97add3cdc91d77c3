"""How sure are the rotation between camera and IMU, gravity, and the scale of a path without one? Are errors as large
as their standard errors say?

Each seed draws the simulator's path, an IMU turned and shifted against the rig with the simulator's noise and biases,
points seen by the camera with 0.3 px of noise, poses with 2 mm and 0.1 degree of noise, and a late clock. A path is
that of the camera by its frames, with the same noise, in a world and a unit that are drawn; a bent path has little
noise, and bends as models of pictures do. Counted is how often the truth lies within two standard errors (about 95 %
where they are honest), and the mean square of errors by standard errors (1 where they are honest, 4 where they are half
of what they should be).

Run: `python -m bench.motion [--seeds 100] [--seconds 10] [--json]`
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from bench.bent_paths import bend, measure_scale
from bench.printing import make_parser, print_figures
from models.geometry.camera import Camera
from models.geometry.clock_offset import Step
from models.geometry.epipolar import PairMoments, refine_rotations
from models.geometry.gravity import Gravity, ImuRecord, PoseTrack, find_gravity
from models.geometry.imu_mount import Array, ImuMount, Turns, find_mount
from models.geometry.imu_scale import ImuScale, find_imu_scale
from models.simulation.camera import make_camera
from models.simulation.motion import (
    GRAVITY_M_S2,
    Motion,
    Trajectory,
    measure_imu,
    plan_trajectory,
)
from models.simulation.scene import sample_scene

IMU_HZ, FRAME_HZ, POSE_HZ = 200.0, 10.0, 30.0
PIXEL_NOISE, POSITION_NOISE_M, ATTITUDE_NOISE_RAD = 0.3, 2e-3, np.radians(0.1)
NUM_POINTS = 60
GRAVITY = np.array([0.0, 0.0, -GRAVITY_M_S2])
# camera axes on a rig that looks along its x axis
RIG_FROM_CAMERA = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


@dataclass(frozen=True)
class Drawn:
    """A capture of which everything is known."""

    camera: Camera
    steps: list[Step]
    poses: PoseTrack
    imu: ImuRecord
    imu_from_rig: Array  # (3, 3)
    lag_s: float
    path: PoseTrack  # of the camera, in a unit of
    metres: float
    bent: PoseTrack  # of the camera, in a unit of
    bent_metres: float

    @property
    def imu_from_camera(self) -> Array:
        """The truth (3, 3)."""
        return np.asarray(self.imu_from_rig @ RIG_FROM_CAMERA)


def draw(seed: int, seconds: float) -> Drawn:
    """A capture of the simulator's path."""
    rng = np.random.default_rng([seed, 77])
    trajectory = plan_trajectory(sample_scene(rng), seconds, rng)
    turn = Rotation.random(random_state=rng).as_matrix()
    lever_m = rng.uniform(-0.1, 0.1, 3)
    lag_s = float(rng.uniform(-0.03, 0.03))
    camera = make_camera(320, 240)
    t_s = np.arange(0.2, seconds - 0.2, 1.0 / FRAME_HZ)
    steps = draw_steps(camera, trajectory.at(t_s), t_s + lag_s, rng)
    poses = draw_poses(trajectory, seconds, lag_s, rng)
    imu = draw_imu(trajectory, seconds, turn, lever_m, rng)
    metres = float(np.exp(rng.uniform(-2.0, 2.0)))
    path = draw_path(trajectory, t_s, lag_s, metres, rng)
    true = follow_camera(trajectory, t_s, lag_s)
    bent = bend(true, rng)
    bent_metres = measure_scale(true.position_m, bent.position_m)
    return Drawn(
        camera, steps, poses, imu, turn, lag_s, path, metres, bent, bent_metres
    )


def follow_camera(trajectory: Trajectory, t_s: Array, lag_s: float) -> PoseTrack:
    """True poses of the camera, stamped late."""
    motion = trajectory.at(t_s)
    turned = motion.world_from_rig @ RIG_FROM_CAMERA
    return PoseTrack(t_s + lag_s, motion.position_m, turned)


def draw_imu(
    trajectory: Trajectory,
    seconds: float,
    turn: Array,
    lever_m: Array,
    rng: np.random.Generator,
) -> ImuRecord:
    """What an IMU reads that sits turned, and `lever_m` beside the rig's origin."""
    t_s = np.arange(0.0, seconds, 1.0 / IMU_HZ)
    motion = trajectory.at(t_s)
    apart_s = 1e-4
    before, after = trajectory.at(t_s - apart_s), trajectory.at(t_s + apart_s)
    swung = [m.world_from_rig @ lever_m for m in (before, motion, after)]
    moved = motion.acceleration_m_s2 + (swung[0] - 2 * swung[1] + swung[2]) / apart_s**2
    there = Motion(
        motion.position_m,
        motion.velocity_m_s,
        moved,
        motion.world_from_rig @ turn.T,
        motion.rate_rad_s @ turn.T,
    )
    return ImuRecord(t_s, *measure_imu(there, rng))


def draw_poses(
    trajectory: Trajectory, seconds: float, lag_s: float, rng: np.random.Generator
) -> PoseTrack:
    """Poses of the rig, with noise, stamped late."""
    t_s = np.arange(0.2, seconds - 0.2, 1.0 / POSE_HZ)
    motion = trajectory.at(t_s)
    shaken = Rotation.from_rotvec(rng.normal(0, ATTITUDE_NOISE_RAD, (len(t_s), 3)))
    position_m = motion.position_m + rng.normal(0, POSITION_NOISE_M, (len(t_s), 3))
    return PoseTrack(
        t_s + lag_s, position_m, motion.world_from_rig @ shaken.as_matrix()
    )


def draw_path(
    trajectory: Trajectory,
    t_s: Array,
    lag_s: float,
    metres: float,
    rng: np.random.Generator,
) -> PoseTrack:
    """Poses of the camera in a world that lies anyhow, with noise, stamped late, in a unit of so many metres."""
    motion = trajectory.at(t_s)
    turn = Rotation.random(random_state=rng).as_matrix()
    shaken = Rotation.from_rotvec(rng.normal(0, ATTITUDE_NOISE_RAD, (len(t_s), 3)))
    position_m = motion.position_m + rng.normal(0, POSITION_NOISE_M, (len(t_s), 3))
    world_from_camera = turn @ motion.world_from_rig @ RIG_FROM_CAMERA
    return PoseTrack(
        t_s + lag_s,
        position_m @ turn.T / metres,
        world_from_camera @ shaken.as_matrix(),
    )


def draw_steps(
    camera: Camera, motion: Motion, t_s: Array, rng: np.random.Generator
) -> list[Step]:
    """What points around the scene say; a point is seen with one error in a frame, as it is tracked there and on."""
    points = rng.uniform([-0.7, -0.7, -0.1], [0.7, 0.7, 0.6], (8 * NUM_POINTS, 3))
    seen = []
    for place, rig in zip(motion.position_m, motion.world_from_rig, strict=True):
        pixels = camera.project((points - place) @ (rig @ RIG_FROM_CAMERA))
        is_out = ((pixels < 0) | (pixels > np.array(camera.size_px) - 1)).any(axis=1)
        pixels[is_out] = np.nan
        seen.append(camera.unproject(pixels + rng.normal(0, PIXEL_NOISE, pixels.shape)))
    guesses, moments, times = [], [], []
    for k in range(len(t_s) - 1):
        both = np.isfinite(seen[k] + seen[k + 1]).all(axis=1)
        rays_a, rays_b = seen[k][both][:NUM_POINTS], seen[k + 1][both][:NUM_POINTS]
        moments.append(PairMoments.of(rays_a, rays_b))
        turned = motion.world_from_rig[k + 1].T @ motion.world_from_rig[k]
        guesses.append(RIG_FROM_CAMERA.T @ turned @ RIG_FROM_CAMERA)
        times.append((float(t_s[k]), float(t_s[k + 1])))
    refined = refine_rotations(np.stack(guesses), PairMoments.stack(moments))
    turns = Rotation.from_matrix(refined).as_rotvec()
    found = zip(times, moments, turns, strict=True)
    return [Step(*time_s, pair, turned) for time_s, pair, turned in found]


def find_all(drawn: Drawn) -> tuple[ImuMount, ImuMount, Gravity]:
    """The camera's mount, that of the body whose poses are known, and gravity."""
    imu = drawn.imu
    turns = Turns.of_steps(drawn.steps, drawn.camera.mean_focal_px)
    mount = find_mount(turns, imu.t_s, imu.rate_rad_s)
    poses = drawn.poses
    turns = Turns.of_poses(poses.t_s, poses.world_from_body)
    body = find_mount(turns, imu.t_s, imu.rate_rad_s)
    return mount, body, find_gravity(poses, imu, body)


def find_path_scale(path: PoseTrack, imu: ImuRecord) -> ImuScale:
    """Of a camera's path alone."""
    turns = Turns.of_poses(path.t_s, path.world_from_body)
    mount = find_mount(turns, imu.t_s, imu.rate_rad_s)
    return find_imu_scale(path, imu, mount)


def weigh_scale(scale: ImuScale, metres: float) -> Array:
    """Its error (1,) by its standard error."""
    return np.array([(scale.metres / metres - 1.0) / scale.sigma])


def weigh_turn(mount: ImuMount, truth: Array) -> Array:
    """Errors (3,) about the sensor's axes by their standard errors."""
    error = Rotation.from_matrix(mount.imu_from_sensor.T @ truth).as_rotvec()
    return np.asarray(error / np.sqrt(np.diag(mount.covariance)))


def weigh_gravity(gravity: Gravity) -> Array:
    """Errors (2,) of the direction by their standard errors."""
    sideways = np.linalg.svd(gravity.gravity_m_s2[None])[2][1:]
    errors = sideways @ (GRAVITY / GRAVITY_M_S2)
    return np.asarray(errors / np.sqrt(np.diag(gravity.tilt_covariance)))


def measure(seeds: int, seconds: float) -> dict[str, float]:
    """Over all seeds, by what was found."""
    errors: dict[str, list[Array]] = {}
    sizes: dict[str, list[float]] = {}
    scale_sigmas, bent_sigmas = [], []
    start = time.process_time()
    for seed in range(seeds):
        drawn = draw(seed, seconds)
        mount, body, gravity = find_all(drawn)
        scale = find_path_scale(drawn.path, drawn.imu)
        bent_scale = find_path_scale(drawn.bent, drawn.imu)
        size = (gravity.size_m_s2 - GRAVITY_M_S2) / gravity.size_sigma_m_s2
        weighed = {
            "camera_rotation": weigh_turn(mount, drawn.imu_from_camera),
            "camera_lag": np.array([(mount.lag_s - drawn.lag_s) / mount.lag_sigma_s]),
            "body_rotation": weigh_turn(body, drawn.imu_from_rig),
            "gravity_direction": weigh_gravity(gravity),
            "gravity_size": np.array([size]),
            "scale": weigh_scale(scale, drawn.metres),
            "bent_scale": weigh_scale(bent_scale, drawn.bent_metres),
        }
        for name, found in weighed.items():
            errors.setdefault(name, []).append(found)
        scale_sigmas.append(scale.sigma)
        bent_sigmas.append(bent_scale.sigma)
        for name, sigma_rad in (
            ("camera_rotation", mount.sigma_rad),
            ("body_rotation", body.sigma_rad),
            ("gravity_direction", gravity.sigma_rad),
        ):
            sizes.setdefault(name, []).append(float(np.degrees(sigma_rad)))
    figures = {"seeds": float(seeds), "cpu_s": round(time.process_time() - start, 1)}
    for name, found in errors.items():
        every = np.concatenate(found)
        figures[f"{name}_within_2_sigma"] = round(float((np.abs(every) <= 2).mean()), 3)
        figures[f"{name}_mean_square"] = round(float((every**2).mean()), 2)
    for name, sigmas in sizes.items():
        figures[f"{name}_sigma_deg"] = round(float(np.median(sigmas)), 4)
    figures["scale_sigma"] = round(float(np.median(scale_sigmas)), 4)
    figures["bent_scale_sigma"] = round(float(np.median(bent_sigmas)), 4)
    return figures


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    print_figures(measure(arguments.seeds, arguments.seconds), arguments.json)


if __name__ == "__main__":
    main()
