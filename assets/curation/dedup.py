"""Find near-duplicate frames: alike in embedding and in perceptual hash."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CODE_VERSION = "1"
MIN_COSINE = 0.97  # of EfficientNet-Lite0 features
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
        rows, columns = np.nonzero(vectors[part] @ vectors.T >= min_cosine)  # (block, N)
        rows = part[rows]
        is_once = (rows < columns) | (is_known[columns] & (rows != columns))
        rows, columns = rows[is_once], columns[is_once]
        near = np.bitwise_count(bits[rows] ^ bits[columns]) <= max_hamming
        first = _join(first, rows[near], columns[near])
    similarity = np.einsum("nd,nd->n", vectors, vectors[first]).astype(np.float64) if count else np.zeros(0)
    return first, similarity


def _join(first: NDArray[np.int64], rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first member of each frame's cluster, after the pairs (rows, columns) are joined to the clusters so far."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(first)
    ends = np.concatenate([np.arange(count), rows]), np.concatenate([first, columns])
    edges = coo_array((np.ones(len(ends[0]), bool), ends), (count, count))
    _, cluster = connected_components(edges, directed=False)
    _, leader = np.unique(cluster, return_index=True)  # clusters are numbered from 0 without gaps
    return leader[cluster]
