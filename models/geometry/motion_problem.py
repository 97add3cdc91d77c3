"""The least squares problem of a box that moves: planes that touch it, and a motion that white accelerations change.

Belongs here: what is left of a fit and how it settles. Does not: which fit is believed, and what is told of it. A
cuboid keeps its turn about z, or turns at a rate that white angular accelerations change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.geometry.boxes3d import LEAST_M, REACH, Planes, solve_upright
from models.geometry.camera import Array

_STEPS, _SETTLED = 15, 1e-6
_SLOPE = 1e-6


@dataclass(frozen=True)
class MotionFit:
    """A shape with the numbers of its motion. `strength` is of its accelerations in m^2/s^3, `turn_strength` of its
    angular accelerations in rad^2/s^3; None where it keeps its turn.

    `values` are place and velocity (6,) at each of K times, half sizes, and of a cuboid its yaw, or, where it turns,
    yaw and rate (2,) at each time.
    """

    shape: str
    strength: float
    values: Array
    turn_strength: float | None = None

    @property
    def num_sizes(self) -> int:
        """How many half sizes it has: a round shape is as long as it is wide."""
        return 3 if self.shape == "cuboid" else 2

    @property
    def num_times(self) -> int:
        """K."""
        if self.turn_strength is not None:
            return (len(self.values) - self.num_sizes) // 8
        return (len(self.values) - self.num_sizes) // 6

    @property
    def states(self) -> slice:
        """Of the values, place and velocity."""
        return slice(0, 6 * self.num_times)

    @property
    def sizes(self) -> slice:
        """Of the values, half sizes."""
        return slice(self.states.stop, self.states.stop + self.num_sizes)

    @property
    def turns(self) -> slice:
        """Of the values, yaw, or yaw and rate; nothing of a round shape."""
        return slice(self.sizes.stop, len(self.values))

    @property
    def places_m(self) -> Array:
        """(K, 3)."""
        return self.values[self.states].reshape(-1, 6)[:, :3]

    @property
    def yaws_rad(self) -> Array:
        """(K,) of a cuboid."""
        turns = self.values[self.turns]
        return np.broadcast_to(
            turns if self.turn_strength is None else turns[::2], self.num_times
        )


@dataclass(frozen=True)
class MotionProblem:
    """Planes, at which of `times_s` (K,) each was seen (N,), and their standard errors in m. The squares of these are
    `noise` times what was stated of the planes."""

    planes: Planes
    at: NDArray[np.int64]
    times_s: Array
    sigmas: Array
    noise: float = 1.0

    @classmethod
    def of(cls, planes: Planes, times_s: Array) -> MotionProblem:
        """Of the planes of views at times (V,), with standard errors for about where they meet."""
        times, at = np.unique(times_s[planes.views], return_inverse=True)
        sigmas = planes.measure_sigmas(solve_upright(planes)[:3])
        return cls(planes, np.asarray(at, np.int64), times, sigmas)

    def look_from(self, fit: MotionFit) -> MotionProblem:
        """With standard errors for where the fit says that it is."""
        sigmas = self.planes.measure_sigmas(fit.places_m[self.at])
        return replace(self, sigmas=sigmas, noise=1.0)

    def allow(self, noise: float) -> MotionProblem:
        """With as much noise as there is, and no less than was stated."""
        share = np.sqrt(max(noise, 1.0) / self.noise)
        return replace(self, sigmas=self.sigmas * share, noise=max(noise, 1.0))

    def keep(self, kept: NDArray[np.bool_]) -> MotionProblem:
        """Of those planes (N,) alone."""
        return replace(
            self,
            planes=self.planes.keep(kept),
            at=self.at[kept],
            sigmas=self.sigmas[kept],
        )

    def measure(self, fit: MotionFit) -> Array:
        """By how many standard errors planes are off (N,)."""
        along = (self.planes.normals * fit.places_m[self.at]).sum(axis=1)
        reach = self._find_reach(fit)
        return np.asarray((along + reach - self.planes.offsets) / self.sigmas)

    def find_slopes(self, fit: MotionFit) -> Array:
        """Derivatives of it by the values (N, P)."""
        slopes = np.zeros((len(self.at), len(fit.values)))
        slopes[:, fit.states] = self.place_slopes
        for n in range(fit.sizes.start, fit.sizes.stop):
            step = np.zeros(len(fit.values))
            step[n] = _SLOPE
            ends = [
                self._find_reach(replace(fit, values=fit.values + s))
                for s in (step, -step)
            ]
            slopes[:, n] = (ends[0] - ends[1]) / (2 * _SLOPE) / self.sigmas
        if fit.shape == "cuboid":
            first = fit.turns.start
            columns = first if fit.turn_strength is None else first + 2 * self.at
            slopes[np.arange(len(self.at)), columns] = self._find_turn_slopes(fit)
        return slopes

    @cached_property
    def place_slopes(self) -> Array:
        """(N, 6 K): derivatives by place and velocity, which no other number changes."""
        slopes = np.zeros((len(self.at), 6 * len(self.times_s)))
        rows = np.arange(len(self.at))
        for axis in range(3):
            by_axis = self.planes.normals[:, axis] / self.sigmas
            slopes[rows, 6 * self.at + axis] = by_axis
        return slopes

    @cached_property
    def smoothness(self) -> Array:
        """(6 K, 6 K): the information of a motion whose accelerations have a strength of 1."""
        return _find_smoothness(self.times_s, 3)

    @cached_property
    def turn_smoothness(self) -> Array:
        """(2 K, 2 K): that of a turn whose angular accelerations have a strength of 1."""
        return _find_smoothness(self.times_s, 1)

    def find_smoothness(self, fit: MotionFit) -> Array:
        """(P, P): the information of the motion."""
        smooth = np.zeros((len(fit.values), len(fit.values)))
        smooth[fit.states, fit.states] = self.smoothness / fit.strength
        if fit.turn_strength is not None:
            smooth[fit.turns, fit.turns] = self.turn_smoothness / fit.turn_strength
        return smooth

    def find_cost(self, fit: MotionFit) -> float:
        """What is left of planes and motion, squared."""
        states, turns = fit.values[fit.states], fit.values[fit.turns]
        bends = states @ self.smoothness @ states / fit.strength
        if fit.turn_strength is not None:
            bends += turns @ self.turn_smoothness @ turns / fit.turn_strength
        return float((self.measure(fit) ** 2).sum() + bends)

    def weigh(self, fit: MotionFit) -> float:
        """Twice the logarithm of how likely the planes are with these strengths, by Laplace, up to a constant."""
        slopes = self.find_slopes(fit)
        spread = np.linalg.slogdet(self.find_smoothness(fit) + slopes.T @ slopes)[1]
        steps = 2 * (len(self.times_s) - 1)
        free = 3 * steps * np.log(fit.strength)
        if fit.turn_strength is not None:
            free += steps * np.log(fit.turn_strength)
        return -float(self.find_cost(fit) + spread + free)

    def settle(self, fit: MotionFit) -> MotionFit:
        """Gauss and Newton, halving steps that make it worse."""
        cost, smooth = self.find_cost(fit), self.find_smoothness(fit)
        for _ in range(_STEPS):
            slopes = self.find_slopes(fit)
            information = slopes.T @ slopes + smooth
            information += 1e-9 * np.diag(np.diag(information))
            slope = slopes.T @ self.measure(fit) + smooth @ fit.values
            step = np.asarray(np.linalg.solve(information, slope))
            tried = self._step(fit, step, cost)
            if tried is None:
                return fit
            before, cost, fit = cost, self.find_cost(tried), tried
            if before - cost < _SETTLED * max(cost, 1.0):
                return fit
        return fit

    def settle_best(self, fits: Sequence[MotionFit]) -> tuple[MotionFit, float]:
        """Of several starts the one that settles lowest, and what is left there."""
        settled = [self.settle(fit) for fit in fits]
        costs = [self.find_cost(fit) for fit in settled]
        best = int(np.argmin(costs))
        return settled[best], costs[best]

    def _step(self, fit: MotionFit, step: Array, cost: float) -> MotionFit | None:
        """One step on, as far as it lowers the cost; None where it does not."""
        for share in (1.0, 0.5, 0.25, 0.1):
            values = fit.values - share * step
            values[fit.sizes] = np.maximum(values[fit.sizes], LEAST_M)
            tried = replace(fit, values=values)
            if self.find_cost(tried) <= cost:
                return tried
        return None

    def _find_reach(self, fit: MotionFit) -> Array:
        """(N,) m: how far the shape reaches along the planes' normals, from its centre."""
        half = fit.values[fit.sizes]
        if fit.shape == "cuboid":
            return np.asarray(np.abs(self._turn_back(fit)) @ half)
        return REACH[fit.shape](
            self.planes.normals, np.concatenate([np.zeros(3), half])
        )

    def _find_turn_slopes(self, fit: MotionFit) -> Array:
        """(N,): derivatives of what is left by the yaw at the time of each plane."""
        x, y, _ = self._turn_back(fit).T
        half = fit.values[fit.sizes]
        return np.asarray(
            (np.sign(x) * y * half[0] - np.sign(y) * x * half[1]) / self.sigmas
        )

    def _turn_back(self, fit: MotionFit) -> Array:
        return turn_back(self.planes.normals, fit.yaws_rad[self.at])


def turn_back(normals: Array, yaws_rad: Array) -> Array:
    """Directions (N, 3) of the world in the frames of boxes that are turned by yaws (N,) about z."""
    c, s = np.cos(yaws_rad), np.sin(yaws_rad)
    x, y, z = normals.T
    return np.column_stack([c * x + s * y, c * y - s * x, z])


def find_drift(gap_s: float) -> Array:
    """(2, 2): place and velocity after a time, of those before."""
    return np.array([[1.0, gap_s], [0.0, 1.0]])


def find_growth(gap_s: float) -> Array:
    """(2, 2): their covariance after a time of accelerations whose strength is 1."""
    return np.array([[gap_s**3 / 3, gap_s**2 / 2], [gap_s**2 / 2, gap_s]])


def _find_smoothness(times_s: Array, num_axes: int) -> Array:
    """Information of places and velocities at all times, those of an axis side by side."""
    wide = 2 * num_axes
    found = np.zeros((wide * len(times_s), wide * len(times_s)))
    for k, gap_s in enumerate(np.diff(times_s).tolist()):
        step = np.hstack([-find_drift(gap_s), np.eye(2)])
        joint = step.T @ np.linalg.inv(find_growth(gap_s)) @ step
        part = slice(wide * k, wide * k + 2 * wide)
        found[part, part] += np.kron(joint, np.eye(num_axes))
    return found
