"""How long the unit of a path is in metres, from an IMU that was carried along it.

Three poses say by how much the velocity changed, in the path's own unit; the accelerometer says the same in metres, but
for gravity, its bias, the way between camera and accelerometer, and the rotation between both. All of it is found at
once. The path is explained by the accelerometer and not the other way round: a path's noise is the larger one, and
noise in what explains makes every scale too small. Which way the accelerometer looked is by the gyroscope, on the mean
of the poses around: half a degree that a path bends by is nine times as much of gravity as of what a hand moves by.

A path that was made of pictures bends where its cameras turn about the points that they look at, since these stay where
they are seen. By how much they turn the gyroscope tells; how far the points are is one more unknown. Without it a bend
that comes back whenever the camera looks the same way is taken for a way between camera and accelerometer, and the
scale is wrong by more than it says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import hypot

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from models.geometry.gravity import LEVER_SIGMA_M, ImuRecord, PoseTrack, Triples
from models.geometry.imu_mount import ImuMount
from models.geometry.rotations import integrate_gyro
from models.geometry.step_fit import StepFit, find_most_norm, fit_steps

Array = NDArray[np.float64]

STEADY_S = 10.0  # before and after: so long a gyroscope is steadier than a path
MOST_SIGMA = 0.05  # relative: a scale that is less sure is not known
STANDARD_GRAVITY_M_S2 = 9.80665
# gravity itself differs by 0.03 on Earth, the accelerometer's own scale by some per cent
MOST_OFF_M_S2 = 0.5
# the values: units by a metre, by those of the guess; as the triples have it; how far the points are, in units
_REST, _AWAY, _NUM_VALUES = slice(1, 13), 13, 14
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
    """The scale of a path whose positions have a unit of their own, of a camera that looks along its z axis; `mount` is
    that of the camera.

    Raises ValueError, with the reason, where the data do not tell: too short, a body that hardly speeds up or slows
    down, an accelerometer in another unit or freed of gravity.
    """
    path = _keep_recorded(path, imu, mount)
    steady = _steady(path, imu, mount)
    triples = Triples.of(steady, imu, mount)
    weights = _weigh(triples.spans_s)
    seen, felt = triples.seen_m_s * weights, triples.felt_m_s * weights
    slopes = triples.slopes * weights[..., None]
    turned = _turn_about_points(path, steady)
    bends = triples.measure_changes(turned) * weights

    units, gravity = _guess(seen, felt, slopes[..., :3])

    def residuals(values: Array) -> Array:
        """(K, 3) m/s, by the guess."""
        straight = (seen - values[_AWAY] * bends) / units
        return np.asarray(values[0] * (felt + slopes @ values[_REST]) - straight)

    start = np.zeros(_NUM_VALUES)
    start[0], start[_GRAVITY] = 1.0, gravity
    prior = np.zeros((_NUM_VALUES, _NUM_VALUES))
    prior[_LEVER, _LEVER] = np.eye(3) / LEVER_SIGMA_M**2
    prior[_TURN, _TURN] = np.linalg.inv(mount.covariance + 1e-12 * np.eye(3))
    fit = fit_steps(residuals, start, 2, prior)
    missed = residuals(fit.values) * units / weights
    missed[fit.is_kept] = 0.0
    leap = max(
        _find_leap(missed, triples.spans_s),
        _find_turned_leap(fit.values[_AWAY] * turned[triples.knots]),
    )
    size = float(np.linalg.norm(np.ptp(path.position_m, axis=0)))
    return _tell(fit, units, leap / size)


def _find_leap(missed: Array, spans_s: Array) -> float:
    """The longest in the path's unit, of K triples whose change of velocity misses what was felt by so much (K, 3), 0
    where they do not stand out, and whose steps take so long (K, 2).

    A leap within a step is in the two triples that share it, once as a gain of speed and once as a loss.
    """
    leaps = 0.5 * (missed[:-1] - missed[1:]) * spans_s[:-1, 1:]
    return float(np.linalg.norm(leaps, axis=1).max())


def _find_turned_leap(places: Array) -> float:
    """The longest in the path's unit, of steps between places (M, 3) that turns about the points brought a camera to; 0
    where none stands out."""
    lengths = np.linalg.norm(np.diff(places, axis=0), axis=1)
    return float(lengths[lengths > find_most_norm(lengths)].max(initial=0.0))


def _keep_recorded(path: PoseTrack, imu: ImuRecord, mount: ImuMount) -> PoseTrack:
    """The poses within the record."""
    t_s = path.t_s - mount.lag_s
    inside = (t_s >= imu.t_s[0]) & (t_s <= imu.t_s[-1])
    return PoseTrack(
        path.t_s[inside], path.position_m[inside], path.world_from_body[inside]
    )


def _steady(path: PoseTrack, imu: ImuRecord, mount: ImuMount) -> PoseTrack:
    """The poses turned as the gyroscope did."""
    curve = integrate_gyro(imu.t_s, imu.rate_rad_s - mount.gyro_bias_rad_s)
    t_s = path.t_s - mount.lag_s
    start_from_body = curve.at(t_s) @ mount.imu_from_sensor
    world_from_start = path.world_from_body @ start_from_body.mT
    sums = np.concatenate([np.zeros((1, 3, 3)), world_from_start.cumsum(axis=0)])
    first = np.searchsorted(t_s, t_s - STEADY_S)
    last = np.searchsorted(t_s, t_s + STEADY_S, side="right")
    u, _, v = np.linalg.svd(sums[last] - sums[first])
    u[:, :, 2] *= np.sign(np.linalg.det(u @ v))[:, None]
    return replace(path, world_from_body=u @ v @ start_from_body)


def _turn_about_points(path: PoseTrack, steady: PoseTrack) -> Array:
    """(N, 3): where the turns that the gyroscope did not see bring a camera about a point one unit ahead of it."""
    seen = Rotation.from_matrix(path.world_from_body @ steady.world_from_body.mT)
    ahead = steady.world_from_body[:, :, 2]
    return np.cross(ahead, seen.as_rotvec())


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
