"""How long the unit of a path is in metres, from an IMU that was carried along it.

Three poses say by how much the velocity changed, in the path's own unit; the accelerometer says the same in metres, but
for gravity, its bias, the way between camera and accelerometer, and the rotation between both. All of it is found at
once. The path is explained by the accelerometer and not the other way round: a path's noise is the larger one, and
noise in what explains makes every scale too small. Which way the accelerometer looked is by the gyroscope, on the mean
of the poses around: half a degree that a path bends by is nine times as much of gravity as of what a hand moves by.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

import numpy as np
from numpy.typing import NDArray

from models.geometry.gravity import LEVER_SIGMA_M, ImuRecord, PoseTrack, Triples
from models.geometry.imu_mount import ImuMount
from models.geometry.rotations import integrate_gyro
from models.geometry.step_fit import StepFit, fit_steps

Array = NDArray[np.float64]

STEADY_S = 10.0  # before and after: so long a gyroscope is steadier than a path
MOST_SIGMA = 0.05  # relative: a scale that is less sure is not known
STANDARD_GRAVITY_M_S2 = 9.80665
# gravity itself differs by 0.03 on Earth, the accelerometer's own scale by some per cent
MOST_OFF_M_S2 = 0.5
_REST = slice(
    1, 13
)  # after the units by a metre, by those of the guess: as the triples have it
_GRAVITY, _LEVER, _TURN = slice(1, 4), slice(7, 10), slice(10, 13)
_SIGMAS = 3.0


@dataclass(frozen=True)
class ImuScale:
    """Metres by the path's unit, with a relative standard error that holds by how much gravity is off; how strong
    gravity is; and the longest leap between two poses that the accelerometer did not feel, by the path's size."""

    metres: float
    sigma: float
    gravity_m_s2: float
    num_steps: int
    leap: float


def find_imu_scale(path: PoseTrack, imu: ImuRecord, mount: ImuMount) -> ImuScale:
    """The scale of a path whose positions have a unit of their own; `mount` is that of the body that moved along it.

    Raises ValueError, with the reason, where the data do not tell: too short, a body that hardly speeds up or slows
    down, an accelerometer in another unit or freed of gravity.
    """
    steady = _steady(path, imu, mount)
    triples = Triples.of(steady, imu, mount)
    weights = _weigh(triples.spans_s)
    seen, felt = triples.seen_m_s * weights, triples.felt_m_s * weights
    slopes = triples.slopes * weights[..., None]

    units, gravity = _guess(seen, felt, slopes[..., :3])

    def residuals(values: Array) -> Array:
        """(K, 3) m/s, by the guess."""
        return np.asarray(values[0] * (felt + slopes @ values[_REST]) - seen / units)

    start = np.zeros(13)
    start[0], start[_GRAVITY] = 1.0, gravity
    prior = np.zeros((13, 13))
    prior[_LEVER, _LEVER] = np.eye(3) / LEVER_SIGMA_M**2
    prior[_TURN, _TURN] = np.linalg.inv(mount.covariance + 1e-12 * np.eye(3))
    fit = fit_steps(residuals, start, 2, prior)
    missed = residuals(fit.values) * units / weights
    missed[fit.is_kept] = 0.0
    size = float(np.linalg.norm(np.ptp(steady.position_m, axis=0)))
    return _tell(fit, units, _find_leap(missed, triples.spans_s) / size)


def _find_leap(missed: Array, spans_s: Array) -> float:
    """The longest in the path's unit, of K triples whose change of velocity misses what was felt by so much (K, 3), 0
    where they do not stand out, and whose steps take so long (K, 2).

    A leap within a step is in the two triples that share it, once as a gain of speed and once as a loss.
    """
    leaps = 0.5 * (missed[:-1] - missed[1:]) * spans_s[:-1, 1:]
    return float(np.linalg.norm(leaps, axis=1).max())


def _steady(path: PoseTrack, imu: ImuRecord, mount: ImuMount) -> PoseTrack:
    """The poses within the record, turned as the gyroscope did."""
    curve = integrate_gyro(imu.t_s, imu.rate_rad_s - mount.gyro_bias_rad_s)
    t_s = path.t_s - mount.lag_s
    inside = (t_s >= imu.t_s[0]) & (t_s <= imu.t_s[-1])
    t_s = t_s[inside]
    start_from_body = curve.at(t_s) @ mount.imu_from_sensor
    world_from_start = path.world_from_body[inside] @ start_from_body.mT
    sums = np.concatenate([np.zeros((1, 3, 3)), world_from_start.cumsum(axis=0)])
    first = np.searchsorted(t_s, t_s - STEADY_S)
    last = np.searchsorted(t_s, t_s + STEADY_S, side="right")
    u, _, v = np.linalg.svd(sums[last] - sums[first])
    u[:, :, 2] *= np.sign(np.linalg.det(u @ v))[:, None]
    return PoseTrack(path.t_s[inside], path.position_m[inside], u @ v @ start_from_body)


def _weigh(spans_s: Array) -> Array:
    """For triples whose steps take so long (K, 2): what brings the noise of poses to one size (K, 1)."""
    before, after = 1.0 / spans_s.T
    noise = np.sqrt(before**2 + after**2 + (before + after) ** 2)
    return np.asarray(np.median(noise) / noise)[:, None]


def _guess(seen: Array, felt: Array, spans: Array) -> tuple[float, Array]:
    """Units by a metre, and gravity, as if nothing else were unknown. Raises ValueError where they contradict."""
    columns = np.concatenate([felt[..., None], spans], axis=2).reshape(-1, 4)
    found = np.linalg.lstsq(columns, seen.ravel(), rcond=None)[0]
    if not found[0] > 0:
        raise ValueError(_NO_SCALE)
    return float(found[0]), found[1:] / found[0]


_NO_SCALE = (
    "the camera's path does not follow what the IMU felt: move it to and fro, faster"
)


def _tell(fit: StepFit, units: float, leap: float) -> ImuScale:
    """`units` by a metre are the guess."""
    by = float(fit.values[0])
    if not by > 0:
        raise ValueError(_NO_SCALE)
    gravity = fit.values[_GRAVITY]
    size = float(np.linalg.norm(gravity))
    down = gravity / max(size, np.finfo(float).tiny)
    size_sigma = float(np.sqrt(down @ fit.covariance[_GRAVITY, _GRAVITY] @ down))
    off_m_s2 = abs(size - STANDARD_GRAVITY_M_S2)
    if off_m_s2 > MOST_OFF_M_S2 + _SIGMAS * size_sigma:
        raise ValueError(
            f"the accelerometer feels {size:.2f} m/s^2 of gravity: is it in m/s^2, and not freed of gravity?"
        )
    # an accelerometer's own scale, or a path that bends, errs in lengths as in gravity
    by_fit = float(np.sqrt(fit.covariance[0, 0])) / by
    sigma = hypot(by_fit, off_m_s2 / STANDARD_GRAVITY_M_S2)
    if not sigma <= MOST_SIGMA:
        raise ValueError(
            f"the IMU tells the scale to {100 * sigma:.0f} % only: move the camera to and fro, faster or for longer"
        )
    return ImuScale(1.0 / (by * units), sigma, size, int(fit.is_kept.sum()), leap)
