"""List pairs of 64-bit hashes that differ in at most six bits, without looking at all pairs.

Of eight bytes at least two are equal then: six bits lie in six bytes at most. So each pair lies in one bucket of hashes
that have two bytes in common, for one of the 28 choices of two, and it is listed for the first of those only
(multi-index hashing, Norouzi et al. 2012). Pairs inside one component are left out before they are made, and
components grow while pairs are listed: of a camera that stands still most pairs are never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from assets.curation.components import Components, Nodes

MAX_HAMMING = 6  # of 64 bits
_NUM_BYTES = 8
# hashes: few rows come first, so that components grow and spare the rest
_LARGE_BUCKET = 1024
_PAIRS = 1 << 20  # looked at once: some arrays of 8 MiB
_GROWTH = 4
_MOST_ROWS = 1024  # of a large bucket, unless there is little to compare them with

Pairs = tuple[Nodes, Nodes]


def list_near_pairs(
    bits: NDArray[np.uint64], is_sought: NDArray[np.bool_], components: Components
) -> Iterator[Pairs]:
    """Parts of the pairs of hashes (N,) at most MAX_HAMMING bits apart of which one is sought (N,), as two arrays of
    indices. Whoever takes a part may join components, and pairs inside one are not listed any more."""
    all_bytes = bits.reshape(-1, 1).view(np.uint8)  # (N, 8)
    for choice in combinations(range(_NUM_BYTES), 2):
        first, second = choice
        keys = (
            all_bytes[:, first].astype(np.uint16) * np.uint16(256)
            + all_bytes[:, second]
        )
        is_used = np.zeros(1 << 16, bool)
        is_used[keys[is_sought]] = True
        members = np.flatnonzero(is_used[keys])
        for rows, columns in _list_in_buckets(
            members, keys, bits, is_sought, components
        ):
            is_first = _is_first(bits[rows] ^ bits[columns], choice)
            if is_first.any():
                yield rows[is_first], columns[is_first]


def is_near(rows: NDArray[np.uint64], columns: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether hashes differ in at most MAX_HAMMING bits; the arrays are broadcast."""
    return np.bitwise_count(rows ^ columns) <= MAX_HAMMING


def _list_in_buckets(
    members: Nodes,
    keys: NDArray[np.uint16],
    bits: NDArray[np.uint64],
    is_sought: NDArray[np.bool_],
    components: Components,
) -> Iterator[Pairs]:
    """Near pairs of `members` with equal keys, of which one is sought and which lie in two components."""
    # in a bucket sought ones come first, each component side by side
    order = np.lexsort((components.find(members), ~is_sought[members], keys[members]))
    members = members[order]
    sizes = np.bincount(keys[members], minlength=1 << 16)
    is_large = sizes[keys[members]] >= _LARGE_BUCKET
    yield from _list_in_small(members[~is_large], keys, bits, is_sought, components)
    ends = np.cumsum(sizes)
    for key in np.flatnonzero(sizes >= _LARGE_BUCKET):
        bucket = members[ends[key] - sizes[key] : ends[key]]
        yield from _list_in_large(bucket, bits, is_sought, components)


def _list_in_small(
    members: Nodes,
    keys: NDArray[np.uint16],
    bits: NDArray[np.uint64],
    is_sought: NDArray[np.bool_],
    components: Components,
) -> Iterator[Pairs]:
    """The same, of members in the order of their buckets, each sought one with those behind its component's."""
    count = len(members)
    key = keys[members].astype(np.int64)
    end = np.searchsorted(key, key, side="right")
    root = components.find(members)
    is_row = is_sought[members]
    ends_run = np.ones(count, bool)
    ends_run[:-1] = (
        (key[1:] != key[:-1]) | (root[1:] != root[:-1]) | (is_row[1:] != is_row[:-1])
    )
    places = np.flatnonzero(ends_run) + 1
    run_end = places[np.searchsorted(places, np.arange(count), side="right")]
    num_pairs = np.where(is_row, end - run_end, 0)
    total = np.cumsum(num_pairs)
    start = 0
    while start < count and total[-1] > (done := total[start - 1] if start else 0):
        stop = max(start + 1, int(np.searchsorted(total, done + _PAIRS, side="right")))
        repeats = num_pairs[start:stop]
        row = np.repeat(np.arange(start, stop), repeats)
        behind = np.arange(len(row)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        rows = members[row]
        columns = members[run_end[row] + behind]
        near = is_near(bits[rows], bits[columns])
        yield _keep_apart(rows[near], columns[near], components)
        start = stop


def _list_in_large(
    bucket: Nodes,
    bits: NDArray[np.uint64],
    is_sought: NDArray[np.bool_],
    components: Components,
) -> Iterator[Pairs]:
    """The same, of one bucket: few rows of the largest component with all others, then more of what that left."""
    most_rows = 1
    while True:
        root = components.find(bucket)
        _, place, size = np.unique(root, return_inverse=True, return_counts=True)
        num_sought = int(is_sought[bucket].sum())
        if len(size) < 2 or not num_sought:
            return
        order = np.lexsort((bucket, place, -size[place], ~is_sought[bucket]))
        bucket = bucket[order]
        root = root[order]
        is_inside = root == root[0]
        num_inside = int((is_inside & is_sought[bucket]).sum())
        # of one component, rows need not be compared with the rest of it
        is_one = num_inside * _GROWTH >= most_rows
        num_rows = min(most_rows, num_inside if is_one else num_sought)
        columns = np.flatnonzero(~is_inside) if is_one else np.arange(len(bucket))
        step = max(1, _PAIRS // num_rows)
        for start in range(0, len(columns), step):
            some = columns[start : start + step]
            asked = is_near(bits[bucket[:num_rows, None]], bits[bucket[some]])
            asked &= root[:num_rows, None] != root[some]
            row, column = np.nonzero(asked)
            yield _keep_apart(bucket[row], bucket[some[column]], components)
        bucket = bucket[num_rows:]
        most = max(_MOST_ROWS, _GROWTH * _PAIRS // max(1, len(columns)))
        most_rows = min(most_rows * _GROWTH, most)


def _keep_apart(rows: Nodes, columns: Nodes, components: Components) -> Pairs:
    is_apart = components.find(rows) != components.find(columns)
    return rows[is_apart], columns[is_apart]


def _is_first(
    differences: NDArray[np.uint64], choice: tuple[int, int]
) -> NDArray[np.bool_]:
    """Whether the two bytes of `choice` are the first two that are equal, of pairs with these differences (N,)."""
    is_equal = differences.reshape(-1, 1).view(np.uint8)[:, : choice[1]] == 0
    return np.asarray(is_equal.sum(axis=1) == 1)
