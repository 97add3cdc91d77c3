"""Find near-duplicate frames: alike in perceptual hash and in embedding.

The hash finds the candidates (`assets.curation.hamming`), and only their vectors are read and compared. A cosine is the
sum of the products of the stored values, rounded once to a float64: neither the order of a sum nor the size of a
block decides on a pair at the border.
"""

from __future__ import annotations

from collections.abc import Callable
from math import fsum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from assets.curation.components import Components, Nodes
from assets.curation.hamming import is_near, list_near_pairs

MIN_COSINE = 0.97  # of ImageNet's EfficientNet-Lite0 features
_MAX_DISTANCE = 0.07  # as a share of the median: what 0.03 is in those features, on simulated recordings
# of the median distance: below, float32 tells frames apart, not the encoder
_MIN_SPREAD = 1e-5
MOST_SAMPLED = 1000
# bounds on the error of a sum of 1,280 products of unit vectors in any order: 1,280 times half a last place of 1, and
# some more
_ERROR_FLOAT32 = 1e-4
_ERROR_FLOAT64 = 1e-12
_ROWS = 4096  # compared at once, two vectors each: 40 MiB
_WAITING = 1 << 20  # pairs, until they are compared in the order of the table
_DENSE = 4096  # pairs that are compared as a matrix where they fill a good part of one
_MIN_SHARE = 1 / 32
_BLOCK = 256  # rows of such a matrix at once

_Verdict = TypeVar("_Verdict", bound=np.generic)
Vectors = Callable[[Nodes], NDArray[np.float32]]  # indices (N,) -> (N, D)


def find_clusters(
    vectors: Vectors,
    bits: NDArray[np.uint64],
    min_cosine: float = MIN_COSINE,
    known: Nodes | None = None,
) -> Nodes:
    """Group frames that are connected by near-duplicate pairs.

    vectors: gives those of some frames, of about unit length; frames that lie side by side are read together. bits:
    (N,) perceptual hashes. known: (N,) what an earlier search found: the index of a frame in the same cluster (its own
    where it has no other), or -1 for a frame to compare with all. It must hold whole clusters: one that lost a member
    or had one changed is not known. Returns (N,) the smallest index of each frame's cluster.
    """
    components = Components(len(bits))
    is_sought = np.ones(len(bits), bool)
    if known is not None:
        is_sought = known < 0
        components.join(np.flatnonzero(~is_sought), known[~is_sought])
    search = _Search(vectors, bits, min_cosine, components)
    # a recording is joined from one frame to the next before anything else is looked for
    rows = np.flatnonzero(
        is_near(bits[:-1], bits[1:]) & (is_sought[:-1] | is_sought[1:])
    )
    search.compare(rows, rows + 1)
    waiting: list[tuple[Nodes, Nodes]] = []
    num_waiting = 0
    for pairs in list_near_pairs(bits, is_sought, components):
        if search.compare_dense(*pairs):
            continue
        waiting.append(pairs)
        num_waiting += len(pairs[0])
        if num_waiting >= _WAITING:
            search.compare(*map(np.concatenate, zip(*waiting, strict=True)))
            waiting = []
            num_waiting = 0
    if waiting:
        search.compare(*map(np.concatenate, zip(*waiting, strict=True)))
    return _name_by_first(components.find(np.arange(len(bits))))


def measure_similarity(
    vectors: Vectors, rows: Nodes, columns: Nodes
) -> NDArray[np.float64]:
    """(N,) the cosines of frames `rows` and `columns` (N,), rounded to the nearest float32: exact, in any order."""
    found = np.ones(len(rows))
    order = np.argsort(rows, kind="stable")
    for start in range(0, len(order), _ROWS):
        part = order[start : start + _ROWS]
        left, right = _read_pairs(vectors, rows[part], columns[part])
        found[part] = _multiply(left, right, lambda sums: sums.astype(np.float32))
    return found


def choose_sample(count: int) -> Nodes:
    """The frames, of `count`, that `find_min_cosine` takes."""
    return np.linspace(0, count - 1, min(count, MOST_SAMPLED)).astype(np.int64)


def find_min_cosine(vectors: NDArray[np.float32]) -> float:
    """How alike near-duplicates must be in features that no threshold was tried on: (N, D) of unit length.

    Encoders use more or less of the sphere. So a distance (1 - cosine) counts as small beside the median of those
    between frames, and never where 0.97 would not do. Raises ValueError where the vectors are all alike.
    """
    pairs = np.triu_indices(len(vectors), 1)
    median = (
        float(np.median(1.0 - (vectors @ vectors.T)[pairs]))
        if len(vectors) > 1
        else 1.0
    )
    if not median >= _MIN_SPREAD:
        raise ValueError(
            f"the encoder gives nearly one vector for all of {len(vectors)} frames (median distance "
            f"{median:.1g}): it has collapsed; train it longer or at another rate"
        )
    return max(MIN_COSINE, 1.0 - _MAX_DISTANCE * median)


class _Search:
    """Compares candidates, and joins those that are alike."""

    def __init__(
        self,
        vectors: Vectors,
        bits: NDArray[np.uint64],
        min_cosine: float,
        components: Components,
    ) -> None:
        self._vectors = vectors
        self._bits = bits
        self._min_cosine = min_cosine
        self._components = components

    def compare(self, rows: Nodes, columns: Nodes) -> None:
        """Compare pairs with near hashes, (N,) each, in the order of the frames."""
        rows, columns = np.minimum(rows, columns), np.maximum(rows, columns)
        order = np.lexsort((columns, rows))
        for start in range(0, len(order), _ROWS):
            part = order[start : start + _ROWS]
            is_apart = self._components.find(rows[part]) != self._components.find(
                columns[part]
            )
            part = part[is_apart]
            if not len(part):
                continue
            left, right = _read_pairs(self._vectors, rows[part], columns[part])
            cosines = np.einsum("nd,nd->n", left, right)
            margin = _find_margin(left, right)
            is_alike = cosines >= self._min_cosine + margin
            is_close = ~is_alike & (cosines >= self._min_cosine - margin)
            is_alike[is_close] = self._is_alike(left[is_close], right[is_close])
            self._components.join(rows[part[is_alike]], columns[part[is_alike]])

    def compare_dense(self, rows: Nodes, columns: Nodes) -> bool:
        """Compare pairs with near hashes as a matrix, with others of it, where they fill enough of one."""
        if len(rows) < _DENSE:
            return False
        rows, row = np.unique(rows, return_inverse=True)
        columns = np.unique(columns)
        if len(row) < _MIN_SHARE * len(rows) * len(columns):
            return False
        for start in range(0, len(rows), _ROWS):
            left = self._vectors(rows[start : start + _ROWS])
            for begin in range(0, len(columns), _ROWS):
                some = columns[begin : begin + _ROWS]
                right = self._vectors(some)
                for n in range(0, len(left), _BLOCK):
                    self._compare_all(
                        rows[start + n : start + n + _BLOCK],
                        some,
                        left[n : n + _BLOCK],
                        right,
                    )
        return True

    def _compare_all(
        self,
        rows: Nodes,
        columns: Nodes,
        left: NDArray[np.float32],
        right: NDArray[np.float32],
    ) -> None:
        """Compare each of `rows` with each of `columns`; left and right: their vectors."""
        asked = is_near(self._bits[rows][:, None], self._bits[columns])
        asked &= self._components.find(rows)[:, None] != self._components.find(columns)
        if not asked.any():
            return
        cosines = left @ right.T  # (rows, columns)
        margin = _find_margin(left, right)
        row, column = np.nonzero(asked & (cosines >= self._min_cosine + margin))
        self._components.join(rows[row], columns[column])
        asked &= (cosines >= self._min_cosine - margin) & (
            cosines < self._min_cosine + margin
        )
        row, column = np.nonzero(asked)
        for start in range(0, len(row), _ROWS):
            at = row[start : start + _ROWS], column[start : start + _ROWS]
            is_apart = self._components.find(rows[at[0]]) != self._components.find(
                columns[at[1]]
            )
            at = at[0][is_apart], at[1][is_apart]
            is_alike = self._is_alike(left[at[0]], right[at[1]])
            self._components.join(rows[at[0][is_alike]], columns[at[1][is_alike]])

    def _is_alike(
        self, left: NDArray[np.float32], right: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        return np.asarray(_multiply(left, right, lambda sums: sums >= self._min_cosine))


def _read_pairs(
    vectors: Vectors, rows: Nodes, columns: Nodes
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    frames, places = np.unique(np.concatenate([rows, columns]), return_inverse=True)
    read = vectors(frames)
    return read[places[: len(rows)]], read[places[len(rows) :]]


def _multiply(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    decide: Callable[[NDArray[np.float64]], NDArray[_Verdict]],
) -> NDArray[_Verdict]:
    """(N,) what `decide` makes of the exact scalar products of rows of `left` and `right` (N, D).

    A product of two float32 is exact in float64. Where the error of their sum could change the answer, which is rare,
    they are summed without one.
    """
    products = left.astype(np.float64) * right  # (N, D)
    sums = products.sum(axis=1)
    error = _ERROR_FLOAT64 * _find_scale(left, right)
    for n in np.flatnonzero(decide(sums - error) != decide(sums + error)):
        sums[n] = fsum(products[n])
    return decide(sums)


def _find_margin(left: NDArray[np.float32], right: NDArray[np.float32]) -> float:
    return _ERROR_FLOAT32 * _find_scale(left, right)


def _find_scale(left: NDArray[np.float32], right: NDArray[np.float32]) -> float:
    """No product of lengths is greater; 1 for unit vectors."""
    squares = [
        np.fmax.reduce(np.einsum("nd,nd->n", some, some), initial=1.0)
        for some in (left, right)
    ]
    return 1.01 * float(np.sqrt(squares[0] * squares[1]))


def _name_by_first(roots: Nodes) -> Nodes:
    _, first, place = np.unique(roots, return_index=True, return_inverse=True)
    return first[place]
