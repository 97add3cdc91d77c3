"""Paths of boxes as all their frames say they were: a Rauch-Tung-Striebel smoother over many paths at once.

Frames without a box get the one that lies on the path. Rauch et al. 1965; the model is `motion.SIDES`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.tracking.motion import SIDES, Filters
from models.tracking.sightings import Floats, Ints


@dataclass(frozen=True)
class Paths:
    """K paths of boxes, each without a gap: rows of one path after another, M in all."""

    starts: Ints  # (K,) first frame
    lengths: Ints  # (K,) frames, at least 1
    mean: Floats  # (M, 4) centre, width, height, px
    velocity: Floats  # (M, 4) px a frame
    deviation: Floats  # (M, 4) standard, px
    velocity_deviation: Floats  # (M, 4) px a frame

    @property
    def firsts(self) -> Ints:
        """(K,) row of the first frame of each."""
        return np.cumsum(self.lengths) - self.lengths

    @property
    def lasts(self) -> Ints:
        """(K,) row of the last frame of each."""
        return np.cumsum(self.lengths) - 1

    @property
    def ends(self) -> Ints:
        """(K,) last frame."""
        return self.starts + self.lengths - 1

    @property
    def frames(self) -> Ints:
        """(M,) frame of each row."""
        ages = np.arange(len(self.mean)) - np.repeat(self.firsts, self.lengths)
        return np.repeat(self.starts, self.lengths) + ages

    @property
    def boxes_xyxy(self) -> Floats:
        """(M, 4) px."""
        return SIDES.draw(self.mean)


def smooth_paths(frames: Ints, labels: Ints, boxes_xyxy: Floats) -> Paths:
    """The paths through boxes (N, 4) in these frames, one path a label 0..K-1, each of which has a box.

    A step back or forth is taken by all paths of one age together, so what it costs grows with the longest path and
    with the rows, not with both.
    """
    if not len(frames):
        none = np.zeros((0, 4))
        number = np.zeros(0, np.int64)
        return Paths(number, number, none, none, none, none)
    num = int(labels.max()) + 1
    starts = np.full(num, np.iinfo(np.int64).max)
    ends = np.full(num, np.iinfo(np.int64).min)
    np.minimum.at(starts, labels, frames)
    np.maximum.at(ends, labels, frames)
    lengths = ends - starts + 1
    longest_first = np.argsort(-lengths, kind="stable")
    rank = np.empty(num, np.int64)
    rank[longest_first] = np.arange(num)
    # rows by age, then by rank: those of an age that a path lives to lie together
    alive = np.searchsorted(-lengths[longest_first], -np.arange(lengths.max()), "left")
    blocks = np.concatenate([[0], np.cumsum(alive)])
    measured = np.full((blocks[-1], 4), np.nan)
    measured[blocks[frames - starts[labels]] + rank[labels]] = boxes_xyxy
    forth = _filter(measured, alive, blocks)
    mean, velocity, variance, variance_of_velocity = _go_back(forth, alive, blocks)
    ages = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    rows = blocks[ages] + np.repeat(rank, lengths)
    return Paths(
        starts,
        lengths,
        mean[rows],
        velocity[rows],
        np.sqrt(np.maximum(variance[rows], 0)),
        np.sqrt(np.maximum(variance_of_velocity[rows], 0)),
    )


@dataclass(frozen=True)
class _Forth:
    """After each step, and before it had seen its box: means, velocities, and the three terms of the covariance."""

    after: tuple[Floats, ...]  # five of (M, 4)
    before: tuple[Floats, ...]


def _terms(filters: Filters) -> tuple[Floats, ...]:
    return (
        filters.mean,
        filters.velocity,
        filters.p_mean,
        filters.p_both,
        filters.p_velocity,
    )


def _filter(measured: Floats, alive: Ints, blocks: Ints) -> _Forth:
    after = tuple(np.empty_like(measured) for _ in range(5))
    before = tuple(np.empty_like(measured) for _ in range(5))
    filters = Filters(SIDES)
    filters.add(measured[: alive[0]])
    for age, count in enumerate(alive.tolist()):
        here = slice(blocks[age], blocks[age + 1])
        if age:
            filters.keep(np.arange(alive[age - 1]) < count)
            filters.predict()
        for target, term in zip(before, _terms(filters), strict=True):
            target[here] = term
        seen = np.flatnonzero(np.isfinite(measured[here, 0]))
        if age:
            filters.update(seen, measured[here][seen])
        for target, term in zip(after, _terms(filters), strict=True):
            target[here] = term
    return _Forth(after, before)


def _go_back(
    forth: _Forth, alive: Ints, blocks: Ints
) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean and velocity of all rows, from all of each path, and the variances of both."""
    mean, velocity, p_mean, p_both, p_velocity = (term.copy() for term in forth.after)
    for age in range(len(alive) - 2, -1, -1):
        count = alive[age + 1]
        here = slice(blocks[age], blocks[age] + count)
        then = slice(blocks[age + 1], blocks[age + 2])
        a, b, c = (term[then] for term in forth.before[2:])
        whole = a * c - b * b
        p, q, r = p_mean[here], p_both[here], p_velocity[here]
        # the gain: covariance of now with then, over the covariance of then
        g00 = ((p + q) * c - q * b) / whole
        g01 = (q * a - (p + q) * b) / whole
        g10 = ((q + r) * c - r * b) / whole
        g11 = (r * a - (q + r) * b) / whole
        off = mean[then] - forth.before[0][then]
        off_velocity = velocity[then] - forth.before[1][then]
        mean[here] += g00 * off + g01 * off_velocity
        velocity[here] += g10 * off + g11 * off_velocity
        d, e, f = p_mean[then] - a, p_both[then] - b, p_velocity[then] - c
        p_mean[here] = p + g00 * (g00 * d + g01 * e) + g01 * (g00 * e + g01 * f)
        p_both[here] = q + g10 * (g00 * d + g01 * e) + g11 * (g00 * e + g01 * f)
        p_velocity[here] = r + g10 * (g10 * d + g11 * e) + g11 * (g10 * e + g11 * f)
    return mean, velocity, p_mean, p_velocity
