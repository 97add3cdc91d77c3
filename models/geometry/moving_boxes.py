"""A box in space that moves: views at different times joined by a motion that is smooth, with what stays unknown.

The object keeps its shape, size and turn; its place moves at a constant velocity that white accelerations change
(Barfoot 2017, section 3.4). Planes of all views and that motion are one least squares problem, so places, velocities
and size share one covariance, and a place between two views has an error that grows with the time to both. How strong
accelerations are is what the views say themselves. Nothing here knows sessions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.geometry.boxes3d import (
    LEAST_M,
    OUTLYING,
    PLAUSIBLE,
    REACH,
    SHAPES,
    YAWS,
    Box3D,
    Planes,
    find_bound,
    measure_off,
    solve_upright,
    tell_known,
)
from models.geometry.camera import Array

LEAST_TIMES = 3
# m^2/s^3: the velocity changes by the root of it in a second
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
_START = 1e-2
_STILL_DROPPED = 0.2  # share of planes: what stands is seen elsewhere in fewer
_STEPS, _SETTLED = 15, 1e-6
_ROUNDS = 2  # of noise and strength, one after the other
_SLOPE = 1e-6


@dataclass(frozen=True)
class MovingBox:
    """Where a moving box is at one time, and its velocity (3,) in m/s with covariance (3, 3)."""

    box: Box3D
    velocity_m_s: Array
    velocity_covariance: Array


@dataclass(frozen=True)
class Motion:
    """A box along its path. `times_s` (K,) are those of its views, increasing; `strength` is of its accelerations in
    m^2/s^3; `chi2` is what is left by degree of freedom."""

    shape: str
    times_s: Array
    strength: float
    values: Array  # (6 K + P,): place and velocity at each time, then half sizes and of a cuboid its turn
    covariance: Array
    chi2: float
    num_numbers: float  # that the views determine
    is_used: NDArray[np.bool_]
    others: tuple[Motion, ...] = ()  # of shapes that may be the right one too

    def at(self, t_s: float) -> MovingBox:
        """At a time between the first and the last view. Raises ValueError for another."""
        weights, spare = self._find_weights(t_s)
        told = weights @ self.values
        covariance = weights @ self.covariance @ weights.T
        covariance[np.ix_(_MOVING, _MOVING)] += spare
        for other in self.others:
            differs = other._find_weights(t_s)[0] @ other.values - told
            # a turn of one shape is none of another
            differs[6] = 0.0
            covariance = covariance + np.outer(differs, differs)
        sigmas = tell_known(covariance[:7, :7], self.shape == "cuboid")
        box = Box3D(
            self.shape,
            told[:3],
            told[3:6],
            float(told[6]),
            covariance[:7, :7],
            sigmas,
            self.chi2,
            self.is_used,
        )
        return MovingBox(box, told[7:], covariance[7:, 7:])

    def _find_weights(self, t_s: float) -> tuple[Array, Array]:
        """(10, 6 K + P) that make place, whole size, turn and velocity of the values, and the covariance (6, 6) of
        place and velocity that time away from the views adds."""
        if not self.times_s[0] <= t_s <= self.times_s[-1]:
            raise ValueError(
                f"{t_s} s is not between its views, {self.times_s[0]} to {self.times_s[-1]} s"
            )
        k = int(np.clip(np.searchsorted(self.times_s, t_s) - 1, 0, None))
        k = min(k, len(self.times_s) - 2)
        before, after = t_s - self.times_s[k], self.times_s[k + 1] - t_s
        gap = _find_growth(before + after)
        share = _find_growth(before) @ _find_drift(after).T @ np.linalg.inv(gap)
        rest = _find_drift(before) - share @ _find_drift(before + after)
        added = _find_growth(before) - share @ _find_drift(after) @ _find_growth(before)
        weights = np.zeros((10, len(self.values)))
        weights[np.ix_(_MOVING, range(6 * k, 6 * k + 6))] = np.kron(rest, np.eye(3))
        weights[np.ix_(_MOVING, range(6 * k + 6, 6 * k + 12))] = np.kron(
            share, np.eye(3)
        )
        sizes = 6 * len(self.times_s)
        if self.shape == "cuboid":
            weights[3:6, sizes : sizes + 3] = 2 * np.eye(3)
            weights[6, sizes + 3] = 1.0
        else:
            weights[[3, 4], sizes] = 2.0
            weights[5, sizes + 1] = 2.0
        return weights, np.asarray(self.strength * np.kron(added, np.eye(3)))


_MOVING = [0, 1, 2, 7, 8, 9]  # place and velocity among the ten numbers


def fit_motion(planes: Planes, times_s: Array) -> Motion:
    """The motion that the planes of views at times (V,) fit best, of the shape that they fit best.

    A plane that is off by more than five standard errors, or five times what all are off by, is left out. Raises
    ValueError for fewer than three times.
    """
    problem = _Problem.of(planes, times_s)
    if len(problem.times_s) < LEAST_TIMES:
        raise ValueError(
            f"views of {len(problem.times_s)} times: a motion is told from {LEAST_TIMES} on"
        )
    problem = problem.look_from(_choose_shape(problem, _START)[0])
    first = _choose_shape(problem, _START)[0]
    fit, problem = _choose_strength(problem, first)
    off = np.abs(problem.measure(fit))
    is_used = off <= find_bound(off)
    kept = problem.keep(is_used)
    best, kept = _choose_strength(kept, fit)
    fits = _choose_shape(kept, best.strength)
    told = [kept.tell(one, is_used) for one in fits]
    return replace(told[0], others=tuple(told[1:]))


def moves(planes: Planes, times_s: Array, still: Box3D, motion: Motion) -> bool:
    """Whether a motion explains the planes so much better than a box that stands still that it is none by chance: by
    the Bayesian criterion, with the noise that the motion leaves."""
    problem = _Problem.of(planes, times_s)
    scale = max(1.0, motion.chi2)
    found = _Fit(motion.shape, motion.strength, motion.values)
    moving = np.minimum(
        problem.look_from(found).measure(found) ** 2, OUTLYING**2 * scale
    )
    sigmas = planes.measure_sigmas(still.centre_m)
    standing = np.minimum(
        (measure_off(still, planes) / sigmas) ** 2, OUTLYING**2 * scale
    )
    more = motion.num_numbers - (7 if still.shape == "cuboid" else 5)
    gained = float(standing.sum() - moving.sum()) / scale
    return gained - np.log(len(sigmas)) * more > PLAUSIBLE


def may_move(still: Box3D) -> bool:
    """Whether a box that stands still leaves anything that a motion could explain."""
    dropped = 1.0 - float(still.is_used.mean())
    return (still.chi2 or 0.0) > 1.0 or dropped > _STILL_DROPPED


# ---- below -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Fit:
    shape: str
    strength: float
    values: Array

    @property
    def num_sizes(self) -> int:
        return 4 if self.shape == "cuboid" else 2

    @property
    def places_m(self) -> Array:
        """(K, 3)."""
        return self.values[: -self.num_sizes].reshape(-1, 6)[:, :3]


@dataclass(frozen=True)
class _Problem:
    """Planes, at which of `times_s` (K,) each was seen (N,), and their standard errors in m. The squares of these are
    `noise` times what was stated of the planes."""

    planes: Planes
    at: NDArray[np.int64]
    times_s: Array
    sigmas: Array
    noise: float = 1.0

    @classmethod
    def of(cls, planes: Planes, times_s: Array) -> _Problem:
        times, at = np.unique(times_s[planes.views], return_inverse=True)
        sigmas = planes.measure_sigmas(solve_upright(planes)[:3])
        return cls(planes, np.asarray(at, np.int64), times, sigmas)

    def look_from(self, fit: _Fit) -> _Problem:
        """With standard errors for where the fit says that it is."""
        sigmas = self.planes.measure_sigmas(fit.places_m[self.at])
        return replace(self, sigmas=sigmas, noise=1.0)

    def allow(self, noise: float) -> _Problem:
        """With as much noise as there is, and no less than was stated."""
        share = np.sqrt(max(noise, 1.0) / self.noise)
        return replace(self, sigmas=self.sigmas * share, noise=max(noise, 1.0))

    def keep(self, kept: NDArray[np.bool_]) -> _Problem:
        return replace(
            self,
            planes=self.planes.keep(kept),
            at=self.at[kept],
            sigmas=self.sigmas[kept],
        )

    def measure(self, fit: _Fit) -> Array:
        """By how many standard errors planes are off (N,)."""
        reach = REACH[fit.shape](self.planes.normals, _pad(fit))
        along = (self.planes.normals * fit.places_m[self.at]).sum(axis=1)
        return np.asarray((along + reach - self.planes.offsets) / self.sigmas)

    def find_slopes(self, fit: _Fit) -> Array:
        """Derivatives of it by the values (N, 6 K + P)."""
        normals = self.planes.normals
        slopes = np.zeros((len(self.at), len(fit.values)))
        rows = np.arange(len(self.at))
        for axis in range(3):
            slopes[rows, 6 * self.at + axis] = normals[:, axis]
        for n in range(len(fit.values) - fit.num_sizes, len(fit.values)):
            step = np.zeros(len(fit.values))
            step[n] = _SLOPE
            ends = [
                REACH[fit.shape](normals, _pad(replace(fit, values=fit.values + s)))
                for s in (step, -step)
            ]
            slopes[:, n] = (ends[0] - ends[1]) / (2 * _SLOPE)
        return np.asarray(slopes / self.sigmas[:, None])

    @cached_property
    def smoothness(self) -> Array:
        """(6 K, 6 K): the information of a motion whose accelerations have a strength of 1."""
        count = 6 * len(self.times_s)
        found = np.zeros((count, count))
        for k, gap_s in enumerate(np.diff(self.times_s).tolist()):
            step = np.hstack([-_find_drift(gap_s), np.eye(2)])
            joint = step.T @ np.linalg.inv(_find_growth(gap_s)) @ step
            part = slice(6 * k, 6 * k + 12)
            found[part, part] += np.kron(joint, np.eye(3))
        return found

    def find_smoothness(self, fit: _Fit) -> Array:
        """(6 K + P, 6 K + P): the information of the motion."""
        smooth = np.zeros((len(fit.values), len(fit.values)))
        count = len(self.smoothness)
        smooth[:count, :count] = self.smoothness / fit.strength
        return smooth

    def find_cost(self, fit: _Fit) -> float:
        """What is left of planes and motion, squared."""
        states = fit.values[: -fit.num_sizes]
        bends = states @ self.smoothness @ states / fit.strength
        return float((self.measure(fit) ** 2).sum() + bends)

    def weigh(self, fit: _Fit) -> float:
        """Twice the logarithm of how likely the planes are with this strength, by Laplace, up to a constant."""
        slopes = self.find_slopes(fit)
        spread = np.linalg.slogdet(self.find_smoothness(fit) + slopes.T @ slopes)[1]
        steps = 6 * (len(self.times_s) - 1)
        return -float(self.find_cost(fit) + spread + steps * np.log(fit.strength))

    def tell(self, fit: _Fit, is_used: NDArray[np.bool_]) -> Motion:
        slopes = self.find_slopes(fit)
        seen = slopes.T @ slopes
        covariance = np.linalg.inv(self.find_smoothness(fit) + seen)
        number = float(np.trace(covariance @ seen))
        left = float((self.measure(fit) ** 2).sum()) / max(len(self.at) - number, 1.0)
        return Motion(
            fit.shape,
            self.times_s,
            fit.strength,
            fit.values,
            np.asarray(covariance * max(1.0, left)),
            left * self.noise,
            number,
            is_used,
        )


def _choose_shape(problem: _Problem, strength: float) -> list[_Fit]:
    """The best shape, and after it those that may be the right one too."""
    start = _solve_upright(problem, strength)
    fits, costs = [], []
    for shape in SHAPES:
        tried = [
            _settle(problem, _Fit(shape, strength, values))
            for values in _list_starts(start, shape)
        ]
        found = [problem.find_cost(fit) for fit in tried]
        fits.append(tried[int(np.argmin(found))])
        costs.append(min(found) + np.log(len(problem.at)) * fits[-1].num_sizes)
    order = np.argsort(costs, kind="stable")
    return [fits[n] for n in order if costs[n] < min(costs) + PLAUSIBLE]


def _choose_strength(problem: _Problem, fit: _Fit) -> tuple[_Fit, _Problem]:
    """With the strength of accelerations under which the planes are most likely, and the noise that it leaves."""
    for _ in range(_ROUNDS):
        tried = [_settle(problem, replace(fit, strength=s)) for s in STRENGTHS]
        fit = max(tried, key=problem.weigh)
        problem = problem.allow(problem.tell(fit, np.ones(0, bool)).chi2)
    return fit, problem


def _solve_upright(problem: _Problem, strength: float) -> Array:
    """States and half sizes of a cuboid that is not turned: all planes are linear in them."""
    normals, count = problem.planes.normals, 6 * len(problem.times_s)
    blank = _Fit("cuboid", strength, np.zeros(count + 4))
    slopes = problem.find_slopes(blank)[:, : count + 3]
    slopes[:, count:] = np.abs(normals) / problem.sigmas[:, None]
    information = slopes.T @ slopes
    information[:count, :count] += problem.smoothness / strength
    right = slopes.T @ (problem.planes.offsets / problem.sigmas)
    return np.asarray(np.linalg.lstsq(information, right, rcond=1e-12)[0])


def _list_starts(upright: Array, shape: str) -> list[Array]:
    states, half = upright[:-3], np.maximum(upright[-3:], 10 * LEAST_M)
    if shape == "cuboid":
        return [np.array([*states, *half, yaw]) for yaw in YAWS]
    return [np.array([*states, half[:2].mean(), half[2]])]


def _settle(problem: _Problem, fit: _Fit) -> _Fit:
    """Gauss and Newton, halving steps that make it worse."""
    cost, smooth = problem.find_cost(fit), problem.find_smoothness(fit)
    for _ in range(_STEPS):
        slopes = problem.find_slopes(fit)
        information = slopes.T @ slopes + smooth
        information += 1e-9 * np.diag(np.diag(information))
        slope = slopes.T @ problem.measure(fit) + smooth @ fit.values
        step = np.asarray(np.linalg.solve(information, slope))
        tried = _step(problem, fit, step, cost)
        if tried is None:
            return fit
        before, cost, fit = cost, problem.find_cost(tried), tried
        if before - cost < _SETTLED * max(cost, 1.0):
            return fit
    return fit


def _step(problem: _Problem, fit: _Fit, step: Array, cost: float) -> _Fit | None:
    """One step on, as far as it lowers the cost; None where it does not."""
    for share in (1.0, 0.5, 0.25, 0.1):
        values = fit.values - share * step
        lengths = values[-fit.num_sizes :][: 3 if fit.shape == "cuboid" else 2]
        np.maximum(lengths, LEAST_M, out=lengths)
        tried = replace(fit, values=values)
        if problem.find_cost(tried) <= cost:
            return tried
    return None


def _pad(fit: _Fit) -> Array:
    """The numbers that a shape's reach takes: its centre is left out there."""
    return np.concatenate([np.zeros(3), fit.values[-fit.num_sizes :]])


def _find_drift(gap_s: float) -> Array:
    """(2, 2): place and velocity after a time, of those before."""
    return np.array([[1.0, gap_s], [0.0, 1.0]])


def _find_growth(gap_s: float) -> Array:
    """(2, 2): their covariance after a time of accelerations whose strength is 1."""
    return np.array([[gap_s**3 / 3, gap_s**2 / 2], [gap_s**2 / 2, gap_s]])
