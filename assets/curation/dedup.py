"""Find near-duplicate frames: alike in embedding and in perceptual hash."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MIN_COSINE = 0.97  # of EfficientNet-Lite0 features
MAX_HAMMING = 6  # of 64 perceptual-hash bits
_BLOCK = 2048


def find_clusters(
    vectors: NDArray[np.float32],
    hashes: Sequence[str],
    min_cosine: float = MIN_COSINE,
    max_hamming: int = MAX_HAMMING,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Group frames that are connected by near-duplicate pairs.

    vectors: (N, D) unit length. hashes: N strings of 16 hex digits.
    Returns (N,) the index of each cluster's first member, and (N,) the cosine to that member (1 for itself).
    """
    parent = np.arange(len(vectors))
    bits = np.array([int(h, 16) for h in hashes], np.uint64)
    for start in range(0, len(vectors), _BLOCK):
        cosine = vectors[start : start + _BLOCK] @ vectors.T  # (block, N)
        rows, columns = np.nonzero(cosine >= min_cosine)
        rows = rows + start
        rows, columns = rows[rows < columns], columns[rows < columns]
        near = np.bitwise_count(bits[rows] ^ bits[columns]) <= max_hamming
        for a, b in zip(rows[near], columns[near], strict=True):
            _join(parent, int(a), int(b))
    first = np.array([_root(parent, i) for i in range(len(parent))], np.int64)
    similarity = np.einsum("nd,nd->n", vectors, vectors[first]).astype(np.float64) if len(vectors) else np.zeros(0)
    return first, similarity


def _root(parent: NDArray[np.int64], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = int(parent[i])
    return i


def _join(parent: NDArray[np.int64], a: int, b: int) -> None:
    low, high = sorted((_root(parent, a), _root(parent, b)))
    parent[high] = low
