"""Assign frames to train, val and test so that nothing recorded together, or nearly alike, lands on two sides."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.curation.components import Components, Nodes

# near-duplicates on several sides stay on the strictest
STRICTEST = ("test", "val", "train")
_TEST, _VAL, _TRAIN = range(3)  # places there
_NOWHERE = 3  # less strict than any side
_SHARES = {_TRAIN: 0.7, _VAL: 0.15, _TEST: 0.15}
_RULES = ("producer", "recording", "cluster")
_PRODUCER, _RECORDING, _CLUSTER = range(3)
_Mask = NDArray[np.bool_]
_Codes = NDArray[np.int64]


def assign_splits(frames: pa.Table) -> pa.Table:
    """Splits of all frames that stay: `place`, that of the row in `frames`, `group_id`, `split` and `rule`.

    `frames` has `frame_id`, `capture_id`, `session`, `cluster_id`; `is_recording`: its capture is one recording (MCAP,
    video), not a folder of loose images; `split_hint`, the producer's split, or null; `datasets`, a bit for each that
    its labels are good for, none of a bare frame; and `previous`, its split until now, or null, which it keeps as data
    grows.

    A producer's own split is followed, also by loose near-duplicates of its frames; where a session lacks a validation
    or a test part, it is cut from its training part. Otherwise the unit is the recording, and the near-duplicate
    cluster for loose images; new units that share a cluster move together.

    Labelled frames decide for their clusters: bare copies of them follow, or go. Then near-duplicates go: across sides
    all but those on the strictest, where one joins that has labels for a dataset which would have none of the cluster;
    inside train bare ones, all but one where all are bare. Labelled ones stay: which of them a release takes is a
    matter of its task.
    """
    # ties are broken by the id
    order = pc.sort_indices(frames["frame_id"])
    f = _Frames(frames.take(order))
    found = _Sides(len(frames))
    had = _inherit_sides(f)
    _follow_producer(f, f.decides & f.is_hinted, had, found)
    taken = f.find_strictest_of_cluster(found.side)
    is_open = f.decides & ~f.is_hinted
    follows = is_open & (taken == _TRAIN) & ~f.is_recording & (had >= _TRAIN)
    is_free = is_open & (taken >= _TRAIN) & ~follows
    _spread(f, is_free, _SHARES, had, found)
    found.put(follows, _TRAIN, f.cluster[follows], _CLUSTER)
    stays = _drop_duplicates(f, found)
    stays |= _follow_labelled(f, stays, found)
    rows = np.flatnonzero(stays)
    return pa.table(
        {
            "place": order.take(pa.array(rows)),
            "group_id": f.names.take(pa.array(found.unit[rows])),
            "split": pa.array(STRICTEST).take(pa.array(found.side[rows])),
            "rule": pa.array(_RULES).take(pa.array(found.rule[rows])),
        }
    )


class _Frames:
    """What splitting needs to know of frames, in the order of their ids: arrays (N,).

    `cluster` and `capture` are places in `names`, which are sorted; `session` counts sessions; `hint` and `had` are
    sides.
    """

    def __init__(self, rows: pa.Table) -> None:
        clusters = rows["cluster_id"].combine_chunks()
        captures = rows["capture_id"].combine_chunks()
        names = pa.concat_arrays([clusters.unique(), captures.unique()]).unique()
        self.names = names.take(pc.sort_indices(names))
        self.cluster = _find_places(clusters, self.names)
        self.session = _find_places(rows["session"], rows["session"].unique())
        self.capture = _find_places(captures, self.names)
        self.is_recording: _Mask = rows["is_recording"].to_numpy()
        self.hint = _find_places(rows["split_hint"], pa.array(STRICTEST))
        self.had = _find_places(rows["previous"], pa.array(STRICTEST))
        self.datasets: _Codes = rows["datasets"].to_numpy()
        self.is_hinted = self.hint < _NOWHERE
        self.is_labelled = self.datasets > 0
        # its cluster has a labelled frame
        self.is_copy_of_labelled = self.mark(self.cluster, self.is_labelled)
        self.decides = self.is_labelled | ~self.is_copy_of_labelled
        # what goes to one side as a whole: the recording, or the cluster of a loose image
        self.unit = np.where(self.is_recording, self.capture, self.cluster)

    def mark(self, of: _Codes, mask: _Mask) -> _Mask:
        """Of which frames another one with their code `of` is in `mask`, all (N,)."""
        found = np.zeros(len(self.names), bool)
        found[of[mask]] = True
        return found[of]

    def find_strictest(self, of: _Codes, side: _Codes, mask: _Mask) -> _Codes:
        """Of each frame the strictest `side` of those with its code `of` that are in `mask`, all (N,)."""
        return _find_strictest(of[mask], side[mask], len(self.names))[of]

    def find_strictest_of_cluster(self, side: _Codes) -> _Codes:
        """Of each frame the strictest side of its cluster, (N,)."""
        return _find_strictest(self.cluster, side, len(self.names))[self.cluster]


class _Sides:
    """Where frames go, (N,): at first nowhere. `unit`: what they go there with."""

    def __init__(self, count: int) -> None:
        self.side = np.full(count, _NOWHERE)
        self.unit = np.zeros(count, np.int64)
        self.rule = np.zeros(count, np.int64)

    def put(
        self,
        rows: _Mask | Nodes | int,
        side: _Codes | int,
        unit: _Codes | int,
        rule: _Codes | int,
    ) -> None:
        self.side[rows] = side
        self.unit[rows] = unit
        self.rule[rows] = rule


def _inherit_sides(f: _Frames) -> _Codes:
    """The (N,) side that each frame had.

    A new frame of a recording has that of its recording, also where only bare frames of it were dealt out. A loose
    labelled frame that is new has that of its loose bare copies, which were dealt out alike.
    """
    was_dealt = ~f.is_hinted & (f.had < _NOWHERE)
    of_recording = f.find_strictest(f.capture, f.had, was_dealt & f.is_recording)
    is_loose_bare = ~f.is_labelled & ~f.is_recording
    of_copies = f.find_strictest(f.cluster, f.had, was_dealt & is_loose_bare)
    of_kin = np.where(f.is_labelled, of_copies, _NOWHERE)
    of_kin = np.where(f.is_recording, of_recording, of_kin)
    return np.where(f.is_hinted | (f.had < _NOWHERE), f.had, of_kin)


def _follow_producer(f: _Frames, rows: _Mask, had: _Codes, found: _Sides) -> None:
    """The parts that producers made, a session each; what one lacks is cut from its training part.

    Sessions that lack the same are dealt together; one of training data alone lacks what no session has. A cluster that
    some session trains on as it is stays in train whole.
    """
    parts = [rows & (f.hint == side) for side in range(_NOWHERE)]
    is_judged = parts[_VAL] | parts[_TEST]
    found.put(is_judged, f.hint[is_judged], f.cluster[is_judged], _PRODUCER)
    has_judged = f.mark(f.session, is_judged)
    lacks = {
        side: ~f.mark(f.session, parts[side]) & (has_judged | (not parts[side].any()))
        for side in (_VAL, _TEST)
    }
    for missing in ((), (_VAL,), (_TEST,), (_VAL, _TEST)):
        is_mine = parts[_TRAIN]
        for side, is_lacking in lacks.items():
            is_mine = is_mine & (is_lacking if side in missing else ~is_lacking)
        # the others would not stay, wherever they went
        is_mine &= f.find_strictest_of_cluster(found.side) >= _TRAIN
        is_taught = f.mark(f.cluster, found.side == _TRAIN) | (not missing)
        kept = is_mine & is_taught
        found.put(kept, _TRAIN, f.cluster[kept], _PRODUCER)
        total = _SHARES[_TRAIN] + sum(_SHARES[side] for side in missing)
        shares = {side: _SHARES[side] / total for side in (_TRAIN, *missing)}
        if (is_mine & ~is_taught).any():
            _spread(f, is_mine & ~is_taught, shares, had, found)


def _spread(
    f: _Frames,
    mask: _Mask,
    shares: Mapping[int, float],
    had: _Codes,
    found: _Sides,
) -> None:
    """Keep what had a side; give each new group, largest first, to the side that is furthest below its share."""
    rows = np.flatnonzero(mask)
    group = _group(f, rows)
    side = _keep_sides(
        f, rows, group, np.where(np.isin(had, list(shares)), had, _NOWHERE)
    )
    is_new = side == _NOWHERE
    groups, which, sizes = np.unique(
        group[is_new], return_inverse=True, return_counts=True
    )
    counts = {s: int((side == s).sum()) for s in shares}
    dealt = np.zeros(len(groups), np.int64)
    order = np.lexsort((groups % len(f.names), -sizes)).tolist()
    for left, n in zip(range(len(order), 0, -1), order, strict=True):
        empty = [s for s in shares if not counts[s]]
        # no side stays empty while there are units for it
        open_sides = empty if left <= len(empty) else list(shares)
        dealt[n] = max(open_sides, key=lambda s: shares[s] * len(rows) - counts[s])
        counts[dealt[n]] += sizes[n]
    side[is_new] = dealt[which]
    strictest = _find_strictest(group, side, 2 * len(f.names))
    is_torn = np.zeros(2 * len(f.names), bool)
    is_torn[group[side != strictest[group]]] = True
    unit = np.where(is_torn[group], f.unit[rows], group % len(f.names))
    rule = np.where(f.is_recording[rows], _RECORDING, _CLUSTER)
    found.put(rows, side, unit, rule)


def _keep_sides(f: _Frames, rows: Nodes, group: _Codes, had: _Codes) -> _Codes:
    """The (M,) sides of frames whose group has a frame that had one; nowhere for a new group.

    New frames follow their recording, then the strictest side of their group. Groups that new data has joined stay on
    their sides: the near-duplicates between them go, later, from the less strict one.
    """
    own = had[rows]
    is_recording = f.is_recording[rows]
    recorded = np.where(is_recording, own, _NOWHERE)
    of_recording = _find_strictest(f.capture[rows], recorded, len(f.names))
    kept = np.where(is_recording, of_recording[f.capture[rows]], own)
    of_group = _find_strictest(group, own, 2 * len(f.names))[group]
    return np.where(kept < _NOWHERE, kept, of_group)


def _group(f: _Frames, rows: Nodes) -> _Codes:
    """The (M,) group of each frame: units joined by a common cluster are one, named by the first unit in it.

    Clusters come first, then, from `len(names)` on, recordings.
    """
    unit = f.unit[rows] + len(f.names) * f.is_recording[rows]
    components = Components(2 * len(f.names))
    components.join(unit, f.cluster[rows])
    roots = components.find(unit)
    first = np.full(2 * len(f.names), 2 * len(f.names))
    np.minimum.at(first, roots, unit)
    return first[roots]


def _drop_duplicates(f: _Frames, found: _Sides) -> _Mask:
    """Which frames stay, (N,); loose ones join the strictest side for their labels."""
    side = f.find_strictest_of_cluster(found.side)
    stays = (found.side < _NOWHERE) & (found.side == side)
    has = np.zeros(len(f.names), np.int64)  # datasets of each cluster
    np.bitwise_or.at(has, f.cluster[stays], f.datasets[stays])
    # what was trained on does not become a test
    had_other = (f.had < _NOWHERE) & (f.had != side)
    may_join = f.decides & ~stays & ~f.is_recording & ~had_other
    may_join &= (f.datasets & ~has[f.cluster]) > 0
    for row in np.flatnonzero(may_join).tolist():
        cluster = f.cluster[row]
        if f.datasets[row] & ~has[cluster]:
            has[cluster] |= f.datasets[row]
            found.put(row, side[row], cluster, _CLUSTER)
            stays[row] = True
    bare = np.flatnonzero(stays & ~f.is_labelled & (found.side == _TRAIN))
    _, first = np.unique(f.cluster[bare], return_index=True)
    stays[bare] = False
    stays[bare[first]] = True
    return stays


def _follow_labelled(f: _Frames, stays: _Mask, found: _Sides) -> _Mask:
    """Bare copies (N,) of labelled frames that are on the side of those by themselves, in val and test: by their
    recording, their producer, or before. In train they would be left out as copies."""
    side = f.find_strictest_of_cluster(np.where(stays, found.side, _NOWHERE))
    of_recording = np.full(len(f.names), _NOWHERE)
    for mask in (f.is_hinted, ~f.is_hinted):  # what no producer dealt out counts
        dealt = mask & (found.side < _NOWHERE) & (found.rule == _RECORDING)
        of_recording[f.capture[dealt]] = found.side[dealt]
    own = np.where(f.is_hinted, f.hint, f.had)
    own = np.where(f.is_recording, of_recording[f.capture], own)
    follows = ~f.decides & (side < _TRAIN) & (own == side)
    rule = np.where(f.is_hinted, _PRODUCER, _CLUSTER)
    rule = np.where(f.is_recording, _RECORDING, rule)
    found.put(follows, own[follows], f.unit[follows], rule[follows])
    return follows


def _find_strictest(of: _Codes, side: _Codes, count: int) -> _Codes:
    """(count,) of each code the strictest side of those (M,) that have it."""
    found = np.full(count, _NOWHERE)
    np.minimum.at(found, of, side)
    return found


def _find_places(values: pa.Array | pa.ChunkedArray, among: pa.Array) -> _Codes:
    """(N,) places of the values; `_NOWHERE` of null, which no side has for a place."""
    places = pc.fill_null(pc.index_in(values, value_set=among), _NOWHERE)
    return np.asarray(places).astype(np.int64)
