"""How late a camera's clock is, from what it saw: against a gyroscope, and against another camera.

A step is the move from one frame to the next. Against a gyroscope, a step's tracked points must be explained by the
turn that the gyroscope measured while the frames were really taken, and some translation; the lag that explains them
best is the offset of the clocks. Against another camera it is the same, with the turns that its own points give.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from models.geometry.camera import Camera
from models.geometry.epipolar import (
    NormalEquations,
    PairMoments,
    find_rigid,
    find_steadfast,
    keep_known,
    refine_rotations,
)
from models.geometry.lags import Array, Lag, estimate_lag
from models.geometry.rotations import OrientationCurve, integrate_gyro
from models.geometry.tracks import WINDOW_PX, Gray, track_points

MIN_POINTS = 20  # of a step
RIGID_PX = 1.0
MAX_STEP = 1.6  # times the median step: frames further apart have others between them, or a wrong stamp
FLOOR_PX2 = 0.02  # squared misfit of a good step: tracking is no better than that
MAX_EXCESS = 4.0  # times the points' own misfit: above, gyroscope and camera do not tell of one motion; 1 to 2 is usual
BIAS_PRIOR_RAD_S = 0.05
# a bias must lower the misfit by a twentieth
BIAS_ROUNDS = 3
WORTHWHILE = 0.95

# lags (L,) in s -> b_from_a (K, L, 3, 3) of K steps; NaN beyond the record
Turn = Callable[[Array], Array]
# rays (N, 3) of both frames and a tolerance in rad -> which to keep (N,), and b_from_a (3, 3) by them
Choose = Callable[[Array, Array, float], tuple[NDArray[np.bool_], Array]]


@dataclass(frozen=True)
class Following:
    """How points are followed from a frame to the next, and which of them count."""

    window_px: int
    choose: Choose


QUICK = Following(WINDOW_PX, find_rigid)
# beside an edge half of a large window moves otherwise
STEADFAST = Following(10, find_steadfast)


@dataclass(frozen=True)
class Step:
    """What two consecutive frames say about the motion between them."""

    start_s: float
    end_s: float
    moments: PairMoments  # camera frame
    turn_rad: Array  # (3,) rotation vector of b_from_a by the points alone


def measure_steps(
    images: Sequence[Gray],
    t_s: Array,
    camera: Camera,
    points: Following = QUICK,
) -> list[Step]:
    """The usable steps among consecutive frames (H, W) with their times (N,) in s.

    A step is left out when its time does not go forward by about the median step, or when it shares too few points.
    """
    steps_s = np.diff(t_s)
    if not (steps_s > 0).any():
        return []
    longest_s = MAX_STEP * float(np.median(steps_s[steps_s > 0]))
    times, moments, guesses = [], [], []
    for k in np.flatnonzero((steps_s > 0) & (steps_s <= longest_s)).tolist():
        before, after = track_points(images[k], images[k + 1], points.window_px)
        rays_a, rays_b = keep_known(camera.unproject(before), camera.unproject(after))
        kept, b_from_a = points.choose(rays_a, rays_b, RIGID_PX / camera.mean_focal_px)
        if kept.sum() < MIN_POINTS:
            continue
        times.append((float(t_s[k]), float(t_s[k + 1])))
        moments.append(PairMoments.of(rays_a[kept], rays_b[kept]))
        guesses.append(b_from_a)
    if not times:
        return []
    refined = refine_rotations(np.stack(guesses), PairMoments.stack(moments))
    turns = Rotation.from_matrix(refined).as_rotvec()
    found = zip(times, moments, turns, strict=True)
    return [Step(*time_s, pair, turn) for time_s, pair, turn in found]


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

    film = _Film.of(steps)

    def turn(bias_rad_s: Array) -> Turn:
        curve = integrate_gyro(t_s, rate_rad_s - bias_rad_s)
        return _follow(film, curve, gyro_from_camera)

    bias = np.zeros(3)
    lag = _fit(film, turn(bias), focal_px)
    for _ in range(BIAS_ROUNDS):
        bias = bias + gyro_from_camera @ _find_bias(
            film, turn(bias), focal_px, lag.lag_s
        )
        again = _fit(film, turn(bias), focal_px)
        if again.misfit >= WORTHWHILE * lag.misfit:
            break
        lag = again
    return _require_fit(lag, film, focal_px, "gyroscope and camera")


def estimate_offset_to_camera(
    steps: Sequence[Step],
    reference: Sequence[Step],
    reference_from_camera: Array,
    focal_px: float,
) -> Lag:
    """The lag of a camera's stamps behind those of another camera of the rig.

    `reference_from_camera` is a rotation (3, 3). Raises ValueError, with the reason, where the data do not tell.
    """
    film = _Film.of(steps)
    paths = _join(reference)

    def turn(lags_s: Array) -> Array:
        start = film.start_s[:, None] - lags_s
        end = film.end_s[:, None] - lags_s
        turns = np.full((*start.shape, 3), np.nan)
        for path in paths:
            inside = (start >= path.x[0]) & (end <= path.x[-1])
            turns[inside] = path(end[inside]) - path(start[inside])
        is_known = np.isfinite(turns[..., 0])
        matrices = np.full((*start.shape, 3, 3), np.nan)
        matrices[is_known] = Rotation.from_rotvec(turns[is_known]).as_matrix()
        return np.asarray(reference_from_camera.T @ matrices @ reference_from_camera)

    return _require_fit(_fit(film, turn, focal_px), film, focal_px, "the cameras")


@dataclass(frozen=True)
class _Film:
    """K steps side by side."""

    start_s: Array  # (K,)
    end_s: Array
    moments: PairMoments
    turn_rad: Array  # (K, 3)

    @classmethod
    def of(cls, steps: Sequence[Step]) -> _Film:
        return cls(
            np.array([s.start_s for s in steps]),
            np.array([s.end_s for s in steps]),
            PairMoments.stack([s.moments for s in steps]),
            np.array([s.turn_rad for s in steps]).reshape(-1, 3),
        )


def _fit(film: _Film, turn: Turn, focal_px: float) -> Lag:
    def misfits(lags_s: Array) -> Array:
        turns = turn(lags_s)
        is_known = np.isfinite(turns[..., 0, 0])
        turns[~is_known] = np.eye(3)
        table = film.moments.residual(turns) * focal_px**2
        table[~is_known] = np.nan
        return table

    return estimate_lag(misfits, FLOOR_PX2)


def _require_fit(lag: Lag, film: _Film, focal_px: float, who: str) -> Lag:
    """The lag, where the other sensor's turns explain the points about as well as the turns that fit them best do."""
    turns = Rotation.from_rotvec(film.turn_rad).as_matrix()
    own = float(np.median(film.moments.residual(turns[:, None]))) * focal_px**2
    if lag.misfit > MAX_EXCESS * own + FLOOR_PX2:
        miss = (
            f"{np.sqrt(lag.misfit):.2f} px are left at the best lag, "
            f"by the points alone {np.sqrt(own):.2f}"
        )
        raise ValueError(
            f"{who} do not tell of one motion ({miss}): check axes, units and calibration"
        )
    return lag


def _find_bias(film: _Film, turn: Turn, focal_px: float, lag_s: float) -> Array:
    """Bias (3,) of the turn rate in the camera's axes, rad/s: one linear least-squares step over all steps."""
    b_from_a = turn(np.array([lag_s]))[:, 0]
    is_known = np.isfinite(b_from_a[:, 0, 0])
    steps_s = (film.end_s - film.start_s)[is_known]
    moments = film.moments.choose(is_known)
    step = NormalEquations.at(b_from_a[is_known], moments)
    weights = 1.0 / (FLOOR_PX2 / focal_px**2 + step.missed / moments.num_points)
    normal = np.eye(3) / BIAS_PRIOR_RAD_S**2 + np.einsum(
        "k,kij->ij", weights * steps_s**2, step.normal
    )
    gradient = np.einsum("k,ki->i", weights * steps_s, step.gradient)
    return np.asarray(-np.linalg.solve(normal, gradient))


def _follow(film: _Film, curve: OrientationCurve, gyro_from_camera: Array) -> Turn:
    """The camera's turns, if its stamps are late by each lag: from the gyroscope's curve."""

    # most steps begin where one ends
    times_s, places = np.unique(
        np.concatenate([film.start_s, film.end_s]), return_inverse=True
    )
    starts, ends = np.split(places, 2)

    def turn(lags_s: Array) -> Array:
        camera = curve.at(times_s[:, None] - lags_s) @ gyro_from_camera
        return np.asarray(camera[ends].mT @ camera[starts])

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
