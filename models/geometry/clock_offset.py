"""How late a camera's clock is, from what it saw: against a gyroscope, and against another camera.

A step is the move from one frame to the next. Against a gyroscope, a step's tracked points must be explained by the
turn that the gyroscope measured while the frames were really taken, and some translation; the lag that explains them
best is the offset of the clocks. Against another camera it is the same, with the turns that its own points give.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from models.geometry.camera import Camera
from models.geometry.epipolar import (
    Linearised,
    PairMoments,
    find_rigid,
    refine_rotation,
    to_unit,
)
from models.geometry.lags import Array, Lag, estimate_lag
from models.geometry.rotations import OrientationCurve, integrate_gyro
from models.geometry.tracks import Gray, track_points

MIN_POINTS = 20  # of a step
RIGID_PX = 1.0
MAX_STEP = 1.6  # times the median step: frames further apart have others between them, or a wrong stamp
FLOOR_PX2 = 0.02  # squared misfit of a good step: tracking is no better than that
MAX_EXCESS = 4.0  # times the points' own misfit: above, gyroscope and camera do not tell of one motion; 1 to 2 is usual
BIAS_PRIOR_RAD_S = 0.05
# a bias must lower the misfit by a twentieth
BIAS_ROUNDS = 3
WORTHWHILE = 0.95

# step, lags (L,) in s -> b_from_a (L, 3, 3); NaN beyond the record
Turn = Callable[["Step", Array], Array]


@dataclass(frozen=True)
class Step:
    """What two consecutive frames say about the motion between them."""

    start_s: float
    end_s: float
    rays_a: Array  # (N, 3) unit length, camera frame
    rays_b: Array
    moments: PairMoments
    turn_rad: Array  # (3,) rotation vector of b_from_a by the points alone


def measure_steps(images: Sequence[Gray], t_s: Array, camera: Camera) -> list[Step]:
    """The usable steps among consecutive frames (H, W) with their times (N,) in s.

    A step is left out when its time does not go forward by about the median step, or when it shares too few points.
    """
    steps_s = np.diff(t_s)
    if not (steps_s > 0).any():
        return []
    longest_s = MAX_STEP * float(np.median(steps_s[steps_s > 0]))
    found = []
    for k in np.flatnonzero((steps_s > 0) & (steps_s <= longest_s)).tolist():
        rays_a, rays_b = (
            camera.unproject(pixels)
            for pixels in track_points(images[k], images[k + 1])
        )
        kept, b_from_a = find_rigid(rays_a, rays_b, RIGID_PX / camera.mean_focal_px)
        if kept.sum() < MIN_POINTS:
            continue
        a, b = to_unit(rays_a[kept]), to_unit(rays_b[kept])
        turn = Rotation.from_matrix(refine_rotation(b_from_a, a, b)).as_rotvec()
        found.append(
            Step(float(t_s[k]), float(t_s[k + 1]), a, b, PairMoments.of(a, b), turn)
        )
    return found


def estimate_offset_to_gyro(
    steps: Sequence[Step],
    t_s: Array,
    rate_rad_s: Array,
    gyro_from_camera: Array,
    focal_px: float,
) -> Lag:
    """The lag of the camera's stamps behind the gyroscope's, whose samples are `t_s` (N,) and `rate_rad_s` (N, 3).

    `gyro_from_camera` is a rotation (3, 3). A constant bias of the gyroscope is estimated along with the lag and kept
    when it explains the points better. Raises ValueError, with the reason, where the data do not tell.
    """

    def turn(bias_rad_s: Array) -> Turn:
        return _follow(integrate_gyro(t_s, rate_rad_s - bias_rad_s), gyro_from_camera)

    bias = np.zeros(3)
    lag = _fit(steps, turn(bias), focal_px)
    for _ in range(BIAS_ROUNDS):
        bias = bias + gyro_from_camera @ _find_bias(
            steps, turn(bias), focal_px, lag.lag_s
        )
        again = _fit(steps, turn(bias), focal_px)
        if again.misfit >= WORTHWHILE * lag.misfit:
            break
        lag = again
    return _require_fit(lag, steps, focal_px, "gyroscope and camera")


def estimate_offset_to_camera(
    steps: Sequence[Step],
    reference: Sequence[Step],
    reference_from_camera: Array,
    focal_px: float,
) -> Lag:
    """The lag of a camera's stamps behind those of another camera of the rig.

    `reference_from_camera` is a rotation (3, 3). Raises ValueError, with the reason, where the data do not tell.
    """
    paths = _join(reference)

    def turn(step: Step, lags_s: Array) -> Array:
        start = step.start_s - lags_s
        end = step.end_s - lags_s
        turns = np.full((len(lags_s), 3), np.nan)
        for path in paths:
            inside = (start >= path.x[0]) & (end <= path.x[-1])
            turns[inside] = path(end[inside]) - path(start[inside])
        is_known = np.isfinite(turns[:, 0])
        matrices = np.full((len(lags_s), 3, 3), np.nan)
        matrices[is_known] = Rotation.from_rotvec(turns[is_known]).as_matrix()
        return np.asarray(reference_from_camera.T @ matrices @ reference_from_camera)

    return _require_fit(_fit(steps, turn, focal_px), steps, focal_px, "the cameras")


def _fit(steps: Sequence[Step], turn: Turn, focal_px: float) -> Lag:
    def misfits(lags_s: Array) -> Array:
        table = np.full((len(steps), len(lags_s)), np.nan)
        for row, step in zip(table, steps, strict=True):
            turns = turn(step, lags_s)
            is_known = np.isfinite(turns[:, 0, 0])
            row[is_known] = step.moments.residual(turns[is_known]) * focal_px**2
        return table

    return estimate_lag(misfits, FLOOR_PX2)


def _require_fit(lag: Lag, steps: Sequence[Step], focal_px: float, who: str) -> Lag:
    """The lag, where the other sensor's turns explain the points about as well as the turns that fit them best do."""
    own = [
        s.moments.residual(Rotation.from_rotvec(s.turn_rad).as_matrix()[None])[0]
        * focal_px**2
        for s in steps
    ]
    if lag.misfit > MAX_EXCESS * float(np.median(own)) + FLOOR_PX2:
        by_points = np.sqrt(np.median(own))
        miss = (
            f"{np.sqrt(lag.misfit):.2f} px are left at the best lag, "
            f"by the points alone {by_points:.2f}"
        )
        raise ValueError(
            f"{who} do not tell of one motion ({miss}): check axes, units and calibration"
        )
    return lag


def _find_bias(
    steps: Sequence[Step], turn: Turn, focal_px: float, lag_s: float
) -> Array:
    """Bias (3,) of the turn rate in the camera's axes, rad/s: one linear least-squares step over all steps."""
    normal = np.eye(3) / BIAS_PRIOR_RAD_S**2
    gradient = np.zeros(3)
    for step in steps:
        b_from_a = turn(step, np.array([lag_s]))[0]
        if np.isfinite(b_from_a).all():
            linear = Linearised.at(b_from_a, step.rays_a, step.rays_b)
            slopes = (step.end_s - step.start_s) * linear.slopes
            weight = 1.0 / (FLOOR_PX2 / focal_px**2 + float(np.mean(linear.missed**2)))
            normal += weight * slopes.T @ slopes
            gradient += weight * slopes.T @ linear.missed
    return np.asarray(-np.linalg.solve(normal, gradient))


def _follow(curve: OrientationCurve, gyro_from_camera: Array) -> Turn:
    """The camera's turn over a step, if its stamps are late by each lag: from the gyroscope's curve."""

    def turn(step: Step, lags_s: Array) -> Array:
        turns = curve.turn_between(step.start_s - lags_s, step.end_s - lags_s)
        return np.asarray(gyro_from_camera.T @ turns @ gyro_from_camera)

    return turn


def _join(steps: Sequence[Step]) -> list[CubicSpline]:
    """Summed turns over time, one curve for each stretch of steps without a break."""
    stretches: list[list[Step]] = []
    for step in steps:
        if stretches and stretches[-1][-1].end_s == step.start_s:
            stretches[-1].append(step)
        else:
            stretches.append([step])
    paths = []
    for stretch in stretches:
        t_s = np.array([stretch[0].start_s, *(s.end_s for s in stretch)])
        turns = np.cumsum([np.zeros(3), *(s.turn_rad for s in stretch)], axis=0)
        if len(t_s) >= 4:
            paths.append(CubicSpline(t_s, turns))
    return paths
