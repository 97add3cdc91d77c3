"""How a sensor sits to an IMU: the rotation between both, from turns of the sensor and rates of the gyroscope.

The same turn, seen in the axes of both, tells the rotation between them (hand-eye calibration; Kabsch 1976 for the
start). The gyroscope's constant bias and the lag of the sensor's stamps are found along with it. What a motion does not
tell is an error with the reason, never a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from models.geometry.clock_offset import FLOOR_PX2, Step
from models.geometry.epipolar import NormalEquations, PairMoments
from models.geometry.lags import MIN_STEPS, estimate_lag
from models.geometry.rotations import OrientationCurve, integrate_gyro
from models.geometry.step_fit import StepFit, fit_steps

Array = NDArray[np.float64]

STEP_S = 0.1  # shorter steps turn by less than their noise, and points hardly move
MIN_SWING = 10.0  # turn rates about two axes, by the gyroscope's own noise
MOST_SIGMA_RAD = float(np.radians(5.0))  # a rotation that is less sure is not known
MOST_UNEXPLAINED = 0.5  # share of the turns, weighted
_EIGHT_POINT = 5  # numbers that a pair of images determines
_LOOSE_RAD2 = 0.01  # variance of a turn of which the points say nothing
_POSE_RAD2 = 1e-8


@dataclass(frozen=True)
class Turns:
    """K turns of a sensor: from when to when in s, rotation vectors end_from_start in its axes, covariances in rad^2.

    The covariances need to be right only up to one factor.
    """

    start_s: Array  # (K,)
    end_s: Array  # (K,)
    turn_rad: Array  # (K, 3)
    covariance: Array  # (K, 3, 3)

    @classmethod
    def of_steps(cls, steps: Sequence[Step], focal_px: float) -> Turns:
        """Of a camera, by what its points say of the steps between its frames."""
        turn_rad = np.array([s.turn_rad for s in steps]).reshape(-1, 3)
        moments = PairMoments.stack([s.moments for s in steps])
        found = NormalEquations.at(Rotation.from_rotvec(turn_rad).as_matrix(), moments)
        spare = np.maximum(np.asarray(moments.num_points) - _EIGHT_POINT, 1)
        variance = FLOOR_PX2 / focal_px**2 + found.missed / spare
        information = found.normal / variance[:, None, None] + np.eye(3) / _LOOSE_RAD2
        return cls(
            np.array([s.start_s for s in steps]),
            np.array([s.end_s for s in steps]),
            turn_rad,
            np.linalg.inv(information),
        )

    @classmethod
    def of_poses(cls, t_s: Array, world_from_body: Array) -> Turns:
        """Of rotations (N, 3, 3) at increasing times (N,), of which some are left out so that a step takes 0.1 s."""
        kept = thin(t_s, STEP_S)
        turned = world_from_body[kept[1:]].mT @ world_from_body[kept[:-1]]
        turn_rad = Rotation.from_matrix(turned).as_rotvec().reshape(-1, 3)
        covariance = np.tile(_POSE_RAD2 * np.eye(3), (len(turn_rad), 1, 1))
        return cls(t_s[kept[:-1]], t_s[kept[1:]], turn_rad, covariance)


@dataclass(frozen=True)
class ImuMount:
    """How a sensor sits to the IMU. Covariance of small turns after it: imu_from_sensor exp(turn), sensor axes."""

    imu_from_sensor: Array  # (3, 3)
    covariance: Array  # (3, 3) rad^2
    lag_s: float  # of the sensor's stamps behind the gyroscope's
    lag_sigma_s: float
    gyro_bias_rad_s: Array  # (3,) gyroscope axes
    gyro_bias_sigma_rad_s: Array  # (3,)
    num_steps: int
    residual_rad: float  # median turn that is left of a step

    @property
    def sigma_rad(self) -> float:
        """Standard error about the axis that is known least."""
        return _worst_sigma(self.covariance)


def thin(t_s: Array, least_s: float) -> NDArray[np.int64]:
    """Indices of times (N,), each `least_s` or more after the one before; half of a usual step is granted."""
    slack = 0.5 * float(np.median(np.diff(t_s))) if len(t_s) > 1 else 0.0
    kept = [0] if len(t_s) else []
    for i, t in enumerate(t_s.tolist()):
        if t - t_s[kept[-1]] >= least_s - slack and i > kept[-1]:
            kept.append(i)
    return np.array(kept, np.int64)


def find_mount(turns: Turns, t_s: Array, rate_rad_s: Array) -> ImuMount:
    """The rotation between a sensor and the gyroscope, whose samples are `t_s` (N,) and `rate_rad_s` (N, 3).

    Raises ValueError, with the reason, where the data do not tell: too short, a rig that stands still or turns about
    one axis only, motions of two rigs.
    """
    if len(turns.start_s) < MIN_STEPS:
        raise ValueError(
            f"{len(turns.start_s)} usable steps: {MIN_STEPS} or more are needed"
        )
    noise_rad_s = _measure_noise(rate_rad_s)
    _require_swing(turns, t_s, rate_rad_s, noise_rad_s)
    curve = integrate_gyro(t_s, rate_rad_s)
    covariance = turns.covariance + _gyro_covariance(turns, t_s, noise_rad_s)
    lag_s, imu_from_sensor = _start(turns, curve, covariance)
    whitener = _invert_root(covariance)
    problem = _Problem(turns, t_s, rate_rad_s, whitener, lag_s, imu_from_sensor)
    fit = fit_steps(problem.residuals, np.zeros(7), differenced=1)
    _require_fit(problem, fit)
    return problem.tell(fit)


def measure_turns_left(
    turns: Turns, mount: ImuMount, t_s: Array, rate_rad_s: Array
) -> Array:
    """By how many rad each turn (K,) differs from the gyroscope's, as the mount has it; NaN beyond the record."""
    curve = integrate_gyro(t_s, rate_rad_s - mount.gyro_bias_rad_s)
    left = _find_left(turns, curve, mount.lag_s, mount.imu_from_sensor)
    return np.asarray(np.linalg.norm(left, axis=1))


@dataclass(frozen=True)
class _Problem:
    """What is sought: a small turn of the rotation (3), the bias in rad/s (3) and the change of the lag in s."""

    turns: Turns
    t_s: Array
    rate_rad_s: Array
    whitener: Array  # (K, 3, 3)
    lag_s: float
    imu_from_sensor: Array

    def residuals(self, values: Array) -> Array:
        """(K, 3), whitened; none for steps beyond the record."""
        left = self.find_turns_left(values)
        return np.asarray(np.nan_to_num((self.whitener @ left[..., None])[..., 0]))

    def find_turns_left(self, values: Array) -> Array:
        """What the gyroscope leaves of each turn (K, 3), rad; NaN beyond the record."""
        curve = integrate_gyro(self.t_s, self.rate_rad_s - values[3:6])
        lag_s = self.lag_s + float(values[6])
        return _find_left(self.turns, curve, lag_s, self._turn(values))

    def tell(self, fit: StepFit) -> ImuMount:
        sigmas = np.sqrt(np.diag(fit.covariance))
        left = np.linalg.norm(self.find_turns_left(fit.values)[fit.is_kept], axis=1)
        return ImuMount(
            self._turn(fit.values),
            fit.covariance[:3, :3],
            self.lag_s + float(fit.values[6]),
            float(sigmas[6]),
            fit.values[3:6],
            sigmas[3:6],
            int(fit.is_kept.sum()),
            float(np.nanmedian(left)),
        )

    def _turn(self, values: Array) -> Array:
        return np.asarray(
            self.imu_from_sensor @ Rotation.from_rotvec(values[:3]).as_matrix()
        )


def _find_left(
    turns: Turns, curve: OrientationCurve, lag_s: float, imu_from_sensor: Array
) -> Array:
    """What the gyroscope leaves of each turn (K, 3), rad, sensor axes; NaN beyond the record."""
    turned = _follow(turns, curve, np.array([lag_s]))[0]
    expected = imu_from_sensor.T @ turned @ imu_from_sensor
    return _to_rotvec(expected.mT @ Rotation.from_rotvec(turns.turn_rad).as_matrix())


def _start(
    turns: Turns, curve: OrientationCurve, covariance: Array
) -> tuple[float, Array]:
    """The lag in s under which one rotation explains the turns best, and that rotation."""
    weights = 1.0 / np.trace(covariance, axis1=1, axis2=2)

    def misfits(lags_s: Array) -> Array:
        found = _to_rotvec(_follow(turns, curve, lags_s))
        return np.stack([_align(turns, one, weights)[1] for one in found], axis=1)

    lag = estimate_lag(misfits, 1.0)
    found = _to_rotvec(_follow(turns, curve, np.array([lag.lag_s])))[0]
    return lag.lag_s, _align(turns, found, weights)[0]


def _align(turns: Turns, turned: Array, weights: Array) -> tuple[Array, Array]:
    """imu_from_sensor that takes the turns to those of the gyroscope (K, 3), and the squared misfits (K,), in the
    variance of each. What both have on the whole is left to the bias."""
    is_known = np.isfinite(turned[:, 0])
    misfits = np.full(len(turned), np.nan)
    if is_known.sum() < MIN_STEPS:
        return np.eye(3), misfits
    share = weights[is_known] / weights[is_known].sum()
    theirs = turned[is_known] - share @ turned[is_known]
    mine = turns.turn_rad[is_known] - share @ turns.turn_rad[is_known]
    rotation, _ = Rotation.align_vectors(theirs, mine, weights=share)
    left = theirs - rotation.apply(mine)
    misfits[is_known] = weights[is_known] * (left**2).sum(axis=1)
    return rotation.as_matrix(), misfits


def _invert_root(covariance: Array) -> Array:
    """Symmetric matrices (K, 3, 3) that make what has the covariances (K, 3, 3) one of variance 1 along every axis."""
    variances, axes = np.linalg.eigh(covariance)
    return np.asarray((axes / np.sqrt(variances)[:, None, :]) @ axes.mT)


def _follow(turns: Turns, curve: OrientationCurve, lags_s: Array) -> Array:
    """The gyroscope's turns (L, K, 3, 3) in its axes, if the sensor's stamps are late by each lag."""
    ends = curve.at(turns.end_s - lags_s[:, None])
    return np.asarray(ends.mT @ curve.at(turns.start_s - lags_s[:, None]))


def _measure_noise(rate_rad_s: Array) -> float:
    """Standard deviation of a sample, from how samples differ from the line through their neighbours."""
    bends = rate_rad_s[1:-1] - 0.5 * (rate_rad_s[:-2] + rate_rad_s[2:])
    return float(np.sqrt(np.mean(bends**2) / 1.5))


def _gyro_covariance(turns: Turns, t_s: Array, noise_rad_s: float) -> Array:
    """Of turns (K, 3, 3) that are integrated from noisy samples."""
    step_s = float(np.median(np.diff(t_s)))
    variance = noise_rad_s**2 * step_s * (turns.end_s - turns.start_s)
    return np.asarray(variance[:, None, None] * np.eye(3))


def _require_swing(
    turns: Turns, t_s: Array, rate_rad_s: Array, noise_rad_s: float
) -> None:
    """The rates must change about two axes by more than the gyroscope's noise: what stays equal is taken for bias."""
    is_inside = (t_s >= turns.start_s.min()) & (t_s <= turns.end_s.max())
    if is_inside.sum() < MIN_STEPS:
        raise ValueError("the gyroscope has no samples of the time of these steps")
    duration_s = float(np.median(turns.end_s - turns.start_s))
    count = max(1, round(duration_s / float(np.median(np.diff(t_s)))))
    rates = rate_rad_s[is_inside]
    means = np.add.reduceat(rates, np.arange(0, len(rates), count)) / count
    # the last may hold fewer samples
    swing = np.linalg.svd(means[:-1] - means[:-1].mean(axis=0), compute_uv=False)
    swing = swing / np.sqrt(max(1, len(means) - 1))
    least = MIN_SWING * noise_rad_s / np.sqrt(count)
    if swing[0] < least:
        raise ValueError(
            "the rig stands still, or turns evenly: turn it to and fro about two axes or more"
        )
    if swing[1] < least:
        raise ValueError(
            "the rig turns about one axis only: turn it about two axes or more"
        )


def _require_fit(problem: _Problem, fit: StepFit) -> None:
    total = problem.turns.turn_rad - np.median(problem.turns.turn_rad, axis=0)
    whitened = problem.whitener @ total[..., None]
    left = (problem.residuals(fit.values)[fit.is_kept] ** 2).sum()
    share = float(left / (whitened[fit.is_kept] ** 2).sum())
    if share > MOST_UNEXPLAINED or fit.is_kept.mean() < 0.5:
        raise ValueError(
            f"gyroscope and sensor do not tell of one motion ({100 * min(share, 1.0):.0f} % of the turns is left): "
            "check units and stamps"
        )
    sigma_rad = _worst_sigma(fit.covariance[:3, :3])
    if not sigma_rad <= MOST_SIGMA_RAD:
        raise ValueError(
            f"the rotation is known to {np.degrees(sigma_rad):.0f} degrees only: turn the rig more, about two axes or "
            "more"
        )


def _worst_sigma(covariance: Array) -> float:
    return float(np.sqrt(max(np.linalg.eigvalsh(covariance)[-1], 0.0)))


def _to_rotvec(matrices: Array) -> Array:
    """Rotation vectors (..., 3) of rotations (..., 3, 3); NaN of those that are not known."""
    flat = matrices.reshape(-1, 3, 3)
    vectors = np.full((len(flat), 3), np.nan)
    is_known = np.isfinite(flat[:, 0, 0])
    vectors[is_known] = Rotation.from_matrix(flat[is_known]).as_rotvec()
    return vectors.reshape(*matrices.shape[:-2], 3)
