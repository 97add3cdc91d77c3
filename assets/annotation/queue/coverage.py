"""Choose frames that lie far from all that is labelled, and from each other: greedy k-centre over vectors.

After Gonzalez (1985): each next centre is the frame farthest from all centres. The lazy form measures a frame again
only where it could be the farthest: distances never grow. Vectors are rounded so that sums of their products are exact
in float32, in whatever order they are added; so both forms choose the same frames, ties included.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float16]  # (N, D) as `round_vectors` gives them
_STEPS = 2048.0  # 2^11: products are multiples of 2^-22, and sums of them stay below 2^24 of these
_BLOCK = 4_096  # frames measured at once
_STALE_BLOCK = 256
_FARTHEST = np.float32(3.0)  # above the distance of opposite vectors


def round_vectors(vectors: NDArray[np.float32]) -> Vectors:
    """Vectors (N, D) of unit length in steps of 2^-11, which float16 holds exactly."""
    return (np.rint(vectors * _STEPS) / _STEPS).astype(np.float16)


def choose_centres(
    vectors: Vectors, known: Vectors, count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Places (K,) of the frames to take, and how far (1 - cosine) each was from those before it and the known (L, D).

    Of equals the first is taken; without any known frame the first of all is. K is `count`, or less where every frame
    left lies where a centre does.
    """
    bound, centres = _start(vectors, known)
    seen = np.zeros(len(vectors), np.int64)  # of `centres`, in each bound
    chosen: list[int] = []
    distances: list[float] = []
    while len(chosen) < min(count, len(vectors)):
        _refresh_farthest(vectors, centres, bound, seen)
        place = int(bound.argmax())
        if bound[place] <= 0:
            break
        chosen.append(place)
        distances.append(float(min(bound[place], 2.0)))
        centres.append(vectors[place])
        bound[place], seen[place] = 0.0, len(centres)
    return np.array(chosen, np.int64), np.array(distances)


def choose_centres_plainly(
    vectors: Vectors, known: Vectors, count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The same, measuring every frame at every step: what the lazy form is compared with."""
    distance, _ = _start(vectors, known)
    chosen: list[int] = []
    distances: list[float] = []
    while len(chosen) < min(count, len(vectors)):
        place = int(distance.argmax())
        if distance[place] <= 0:
            break
        chosen.append(place)
        distances.append(float(min(distance[place], 2.0)))
        distance = np.minimum(distance, _measure(vectors, vectors[place][None])[:, 0])
        distance[chosen] = 0.0
    return np.array(chosen, np.int64), np.array(distances)


def _start(
    vectors: Vectors, known: Vectors
) -> tuple[NDArray[np.float32], list[Vectors]]:
    """(N,) distance of each frame to the nearest of the known ones, and no centre yet."""
    bound = np.full(len(vectors), _FARTHEST)
    for start in range(0, len(vectors) if len(known) else 0, _BLOCK):
        block = slice(start, start + _BLOCK)
        bound[block] = _measure(vectors[block], known).min(1)
    return bound, []


def _refresh_farthest(
    vectors: Vectors,
    centres: list[Vectors],
    bound: NDArray[np.float32],
    seen: NDArray[np.int64],
) -> None:
    """Measure stale frames, those with the highest bounds first, until none left could be the farthest."""
    while True:
        stale = seen < len(centres)
        fresh = np.where(stale, -1.0, bound)
        best = fresh.max(initial=-1.0)
        waiting = np.flatnonzero(stale & (bound >= best) & (bound > 0))
        if not len(waiting):
            return
        if len(waiting) > _STALE_BLOCK:
            top = np.argpartition(-bound[waiting], _STALE_BLOCK)[:_STALE_BLOCK]
            waiting = waiting[top]
        for missed in np.unique(seen[waiting]).tolist():
            some = waiting[seen[waiting] == missed]
            to_new = _measure(vectors[some], np.stack(centres[missed:])).min(1)
            bound[some] = np.minimum(bound[some], to_new)
        seen[waiting] = len(centres)


def _measure(vectors: Vectors, others: Vectors) -> NDArray[np.float32]:
    """(N, M) 1 - cosine, exact."""
    return np.float32(1.0) - vectors.astype(np.float32) @ others.astype(np.float32).T


def spread_first(count: int) -> NDArray[np.int64]:
    """(count,) the turn of each of `count` neighbours in time, so that the first turns are spread over all of them."""
    num_bits = max(1, (count - 1).bit_length())
    places = np.arange(count)
    reversed_ = np.zeros(count, np.int64)
    for bit in range(num_bits):
        reversed_ |= ((places >> bit) & 1) << (num_bits - 1 - bit)
    return reversed_.argsort(kind="stable").argsort(kind="stable")


Read = Callable[[NDArray[np.int64]], NDArray[np.float32]]


def read_rounded(read: Read, places: NDArray[np.int64]) -> Vectors:
    """Vectors at places (K,), a block at a time, at half the memory."""
    parts = [
        round_vectors(read(places[start : start + _BLOCK]))
        for start in range(0, len(places), _BLOCK)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, 1), np.float16)
