"""Find near-duplicate frames: alike in embedding and in perceptual hash."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CODE_VERSION = "1"
MIN_COSINE = 0.97  # of ImageNet's EfficientNet-Lite0 features
_MAX_DISTANCE = 0.07  # as a share of the median: what 0.03 is in those features, on simulated recordings
# of the median distance: below, float32 tells frames apart, not the encoder
_MIN_SPREAD = 1e-5
_NUM_SAMPLED = 1000
MAX_HAMMING = 6  # of 64 perceptual-hash bits
_BLOCK_PAIRS = 1 << 24  # compared at once: 64 MiB of cosines


def find_clusters(
    vectors: NDArray[np.float32],
    hashes: Sequence[str],
    min_cosine: float = MIN_COSINE,
    max_hamming: int = MAX_HAMMING,
    known: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Group frames that are connected by near-duplicate pairs.

    vectors: (N, D) unit length. hashes: N strings of 16 hex digits. known: (N,) what an earlier search found: the index
    of a frame in the same cluster (its own where it has no other), or -1 for a frame to compare with all. It must hold
    whole clusters: one that lost a member or had one changed is not known.
    Returns (N,) the index of each cluster's first member, and (N,) the cosine to that member (1 for itself).
    """
    count = len(vectors)
    is_known = np.zeros(count, bool) if known is None else known >= 0
    first = np.arange(count)
    if known is not None:
        first = _join(first, np.flatnonzero(is_known), known[is_known])
    bits = np.array([int(h, 16) for h in hashes], np.uint64)
    sought = np.flatnonzero(~is_known)
    block = max(1, _BLOCK_PAIRS // max(count, 1))
    for start in range(0, len(sought), block):
        part = sought[start : start + block]
        # (block, N)
        rows, columns = np.nonzero(vectors[part] @ vectors.T >= min_cosine)
        rows = part[rows]
        is_once = (rows < columns) | (is_known[columns] & (rows != columns))
        rows = rows[is_once]
        columns = columns[is_once]
        near = np.bitwise_count(bits[rows] ^ bits[columns]) <= max_hamming
        first = _join(first, rows[near], columns[near])
    similarity = (
        np.einsum("nd,nd->n", vectors, vectors[first]).astype(np.float64)
        if count
        else np.zeros(0)
    )
    return first, similarity


def find_min_cosine(vectors: NDArray[np.float32]) -> float:
    """How alike near-duplicates must be in features that no threshold was tried on: (N, D) of unit length.

    Encoders use more or less of the sphere. So a distance (1 - cosine) counts as small beside the median of those
    between frames, and never where 0.97 would not do. Raises ValueError where the vectors are all alike.
    """
    some = vectors[
        np.linspace(0, len(vectors) - 1, min(len(vectors), _NUM_SAMPLED)).astype(
            np.int64
        )
    ]
    pairs = np.triu_indices(len(some), 1)
    median = float(np.median(1.0 - (some @ some.T)[pairs])) if len(some) > 1 else 1.0
    if not median >= _MIN_SPREAD:
        raise ValueError(
            f"the encoder gives nearly one vector for all of {len(some)} frames (median distance "
            f"{median:.1g}): it has collapsed; train it longer or at another rate"
        )
    return max(MIN_COSINE, 1.0 - _MAX_DISTANCE * median)


def _join(
    first: NDArray[np.int64], rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The first member of each frame's cluster, after the pairs (rows, columns) are joined to the clusters so far."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(first)
    ends = np.concatenate([np.arange(count), rows]), np.concatenate([first, columns])
    edges = coo_array((np.ones(len(ends[0]), bool), ends), (count, count))
    _, cluster = connected_components(edges, directed=False)
    # clusters are numbered from 0 without gaps
    _, leader = np.unique(cluster, return_index=True)
    return leader[cluster]
