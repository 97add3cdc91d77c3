"""How the rig moves, as formulas: pose, velocity, acceleration and turn rate at any time, and the IMU that agrees.

The rig circles outside the ring of solids and looks at one after the other, staying a while with each. Every quantity
is a sum of sinusoids and quintic steps, so derivatives are exact and accelerations are continuous.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.simulation.camera import rotation_zyx
from models.simulation.scene import Scene

Array = NDArray[np.float64]

GRAVITY_M_S2 = 9.81
VISIT_S = 1.7  # time with one solid, journey included
HOP_S = 0.85  # the journey to the next one
# standard deviation of a sample, a small MEMS unit at 200 Hz
GYRO_NOISE_RAD_S = 1.5e-3
ACCEL_NOISE_M_S2 = 1.5e-2
# standard deviation of the constant error of a recording
GYRO_BIAS_RAD_S = 5e-4
ACCEL_BIAS_M_S2 = 5e-3


@dataclass(frozen=True)
class Curve:
    """A scalar of time: a start value, quintic steps (centre s, duration s, height), waves (amplitude, Hz, phase)."""

    start: float
    steps: tuple[tuple[float, float, float], ...] = ()
    waves: tuple[tuple[float, float, float], ...] = ()

    def at(self, t_s: Array) -> tuple[Array, Array, Array]:
        """Value and its first and second derivative at times (N,)."""
        value = np.full_like(t_s, self.start)
        first = np.zeros_like(t_s)
        second = np.zeros_like(t_s)
        for center, duration, height in self.steps:
            x = np.clip((t_s - center) / duration + 0.5, 0.0, 1.0)
            value += height * x**3 * (10 - 15 * x + 6 * x * x)
            first += height / duration * 30 * x**2 * (1 - x) ** 2
            second += height / duration**2 * 60 * x * (1 - x) * (1 - 2 * x)
        for amplitude, hz, phase in self.waves:
            w = 2 * np.pi * hz
            value += amplitude * np.sin(w * t_s + phase)
            first += amplitude * w * np.cos(w * t_s + phase)
            second -= amplitude * w * w * np.sin(w * t_s + phase)
        return value, first, second


@dataclass(frozen=True)
class Motion:
    """State of the rig at N times, world frame, except the turn rate, which a gyroscope on the rig would measure."""

    position_m: Array  # (N, 3)
    velocity_m_s: Array  # (N, 3)
    acceleration_m_s2: Array  # (N, 3)
    world_from_rig: Array  # (N, 3, 3) rotations
    rate_rad_s: Array  # (N, 3) rig frame

    def poses(self) -> Array:
        """Rig poses (N, 4, 4)."""
        matrices = np.tile(np.eye(4), (len(self.position_m), 1, 1))
        matrices[:, :3, :3] = self.world_from_rig
        matrices[:, :3, 3] = self.position_m
        return matrices


@dataclass(frozen=True)
class Trajectory:
    """The rig's path: cylinder coordinates around the world's z axis, the point it looks at, and its roll."""

    azimuth_rad: Curve
    radius_m: Curve
    height_m: Curve
    gaze_m: tuple[Curve, Curve, Curve]  # world
    roll_rad: Curve
    visits: tuple[tuple[float, int], ...]  # (start s, track id looked at)

    def at(self, t_s: Array | list[float]) -> Motion:
        """The rig's state at times (N,) in seconds."""
        t = np.asarray(t_s, np.float64)
        position, velocity, acceleration = self._move(t)
        gaze = [curve.at(t) for curve in self.gaze_m]
        ahead = np.stack([g[0] for g in gaze], axis=1) - position
        change = np.stack([g[1] for g in gaze], axis=1) - velocity
        flat2 = ahead[:, 0] ** 2 + ahead[:, 1] ** 2
        flat = np.sqrt(flat2)
        yaw = np.arctan2(ahead[:, 1], ahead[:, 0])
        pitch = np.arctan2(-ahead[:, 2], flat)
        yaw_rate = (ahead[:, 0] * change[:, 1] - ahead[:, 1] * change[:, 0]) / flat2
        flat_rate = (ahead[:, 0] * change[:, 0] + ahead[:, 1] * change[:, 1]) / flat
        pitch_rate = (ahead[:, 2] * flat_rate - change[:, 2] * flat) / (
            flat2 + ahead[:, 2] ** 2
        )
        roll, roll_rate, _ = self.roll_rad.at(t)
        rate = _body_rate(pitch, roll, yaw_rate, pitch_rate, roll_rate)
        return Motion(
            position,
            velocity,
            acceleration,
            np.asarray(rotation_zyx(yaw, pitch, roll)),
            rate,
        )

    def _move(self, t: Array) -> tuple[Array, Array, Array]:
        """Position, velocity and acceleration (N, 3) from cylinder coordinates."""
        a, a1, a2 = self.azimuth_rad.at(t)
        r, r1, r2 = self.radius_m.at(t)
        h, h1, h2 = self.height_m.at(t)
        out = np.stack([np.cos(a), np.sin(a)])
        along = np.stack([-np.sin(a), np.cos(a)])
        position = np.vstack([r * out, h])
        velocity = np.vstack([r1 * out + r * a1 * along, h1])
        acceleration = np.vstack(
            [(r2 - r * a1**2) * out + (2 * r1 * a1 + r * a2) * along, h2]
        )
        return position.T, velocity.T, acceleration.T


def plan_trajectory(
    scene: Scene, seconds: float, rng: np.random.Generator
) -> Trajectory:
    """A path that visits neighbouring solids one after the other, back and forth along their arc."""
    order = _plan_visits(len(scene.primitives), max(1, round(seconds / VISIT_S)), rng)
    solids = [scene.primitives[i] for i in order]
    period = seconds / len(order)
    azimuths = np.unwrap([np.arctan2(s.center_m[1], s.center_m[0]) for s in solids])
    azimuths = azimuths + rng.uniform(-0.12, 0.12, len(order))
    hop = min(HOP_S, 0.6 * period)

    def follow(
        values: list[float] | Array, *waves: tuple[float, float, float]
    ) -> Curve:
        steps = tuple(
            (k * period, hop, float(values[k] - values[k - 1]))
            for k in range(1, len(values))
        )
        return Curve(float(values[0]), steps, waves)

    def wave(
        amplitude: float, low_hz: float, high_hz: float
    ) -> tuple[float, float, float]:
        size = amplitude * rng.uniform(0.7, 1.3)
        hz = rng.uniform(low_hz, high_hz)
        phase = rng.uniform(0, 2 * np.pi)
        return float(size), float(hz), float(phase)

    gaze = [
        follow([s.center_m[i] for s in solids], wave(0.012, 0.4, 0.9)) for i in range(3)
    ]
    return Trajectory(
        azimuth_rad=follow(azimuths, wave(0.06, 0.3, 0.5)),
        radius_m=Curve(0.72, (), (wave(0.035, 0.2, 0.4), wave(0.006, 1.0, 1.6))),
        height_m=Curve(0.31, (), (wave(0.045, 0.2, 0.4), wave(0.005, 1.0, 1.6))),
        gaze_m=(gaze[0], gaze[1], gaze[2]),
        roll_rad=Curve(0.0, (), (wave(0.05, 0.2, 0.5), wave(0.01, 1.0, 2.0))),
        visits=tuple((k * period, s.track_id) for k, s in enumerate(solids)),
    )


def measure_imu(motion: Motion, rng: np.random.Generator) -> tuple[Array, Array]:
    """What an IMU in the rig's origin reads: turn rate (N, 3) rad/s and specific force (N, 3) m/s^2, rig frame.

    Specific force is acceleration minus gravity: at rest and level it reads (0, 0, +9.81). White noise and one constant
    bias a recording are added.
    """
    upward = np.array([0.0, 0.0, GRAVITY_M_S2])
    force = np.einsum(
        "nji,nj->ni", motion.world_from_rig, motion.acceleration_m_s2 + upward
    )
    shape = force.shape
    gyro_error = rng.normal(0, GYRO_BIAS_RAD_S, 3) + rng.normal(
        0, GYRO_NOISE_RAD_S, shape
    )
    force_error = rng.normal(0, ACCEL_BIAS_M_S2, 3) + rng.normal(
        0, ACCEL_NOISE_M_S2, shape
    )
    return motion.rate_rad_s + gyro_error, force + force_error


def find_center_flow(
    motion: Motion,
    index: int,
    rig_from_camera: NDArray[np.floating],
    focal_px: float,
    depth_m: float,
) -> Array:
    """Image velocity (2,) px/s of a still point in the middle of the picture, at a depth, seen from the rig."""
    camera_from_rig = rig_from_camera[:3, :3].T
    lever = np.cross(motion.rate_rad_s[index], rig_from_camera[:3, 3])
    velocity = camera_from_rig @ (
        motion.world_from_rig[index].T @ motion.velocity_m_s[index] + lever
    )
    rate = camera_from_rig @ motion.rate_rad_s[index]
    return focal_px * np.array(
        [-rate[1] - velocity[0] / depth_m, rate[0] - velocity[1] / depth_m]
    )


def _body_rate(
    pitch: Array, roll: Array, yaw_rate: Array, pitch_rate: Array, roll_rate: Array
) -> Array:
    """Turn rate in the rig frame of R = Rz(yaw) Ry(pitch) Rx(roll) (Diebel 2006, equation 299)."""
    return np.stack(
        [
            roll_rate - yaw_rate * np.sin(pitch),
            pitch_rate * np.cos(roll) + yaw_rate * np.cos(pitch) * np.sin(roll),
            -pitch_rate * np.sin(roll) + yaw_rate * np.cos(pitch) * np.cos(roll),
        ],
        axis=1,
    )


def _plan_visits(
    num_solids: int, num_visits: int, rng: np.random.Generator
) -> list[int]:
    """Indices of solids: a walk along the arc that turns round at its ends."""
    place = int(rng.integers(num_solids))
    step = int(rng.choice([-1, 1]))
    order = [place]
    while len(order) < num_visits:
        if not 0 <= place + step < num_solids:
            step = -step
        place += step
        order.append(place)
    return order
