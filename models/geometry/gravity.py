"""Where down is: gravity in the frame of a body's poses, from an accelerometer that the body carries.

Three poses say by how much the velocity changed; the accelerometer says the same but for gravity, its own bias, the
way between body and accelerometer, and the rotation between both. All of it is found at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicHermiteSpline

from models.geometry.imu_mount import ImuMount, thin
from models.geometry.rotations import integrate_gyro
from models.geometry.step_fit import StepFit, fit_steps

Array = NDArray[np.float64]

KNOT_S = 0.2  # between the poses that are taken
MIN_TRIPLES = 12  # of poses
LEVER_SIGMA_M = (
    0.5  # between accelerometer and body, before anything is known: rigs are not larger
)
LEAST_SWING = 0.02  # by how much the body leans to and fro about every axis: an eigenvalue's root, about a degree
MOST_SIGMA_RAD = float(np.radians(2.0))
_FORCE_M_S2 = 1.0  # less than this is no gravity
_GRAVITY, _BIAS, _LEVER, _TURN = (slice(3 * i, 3 * i + 3) for i in range(4))


@dataclass(frozen=True)
class PoseTrack:
    """Poses of a body at N increasing times."""

    t_s: Array  # (N,)
    position_m: Array  # (N, 3) world
    world_from_body: Array  # (N, 3, 3)


@dataclass(frozen=True)
class ImuRecord:
    """N samples of an IMU at increasing times, in its axes."""

    t_s: Array  # (N,)
    rate_rad_s: Array  # (N, 3)
    force_m_s2: Array  # (N, 3) acceleration less gravity: at rest it points up


@dataclass(frozen=True)
class Gravity:
    """Gravity in the frame of the poses, and the accelerometer's bias in its axes."""

    gravity_m_s2: Array  # (3,) points down
    covariance: Array  # (3, 3)
    accel_bias_m_s2: Array  # (3,)
    accel_bias_sigma_m_s2: Array  # (3,)
    num_steps: int

    @property
    def size_m_s2(self) -> float:
        """How strong it is."""
        return float(np.linalg.norm(self.gravity_m_s2))

    @property
    def size_sigma_m_s2(self) -> float:
        """Standard error of its strength."""
        down = self.gravity_m_s2 / self.size_m_s2
        return float(np.sqrt(down @ self.covariance @ down))

    @property
    def tilt_covariance(self) -> Array:
        """(2, 2) rad^2 of its direction, about two axes square to it."""
        sideways = np.linalg.svd(self.gravity_m_s2[None])[2][1:]
        return np.asarray(sideways @ self.covariance @ sideways.T / self.size_m_s2**2)

    @property
    def sigma_rad(self) -> float:
        """Standard error of its direction, about the axis that is known least."""
        return float(np.sqrt(max(np.linalg.eigvalsh(self.tilt_covariance)[-1], 0.0)))


def find_gravity(poses: PoseTrack, imu: ImuRecord, mount: ImuMount) -> Gravity:
    """Gravity, by how the body sits to the IMU, with the lag of its stamps, as `find_mount` says.

    Raises ValueError, with the reason, where the data do not tell: too short, or a body that leans about fewer than two
    axes, whose accelerometer's bias cannot be told from gravity.
    """
    triples = Triples.of(poses, imu, mount)
    triples.require_swing()
    start = np.zeros(12)
    start[_GRAVITY] = triples.guess()
    prior = np.zeros((12, 12))
    prior[_LEVER, _LEVER] = np.eye(3) / LEVER_SIGMA_M**2
    prior[_TURN, _TURN] = np.linalg.inv(mount.covariance + 1e-12 * np.eye(3))
    fit = fit_steps(triples.residuals, start, 2, prior)
    return _tell(fit)


@dataclass(frozen=True)
class Triples:
    """K times that three poses follow one another: how velocity changed, and by what each unknown changes it."""

    at_s: Array  # (K + 2,): the times of the poses, by the IMU's clock
    knots: NDArray[np.int64]  # (K + 2,): which of the path's they are
    seen_m_s: Array  # (K, 3) by the poses, world
    felt_m_s: Array  # (K, 3) by the accelerometer, world
    slopes: Array  # (K, 3, 12): of felt less seen, by the negatives of gravity, bias, lever and turn

    @classmethod
    def of(cls, poses: PoseTrack, imu: ImuRecord, mount: ImuMount) -> Triples:
        rate_rad_s = imu.rate_rad_s - mount.gyro_bias_rad_s
        curve = integrate_gyro(imu.t_s, rate_rad_s)
        start_from_imu = curve.at(imu.t_s)
        t_s = poses.t_s - mount.lag_s
        inside = np.flatnonzero((t_s >= imu.t_s[0]) & (t_s <= imu.t_s[-1]))
        knots = inside[thin(t_s[inside], KNOT_S)]
        if len(knots) < MIN_TRIPLES + 2:
            raise ValueError(
                f"{len(knots)} poses within the IMU's record: {MIN_TRIPLES + 2} or more are needed, each "
                f"{KNOT_S} s after the one before"
            )
        at_s = t_s[knots]
        felt = np.einsum("nij,nj->ni", start_from_imu, imu.force_m_s2)
        columns = np.concatenate([felt, start_from_imu.reshape(-1, 9)], axis=1)
        summed = _bend(_integrate_twice(imu.t_s, columns, at_s), at_s)
        body_from_imu = mount.imu_from_sensor.T
        middle = knots[1:-1]
        body = body_from_imu @ curve.at(at_s[1:-1]).mT  # of the IMU's start
        world = poses.world_from_body[middle]
        force_body = np.einsum("kij,kj->ki", body, summed[:, :3])
        turned = body @ summed[:, 3:].reshape(-1, 3, 3)
        lever = _bend(poses.world_from_body[knots].reshape(-1, 9), at_s)
        slopes = np.concatenate(
            [
                np.multiply.outer(0.5 * (at_s[2:] - at_s[:-2]), np.eye(3)),
                -world @ turned,
                -lever.reshape(-1, 3, 3),
                world @ _cross(force_body),
            ],
            axis=2,
        )
        return cls(
            at_s,
            knots,
            _bend(poses.position_m[knots], at_s),
            np.einsum("kij,kj->ki", world, force_body),
            slopes,
        )

    @property
    def spans_s(self) -> Array:
        """(K, 2): from the first pose to the second, and on to the third."""
        steps_s = np.diff(self.at_s)
        return np.stack([steps_s[:-1], steps_s[1:]], axis=1)

    def measure_changes(self, places: Array) -> Array:
        """(K, 3): how the velocity changes of what is at these places (N, 3) at the times of the path's poses."""
        return _bend(places[self.knots], self.at_s)

    def residuals(self, values: Array) -> Array:
        """(K, 3) m/s."""
        return np.asarray(self.felt_m_s - self.seen_m_s + self.slopes @ values)

    def guess(self) -> Array:
        """Gravity (3,) as if nothing else were unknown."""
        spans_s = self.slopes[:, 0, 0]
        missed = (self.seen_m_s - self.felt_m_s) / spans_s[:, None]
        return np.asarray(np.median(missed, axis=0))

    def require_swing(self) -> None:
        """The body must lean to and fro: a bias that keeps its direction cannot be told from gravity."""
        seen = self.slopes[:, :, _BIAS] / self.slopes[:, :1, :1]
        varied = seen - seen.mean(axis=0)
        strengths = np.linalg.eigvalsh((varied.mT @ varied).mean(axis=0))
        least, middle = np.sqrt(np.maximum(strengths[:2], 0.0))
        if middle < LEAST_SWING:
            raise ValueError(
                "the rig hardly turns: gravity cannot be told from the accelerometer's bias, lean it to every side"
            )
        if least < LEAST_SWING:
            raise ValueError(
                "the rig turns about one axis only: gravity cannot be told from the accelerometer's bias, lean it to "
                "every side"
            )


def _integrate_twice(t_s: Array, values: Array, at_s: Array) -> Array:
    """Twice integrated columns (N, C) at times (M,), by what is linear between samples: (M, C)."""
    steps_s = np.diff(t_s)[:, None]
    once = np.vstack(
        [np.zeros(values.shape[1]), 0.5 * (values[1:] + values[:-1]) * steps_s]
    ).cumsum(axis=0)
    within = once[:-1] * steps_s + (2.0 * values[:-1] + values[1:]) * steps_s**2 / 6.0
    twice = np.vstack([np.zeros(values.shape[1]), within]).cumsum(axis=0)
    return np.asarray(CubicHermiteSpline(t_s, twice, once)(at_s))


def _bend(values: Array, t_s: Array) -> Array:
    """By how much the slope of columns (M, C) changes at each inner one of times (M,): (M - 2, C)."""
    slopes = np.diff(values, axis=0) / np.diff(t_s)[:, None]
    return np.asarray(np.diff(slopes, axis=0))


def _cross(vectors: Array) -> Array:
    """Matrices (K, 3, 3) that multiply by vectors (K, 3) from the left."""
    return np.asarray(np.cross(vectors[:, None], np.eye(3)[None]).mT)


def _tell(fit: StepFit) -> Gravity:
    found = Gravity(
        fit.values[_GRAVITY],
        fit.covariance[_GRAVITY, _GRAVITY],
        fit.values[_BIAS],
        np.sqrt(np.diag(fit.covariance)[_BIAS]),
        int(fit.is_kept.sum()),
    )
    if found.size_m_s2 < _FORCE_M_S2:
        raise ValueError(
            f"the accelerometer feels {found.size_m_s2:.2f} m/s^2 of gravity: is it in m/s^2, and not freed of gravity?"
        )
    if not found.sigma_rad <= MOST_SIGMA_RAD:
        raise ValueError(
            f"the direction is known to {np.degrees(found.sigma_rad):.0f} degrees only: lean the rig to every side"
        )
    return found
