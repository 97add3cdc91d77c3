"""Walk through frames in batches, so that those which may be one picture, or near-duplicates, are in one batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from assets.curation.components import Components, Nodes

_BATCH = 4_096  # frames; more where so many are alike


def list_batches(*groups: pa.ChunkedArray) -> Iterator[Nodes]:
    """Places of all frames, in batches: frames (N,) with an equal value in one of the `groups` (N,) are not parted.

    Batches and frames in them are in the order of the frames, but for what is alike.
    """
    components = Components(len(groups[0]))
    for values in groups:
        codes = values.combine_chunks().dictionary_encode().indices.to_numpy()
        _, first, number = np.unique(codes, return_index=True, return_inverse=True)
        components.join(np.arange(len(codes)), first[number])
    roots = components.find(np.arange(len(groups[0])))
    _, first, number = np.unique(roots, return_index=True, return_inverse=True)
    leader = first[number]
    order = np.argsort(leader, kind="stable")
    begins = np.flatnonzero(np.diff(leader[order], prepend=-1))
    start = 0
    while start < len(order):
        at = np.searchsorted(begins, start + _BATCH)
        end = int(begins[at]) if at < len(begins) else len(order)
        yield order[start:end]
        start = end
