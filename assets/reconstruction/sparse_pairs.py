"""Which pictures of a session are compared: all where they are few, else those near in time or alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ALL_UNTIL = 60  # pictures: 1,770 pairs
NEAR = 8  # views before and after, then by powers of two
FAR = (16, 32, 64)
MOST_ALIKE = 10  # pictures
_AT_ONCE = 1024

Pair = tuple[int, int]


class Pairing(NamedTuple):
    """Places of pictures, the lower first, in order; and by what rule, as the table `sparse_models` names it."""

    rule: str
    pairs: tuple[Pair, ...]


def choose_pairs(
    steps: Sequence[int | None], vectors: NDArray[np.float32] | None
) -> Pairing:
    """Of N pictures: the place of each in the order of time, pictures of one time sharing it, None where nobody knows;
    and their vectors (N, D) of unit length, NaN for a picture without one.

    Up to `ALL_UNTIL` pictures: all. Beyond that each with those up to `NEAR` steps away and at the powers of two of
    `FAR`, and with the `MOST_ALIKE` whose vectors are nearest; without order and vectors, all.
    """
    num_pictures = len(steps)
    everything = tuple(
        (a, b) for a in range(num_pictures) for b in range(a + 1, num_pictures)
    )
    timed = _pair_in_time(steps)
    alike = set() if vectors is None else _pair_alike(vectors)
    if num_pictures <= ALL_UNTIL or not timed | alike:
        return Pairing("all", everything)
    names = [name for name, found in (("time", timed), ("likeness", alike)) if found]
    return Pairing(" and ".join(names), tuple(sorted(timed | alike)))


def _pair_in_time(steps: Sequence[int | None]) -> set[Pair]:
    at: dict[int, list[int]] = {}
    for place, step in enumerate(steps):
        if step is not None:
            at.setdefault(step, []).append(place)
    ordered = [at[step] for step in sorted(at)]
    found = set()
    for here, places in enumerate(ordered):
        for away in (*range(NEAR + 1), *FAR):
            others = ordered[here + away] if here + away < len(ordered) else []
            found |= {(min(a, b), max(a, b)) for a in places for b in others if a != b}
    return found


def _pair_alike(vectors: NDArray[np.float32]) -> set[Pair]:
    (known,) = np.nonzero(np.isfinite(vectors).all(axis=1))
    unit = vectors[known]
    found = set()
    for start in range(0, len(known), _AT_ONCE):
        cosine = unit[start : start + _AT_ONCE] @ unit.T
        here = np.arange(len(cosine))
        cosine[here, start + here] = -np.inf
        nearest = np.argsort(-cosine, axis=1, kind="stable")[:, :MOST_ALIKE]
        for a, others in enumerate(nearest):
            for b in others[others != start + a]:
                pair = int(known[start + a]), int(known[b])
                found.add((min(pair), max(pair)))
    return found
