"""Where boxes will be: constant-velocity Kalman filters of many boxes at once, and their Rauch-Tung-Striebel smoother.

A box is four numbers that move independently of each other, so a filter is four of two states, and no matrix is built.
Which four, and how much each may stray, a `Model` says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.tracking.sightings import Floats

Variances = tuple[
    Floats, Floats
]  # (N, 4) each: of the four numbers, and of their velocities


@dataclass(frozen=True)
class Model:
    """How boxes become four numbers and back, and the variances: at the start, of each step, of what is measured."""

    measure: Callable[[Floats], Floats]  # (N, 4) xyxy to (N, 4)
    draw: Callable[[Floats], Floats]  # and back
    start: Callable[[Floats], Variances]
    stray: Callable[[Floats], Variances]
    doubt: Callable[[Floats], Floats]  # (N, 4)


@dataclass
class Filters:
    """The state of N boxes: four numbers with velocities, and the three terms of each covariance."""

    model: Model
    mean: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    velocity: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    p_mean: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    p_both: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    p_velocity: Floats = field(default_factory=lambda: np.zeros((0, 4)))

    def predict(self) -> None:
        """One step on."""
        stray, stray_velocity = self.model.stray(self.mean)
        shrinks_away = self.mean[:, 2:] + self.velocity[:, 2:] <= 0  # sizes
        self.velocity[:, 2:][shrinks_away] = 0
        self.mean = self.mean + self.velocity
        self.p_mean = self.p_mean + 2 * self.p_both + self.p_velocity + stray
        self.p_both = self.p_both + self.p_velocity
        self.p_velocity = self.p_velocity + stray_velocity

    def update(self, rows: NDArray[np.int64], boxes_xyxy: Floats) -> None:
        """Take in what was measured of some of them."""
        p_mean, p_both = self.p_mean[rows], self.p_both[rows]
        total = p_mean + self.model.doubt(self.mean[rows])
        gain, gain_velocity = p_mean / total, p_both / total
        off = self.model.measure(boxes_xyxy) - self.mean[rows]
        self.mean[rows] += gain * off
        self.velocity[rows] += gain_velocity * off
        self.p_velocity[rows] -= gain_velocity * p_both
        self.p_both[rows] = (1 - gain) * p_both
        self.p_mean[rows] = (1 - gain) * p_mean

    def add(self, boxes_xyxy: Floats) -> None:
        """New ones, at rest."""
        mean = self.model.measure(boxes_xyxy)
        p_mean, p_velocity = self.model.start(mean)
        none = np.zeros_like(mean)
        self.mean = np.concatenate([self.mean, mean])
        self.velocity = np.concatenate([self.velocity, none])
        self.p_mean = np.concatenate([self.p_mean, p_mean])
        self.p_both = np.concatenate([self.p_both, none])
        self.p_velocity = np.concatenate([self.p_velocity, p_velocity])

    def keep(self, is_kept: NDArray[np.bool_]) -> None:
        """Some of them."""
        self.mean, self.velocity = self.mean[is_kept], self.velocity[is_kept]
        self.p_mean, self.p_both = self.p_mean[is_kept], self.p_both[is_kept]
        self.p_velocity = self.p_velocity[is_kept]

    @property
    def boxes_xyxy(self) -> Floats:
        """(N, 4) where they are."""
        return self.model.draw(self.mean)


# ---- models --------------------------------------------------------------------------------------------------------


def _to_area(boxes: Floats) -> Floats:
    """Centre, area, width over height."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    return np.column_stack(
        [
            boxes[:, 0] + width / 2,
            boxes[:, 1] + height / 2,
            width * height,
            width / np.maximum(height, 1e-9),
        ]
    )


def _from_area(mean: Floats) -> Floats:
    width = np.sqrt(np.maximum(mean[:, 2] * mean[:, 3], 0.0))
    height = np.divide(mean[:, 2], width, out=np.zeros_like(width), where=width > 0)
    return _around(mean, width, height)


def _to_height(boxes: Floats) -> Floats:
    """Centre, width over height, height."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    return np.column_stack(
        [
            boxes[:, 0] + width / 2,
            boxes[:, 1] + height / 2,
            width / np.maximum(height, 1e-9),
            height,
        ]
    )


def _from_height(mean: Floats) -> Floats:
    return _around(mean, mean[:, 2] * mean[:, 3], mean[:, 3])


def _to_sides(boxes: Floats) -> Floats:
    """Centre, width, height."""
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    return np.column_stack(
        [boxes[:, 0] + width / 2, boxes[:, 1] + height / 2, width, height]
    )


def _from_sides(mean: Floats) -> Floats:
    return _around(mean, mean[:, 2], mean[:, 3])


def _around(mean: Floats, width: Floats, height: Floats) -> Floats:
    width, height = np.maximum(width, 0.0), np.maximum(height, 0.0)
    return np.column_stack(
        [
            mean[:, 0] - width / 2,
            mean[:, 1] - height / 2,
            mean[:, 0] + width / 2,
            mean[:, 1] + height / 2,
        ]
    )


def _constant(*values: float) -> Callable[[Floats], Floats]:
    return lambda mean: np.broadcast_to(np.array(values), mean.shape).copy()


def _both(
    first: Callable[[Floats], Floats], second: Callable[[Floats], Floats]
) -> Callable[[Floats], Variances]:
    return lambda mean: (first(mean), second(mean))


def _by_height(share: float, fixed: float | None = None) -> Callable[[Floats], Floats]:
    """(share of the height)^2; the third number has a deviation of its own where `fixed` says one."""

    def vary(mean: Floats) -> Floats:
        found = np.repeat((share * np.abs(mean[:, 3:4])) ** 2, 4, axis=1)
        if fixed is not None:
            found[:, 2] = fixed**2
        return found

    return vary


# Bewley et al. 2016: the width over the height has no velocity
AREA = Model(
    _to_area,
    _from_area,
    _both(_constant(10, 10, 10, 10), _constant(1e4, 1e4, 1e4, 0)),
    _both(_constant(1, 1, 1, 1), _constant(0.01, 0.01, 1e-4, 0)),
    _constant(1, 1, 10, 10),
)
# Wojke et al. 2017, Zhang et al. 2022
HEIGHT = Model(
    _to_height,
    _from_height,
    _both(_by_height(2 / 20, 1e-2), _by_height(10 / 160, 1e-5)),
    _both(_by_height(1 / 20, 1e-2), _by_height(1 / 160, 1e-5)),
    _by_height(1 / 20, 1e-1),
)
# for smoothing: what a detector says of a side is off by about a thirtieth of the height
SIDES = Model(
    _to_sides,
    _from_sides,
    _both(_by_height(1 / 15), _by_height(1 / 20)),
    _both(_by_height(1 / 400), _by_height(1 / 250)),
    _by_height(1 / 25),
)
