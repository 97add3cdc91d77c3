"""Tell data sets of one home apart, so that each has a train, a val and a test part of its own.

Sessions are of one data set where they share a class of labels, or frames that look alike. So no cluster of
near-duplicates is in two of them, and sides that are dealt out in each leak nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.curation.components import Components, Nodes

# with fewer, one more or less on a side is more than the shares are about
_MIN_UNITS = 10


def part_by_subject(
    frames: pa.Table, classes_of: Mapping[str, Collection[str]]
) -> list[Nodes]:
    """Places of the frames of each data set, in their order; the first are of sessions without labels, and of data sets
    that are too small for parts of their own: fewer than ten recordings or pictures that differ.

    `frames` are as `assign_splits` takes them, with `session`; `classes_of`: session -> the classes of its labels.
    """
    session, session_names = _encode(frames["session"])
    cluster, clusters = _encode(frames["cluster_id"])
    class_names = sorted({name for names in classes_of.values() for name in names})
    # nodes: sessions, clusters, classes, and one for the sessions without
    first_cluster = len(session_names)
    first_class = first_cluster + len(clusters)
    rest = first_class + len(class_names)
    node_of = {name: first_class + n for n, name in enumerate(class_names)}
    edges = [
        (n, node)
        for n, name in enumerate(session_names.to_pylist())
        for node in [node_of[c] for c in classes_of.get(name, ())] or [rest]
    ]
    components = Components(rest + 1)
    components.join(*np.array(edges, np.int64).reshape(-1, 2).T)
    components.join(session, first_cluster + cluster)
    subject = components.find(session)
    is_small = np.ones(rest + 1, bool)
    is_small[_find_large(subject, _number_units(frames))] = False
    is_small[components.find(np.array([rest]))] = True
    pooled = is_small[subject]
    whole = np.flatnonzero(~pooled)
    _, first, number = np.unique(subject, return_index=True, return_inverse=True)
    leader = first[number]
    whole = whole[np.argsort(leader[whole], kind="stable")]
    begins = np.flatnonzero(np.diff(leader[whole], prepend=-1))
    return [np.flatnonzero(pooled), *np.split(whole, begins)[1:]]


def _find_large(subject: Nodes, unit: Nodes) -> Nodes:
    """The subjects that have enough different units."""
    pairs = np.unique(np.stack([subject, unit]), axis=1)
    names, counts = np.unique(pairs[0], return_counts=True)
    return names[counts >= _MIN_UNITS]


def _number_units(frames: pa.Table) -> Nodes:
    """(N,) a number for what goes to one side as a whole: the recording, or the cluster of a loose image."""
    is_recording = frames["is_recording"]
    return _encode(
        pc.if_else(is_recording, frames["capture_id"], frames["cluster_id"])
    )[0]


def _encode(values: pa.ChunkedArray) -> tuple[Nodes, pa.Array]:
    """(N,) a number for each value, and the values that they stand for."""
    encoded = values.combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary
