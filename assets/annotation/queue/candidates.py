"""The frames that a queue may ask for, in the order in which they were recorded, and what was said of them already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.kinds import find_kind
from assets.label_versions import IS_SEEN
from assets.tables.catalog import Catalog, is_in, repr_sql

_COLUMNS = (
    "frame_id",
    "session",
    "sensor",
    "capture_id",
    "t_ns",
    "sequence",
    "sha256",
    "width_px",
    "height_px",
)
_ORDER = ("session", "capture_id", "sensor", "t_ns", "sequence", "frame_id")
Mask = NDArray[np.bool_]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Candidates:
    """Published colour frames, (N,) each, along every camera of a recording."""

    rows: pa.Table  # frame_id, session, sensor, capture_id, t_ns, sequence, sha256, width_px, height_px
    cluster: Places  # near-duplicates have one number
    stream: Places  # the camera of a recording; a frame's neighbours of it are those before and after
    is_labelled: Mask  # something is said of it for the task
    is_annotated: (
        Mask  # by somebody who was asked, and not by the file that it came with
    )
    is_asked: Mask  # it, or a near-duplicate, is or was in a queue of the task
    is_covered: Mask  # it, or a near-duplicate, is labelled
    is_meant: Mask  # it is of a session that frames are asked of

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def is_open(self) -> Mask:
        """(N,) what may be asked for a first label."""
        return self.is_meant & ~self.is_covered & ~self.is_asked

    @property
    def is_reviewable(self) -> Mask:
        """(N,) what may be asked whether its label is right."""
        return self.is_meant & self.is_labelled & ~self.is_annotated & ~self.is_asked

    @property
    def is_first(self) -> Mask:
        """(N,) one frame of each cluster."""
        first = np.zeros(len(self), bool)
        first[np.unique(self.cluster, return_index=True)[1]] = True
        return first

    def find_neighbours(self) -> tuple[Places, Places]:
        """(N,) the places of the frames before and after, by the same camera of the same recording; -1 for none."""
        places = np.arange(len(self))
        is_same = np.zeros(len(self) + 1, bool)
        is_same[1:-1] = self.stream[1:] == self.stream[:-1]
        return np.where(is_same[:-1], places - 1, -1), np.where(
            is_same[1:], places + 1, -1
        )


def read_candidates(
    catalog: Catalog,
    task: str,
    clusters: pa.Table | None = None,
    sessions: Sequence[str] = (),
) -> Candidates:
    """All published colour frames, of which those of `sessions` may be asked, where some are named.

    `clusters` (frame_id, cluster_id) as `unique_frames` has them; None: the published.

    A frame without a cluster, which nobody has compared yet, is one by itself. Raises ValueError, with the remedy,
    where no frame is published.
    """
    rows = catalog.read("frames", _COLUMNS, "kind = 'color'")
    if not len(rows):
        raise ValueError(
            "no colour frame is published: `daguerre ingest PLACE` takes a session in, `daguerre status` says what is "
            "held"
        )
    rows = rows.sort_by([(name, "ascending") for name in _ORDER]).combine_chunks()
    if clusters is None:
        clusters = catalog.read("unique_frames", ["frame_id", "cluster_id"])
    cluster = _number_clusters(rows["frame_id"], clusters)
    where = is_in("task", find_kind(task).label_tasks)
    versions = catalog.read_latest(
        "label_versions", ["frame_id"], f"{where} AND {IS_SEEN}"
    )
    is_annotated = _is_among(rows["frame_id"], versions["frame_id"])
    is_labelled = is_annotated | _is_among(
        rows["frame_id"],
        *(
            catalog.read(name, ["frame_id"], where)["frame_id"].unique()
            for name in ("labels", "annotated_frames")
        ),
    )
    asked = catalog.read_latest("label_queue", ["frame_id"], f"task = {repr_sql(task)}")
    is_asked = _is_among(rows["frame_id"], asked["frame_id"])
    return Candidates(
        rows,
        cluster,
        _number_streams(rows),
        is_labelled,
        is_annotated,
        _spread(cluster, is_asked),
        _spread(cluster, is_labelled),
        _is_among(rows["session"], pa.array(sessions, pa.string()))
        if sessions
        else np.ones(len(rows), bool),
    )


def _is_among(ids: pa.ChunkedArray, *groups: pa.ChunkedArray | pa.Array) -> Mask:
    found = np.zeros(len(ids), bool)
    for group in groups:
        known = group.combine_chunks() if isinstance(group, pa.ChunkedArray) else group
        found |= pc.is_in(ids, value_set=known).to_numpy()
    return found


def _number_clusters(ids: pa.ChunkedArray, clusters: pa.Table) -> Places:
    """A cluster is named by a frame in it, so a frame without one is named by itself."""
    place = pc.index_in(ids, value_set=clusters["frame_id"])
    named = pc.coalesce(clusters["cluster_id"].take(place), ids)
    return _encode(named)


def _number_streams(rows: pa.Table) -> Places:
    captures = _encode(rows["capture_id"])
    sensors = _encode(rows["sensor"])
    return np.asarray(captures * (int(sensors.max(initial=0)) + 1) + sensors)


def _encode(values: pa.ChunkedArray | pa.Array) -> Places:
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return np.asarray(whole.dictionary_encode().indices).astype(np.int64)


def _spread(cluster: Places, mask: Mask) -> Mask:
    """What holds for a frame holds for all of its cluster."""
    holds = np.zeros(int(cluster.max()) + 1, bool)
    holds[cluster[mask]] = True
    return np.asarray(holds[cluster])
