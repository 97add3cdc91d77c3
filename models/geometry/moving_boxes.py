"""A box in space that moves: views at different times joined by a motion that is smooth, with what stays unknown.

The object keeps its shape and size; its place moves at a constant velocity that white accelerations change
(Barfoot 2017, section 3.4), and a cuboid may turn about z at a rate that white angular accelerations change. Planes of
all views and that motion are one least squares problem, so places, velocities, turns and size share one covariance, and
a place between two views has an error that grows with the time to both. How strong accelerations are, and whether it
turns, is what the views say themselves. Nothing here knows sessions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.geometry.boxes3d import (
    LEAST_M,
    OUTLYING,
    PLAUSIBLE,
    SHAPES,
    YAWS,
    Box3D,
    Planes,
    find_bound,
    measure_off,
    tell_known,
)
from models.geometry.camera import Array
from models.geometry.motion_problem import (
    MotionFit,
    MotionProblem,
    find_drift,
    find_growth,
)
from models.geometry.turning_boxes import (
    TURN_STRENGTHS,
    drop_same,
    find_nearest_form,
    list_aspects,
    mirror,
    mirror_parts,
    retrace,
    start_turning,
    wrap,
)

LEAST_TIMES = 3
# m^2/s^3: the velocity changes by the root of it in a second
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
_START = 1e-2
_STILL_DROPPED = 0.2  # share of planes: what stands is seen elsewhere in fewer
_NUM_TRACED, _NUM_MIRRORED, _NUM_SETTLED = 3, 2, 6
_ROUNDS = 2  # of noise and strength, one after the other
# of the eleven numbers that are told of a moment: place, size, yaw, velocity, rate of turn
_MOVING, _TURNING = [0, 1, 2, 7, 8, 9], [6, 10]


@dataclass(frozen=True)
class MovingBox:
    """Where a moving box is at one time, and its velocity (3,) in m/s with covariance (3, 3); of one that turns about
    z the rate in rad/s with its standard error, else None."""

    box: Box3D
    velocity_m_s: Array
    velocity_covariance: Array
    yaw_rate_rad_s: float | None
    yaw_rate_sigma_rad_s: float | None


@dataclass(frozen=True)
class Motion:
    """A box along its path. `times_s` (K,) are those of its views, increasing; `chi2` is what is left by degree of
    freedom, `num_numbers` how many numbers the views determine."""

    fit: MotionFit
    times_s: Array
    covariance: Array  # of the values of the fit
    chi2: float
    num_numbers: float
    is_used: NDArray[np.bool_]
    others: tuple[Motion, ...] = ()  # that may be the right one too

    @property
    def shape(self) -> str:
        """One of SHAPES."""
        return self.fit.shape

    @property
    def turns(self) -> bool:
        """Whether it turns about z."""
        return self.fit.turn_strength is not None

    def at(self, t_s: float) -> MovingBox:
        """At a time between the first and the last view. Raises ValueError for another."""
        weights, spare = self._find_weights(t_s)
        told = weights @ self.fit.values
        covariance = weights @ self.covariance @ weights.T + spare
        for other in self.others:
            differs = other._find_weights(t_s)[0] @ other.fit.values - told
            if not other.turns:
                differs[6] = 0.0  # a turn of one shape is none of another
            covariance = covariance + np.outer(differs, differs)
        place = covariance[:7, :7]
        box = Box3D(
            self.shape,
            told[:3],
            told[3:6],
            wrap(float(told[6])),
            place,
            tell_known(place, self.shape == "cuboid"),
            self.chi2,
            self.is_used,
        )
        rate = (float(told[10]), float(np.sqrt(covariance[10, 10])))
        velocity = told[7:10], covariance[7:10, 7:10]
        return MovingBox(box, *velocity, *(rate if self.turns else (None, None)))

    def _find_weights(self, t_s: float) -> tuple[Array, Array]:
        """(11, P) that make place, whole size, yaw, velocity and rate of turn of the values, and the covariance
        (11, 11) that time away from the views adds."""
        if not self.times_s[0] <= t_s <= self.times_s[-1]:
            raise ValueError(
                f"{t_s} s is not between its views, {self.times_s[0]} to {self.times_s[-1]} s"
            )
        k = int(np.clip(np.searchsorted(self.times_s, t_s) - 1, 0, None))
        k = min(k, len(self.times_s) - 2)
        before, after = t_s - self.times_s[k], self.times_s[k + 1] - t_s
        gap = find_growth(before + after)
        share = find_growth(before) @ find_drift(after).T @ np.linalg.inv(gap)
        rest = find_drift(before) - share @ find_drift(before + after)
        both = np.hstack([rest, share])  # (2, 4) of two times
        added = find_growth(before) - share @ find_drift(after) @ find_growth(before)
        weights, spare = np.zeros((11, len(self.fit.values))), np.zeros((11, 11))
        states = range(6 * k, 6 * k + 12)
        weights[np.ix_(_MOVING, states)] = np.kron(both, np.eye(3))
        spare[np.ix_(_MOVING, _MOVING)] = self.fit.strength * np.kron(added, np.eye(3))
        self._weigh_size(weights)
        first = self.fit.turns.start
        if self.fit.turn_strength is not None:
            turns = range(first + 2 * k, first + 2 * k + 4)
            weights[np.ix_(_TURNING, turns)] = both
            spare[np.ix_(_TURNING, _TURNING)] = self.fit.turn_strength * added
        elif self.shape == "cuboid":
            weights[6, first] = 1.0
        return weights, spare

    def _weigh_size(self, weights: Array) -> None:
        """Whole sizes of half ones: a round shape is as long as it is wide."""
        of_axis = (0, 1, 2) if self.shape == "cuboid" else (0, 0, 1)
        for axis, half in enumerate(of_axis):
            weights[3 + axis, self.fit.sizes.start + half] = 2.0


def fit_motion(planes: Planes, times_s: Array) -> Motion:
    """The motion that the planes of views at times (V,) fit best, of the shape that they fit best.

    A plane that is off by more than five standard errors, or five times what all are off by, is left out. A cuboid
    turns where that explains the planes so much better that it is none by chance. Raises ValueError for fewer than
    three times.
    """
    problem = MotionProblem.of(planes, times_s)
    if len(problem.times_s) < LEAST_TIMES:
        raise ValueError(
            f"views of {len(problem.times_s)} times: a motion is told from {LEAST_TIMES} on"
        )
    held = _fit_held(problem)
    spare = float(held.is_used.sum()) - held.num_numbers
    # what an honest turn leaves is 1 by degree of freedom
    least_chi2 = 1.0 + PLAUSIBLE / max(spare, 1.0)
    if not _leaves_something(held.chi2, held.is_used, least_chi2):
        return held
    turning = _fit_turning(problem)
    left = _measure_squares(problem, held), held.num_numbers
    return turning if _explains(problem, turning, *left) else held


def moves(planes: Planes, times_s: Array, still: Box3D, motion: Motion) -> bool:
    """Whether a motion explains the planes so much better than a box that stands still that it is none by chance: by
    the Bayesian criterion, with the noise that the motion leaves."""
    problem = MotionProblem.of(planes, times_s)
    standing = (measure_off(still, planes) / planes.measure_sigmas(still.centre_m)) ** 2
    return _explains(problem, motion, standing, 7 if still.shape == "cuboid" else 5)


def may_move(still: Box3D) -> bool:
    """Whether a box that stands still leaves anything that a motion could explain."""
    return _leaves_something(still.chi2 or 0.0, still.is_used)


# ---- below -----------------------------------------------------------------------------------------------------------


def _leaves_something(
    chi2: float, is_used: NDArray[np.bool_], least_chi2: float = 1.0
) -> bool:
    return chi2 > least_chi2 or 1.0 - float(is_used.mean()) > _STILL_DROPPED


def _measure_squares(problem: MotionProblem, motion: Motion) -> Array:
    """(N,) of what all planes are off a motion by stated standard errors."""
    return np.square(problem.look_from(motion.fit).measure(motion.fit))


def _explains(
    problem: MotionProblem, richer: Motion, squares: Array, num_numbers: float
) -> bool:
    """Whether a motion leaves so much less than the squares (N,) of a fit with fewer numbers."""
    scale = max(1.0, richer.chi2)
    most = OUTLYING**2 * scale
    gained = np.minimum(squares, most) - np.minimum(
        _measure_squares(problem, richer), most
    )
    more = richer.num_numbers - num_numbers
    return float(gained.sum()) / scale - np.log(len(squares)) * more > PLAUSIBLE


def _fit_held(problem: MotionProblem) -> Motion:
    """Of all shapes, with a turn that does not change."""
    problem = problem.look_from(_choose_shape(problem, _START)[0])
    fit, problem = _choose_strength(problem, _choose_shape(problem, _START)[0])
    kept, is_used = _drop_outliers(fit, problem)
    best, kept = _choose_strength(kept, fit)
    fits = _choose_shape(kept, best.strength)
    return _tell_all(kept, fits, is_used)


def _fit_turning(problem: MotionProblem) -> Motion:
    """Of a cuboid whose turn changes."""
    problem = problem.look_from(_settle_turning(problem)[0])
    tried = _settle_turning(problem)
    kept, is_used = _drop_outliers(*_choose_strength(problem, tried[0]))
    fits = [_find_strengths(kept, fit) for fit in tried]
    best, *rest = drop_same(sorted(fits, key=kept.weigh, reverse=True))
    least = kept.weigh(best) - PLAUSIBLE
    others = [find_nearest_form(one, best) for one in rest if kept.weigh(one) > least]
    return _tell_all(kept, [best, *others], is_used)


def _settle_turning(problem: MotionProblem) -> list[MotionFit]:
    """From several starts, with even and with changing rates; the likeliest first."""
    even = [problem.settle(fit) for fit in start_turning(problem, _START)]
    found = list(even)
    fits = [*even, *list_aspects(max(even, key=problem.weigh))]
    for _ in range(_ROUNDS):  # sizes, and the turns that suit them
        found += [problem.settle(retrace(problem, fit)) for fit in fits]
        fits = sorted(found, key=problem.weigh, reverse=True)[:_NUM_TRACED]
    some = [*even, *fits]
    some += [problem.settle(mirror(problem, fit)) for fit in some]
    best = drop_same(sorted(some, key=problem.weigh, reverse=True))[:_NUM_MIRRORED]
    parts = [part for fit in best for part in mirror_parts(problem, fit)]
    some += [problem.settle(part) for part in parts]
    return drop_same(sorted(some, key=problem.weigh, reverse=True))[:_NUM_SETTLED]


def _drop_outliers(
    fit: MotionFit, problem: MotionProblem
) -> tuple[MotionProblem, NDArray[np.bool_]]:
    """Without planes that are far off a fit, and which are not."""
    off = np.abs(problem.measure(fit))
    is_used = off <= find_bound(off)
    return problem.keep(is_used), is_used


def _choose_shape(problem: MotionProblem, strength: float) -> list[MotionFit]:
    """The best shape, and after it those that may be the right one too."""
    start = _solve_upright(problem, strength)
    fits, costs = [], []
    for shape in SHAPES:
        starts = [MotionFit(shape, strength, v) for v in _list_starts(start, shape)]
        fit, cost = problem.settle_best(starts)
        fits.append(fit)
        costs.append(
            cost + np.log(len(problem.at)) * (fit.turns.stop - fit.sizes.start)
        )
    order = np.argsort(costs, kind="stable")
    return [fits[n] for n in order if costs[n] < min(costs) + PLAUSIBLE]


def _choose_strength(
    problem: MotionProblem, fit: MotionFit
) -> tuple[MotionFit, MotionProblem]:
    """With the strengths of accelerations under which the planes are most likely, and the noise that it leaves."""
    for _ in range(_ROUNDS):
        fit = _find_strengths(problem, fit)
        problem = problem.allow(_tell(problem, fit, np.ones(0, bool)).chi2)
    return fit, problem


def _find_strengths(problem: MotionProblem, fit: MotionFit) -> MotionFit:
    tried = [problem.settle(replace(fit, strength=s)) for s in STRENGTHS]
    fit = max(tried, key=problem.weigh)
    if fit.turn_strength is None:
        return fit
    tried = [problem.settle(replace(fit, turn_strength=s)) for s in TURN_STRENGTHS]
    return max(tried, key=problem.weigh)


def _solve_upright(problem: MotionProblem, strength: float) -> Array:
    """States and half sizes of a cuboid that is not turned: all planes are linear in them."""
    across = np.abs(problem.planes.normals) / problem.sigmas[:, None]
    slopes = np.hstack([problem.place_slopes, across])
    information = slopes.T @ slopes
    count = len(problem.smoothness)
    information[:count, :count] += problem.smoothness / strength
    right = slopes.T @ (problem.planes.offsets / problem.sigmas)
    return np.asarray(np.linalg.lstsq(information, right, rcond=1e-12)[0])


def _list_starts(upright: Array, shape: str) -> list[Array]:
    states, half = upright[:-3], np.maximum(upright[-3:], 10 * LEAST_M)
    if shape == "cuboid":
        return [np.array([*states, *half, yaw]) for yaw in YAWS]
    return [np.array([*states, half[:2].mean(), half[2]])]


def _tell_all(
    problem: MotionProblem, fits: Sequence[MotionFit], is_used: NDArray[np.bool_]
) -> Motion:
    """Of the first fit; the others may be right too."""
    best, *others = (_tell(problem, fit, is_used) for fit in fits)
    return replace(best, others=tuple(others))


def _tell(problem: MotionProblem, fit: MotionFit, is_used: NDArray[np.bool_]) -> Motion:
    slopes = problem.find_slopes(fit)
    seen = slopes.T @ slopes
    covariance = np.linalg.inv(problem.find_smoothness(fit) + seen)
    number = float(np.trace(covariance @ seen))
    left = float((problem.measure(fit) ** 2).sum()) / max(len(problem.at) - number, 1.0)
    return Motion(
        fit,
        problem.times_s,
        np.asarray(covariance * max(1.0, left)),
        left * problem.noise,
        number,
        is_used,
    )
