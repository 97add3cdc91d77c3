"""Bring clusters, splits and their tables up to date with the published frames."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.code_versions import version_of
from assets.curation.annotations import read_datasets
from assets.curation.compared import ComparedFrames, read_compared
from assets.curation.components import Nodes
from assets.curation.dedup import (
    MIN_COSINE,
    choose_sample,
    find_clusters,
    find_min_cosine,
    measure_similarity,
)
from assets.curation.split import STRICTEST, assign_splits
from assets.curation.subjects import part_by_subject
from assets.formats.protocol import UNDIVIDED_READERS
from assets.tables.catalog import Catalog
from assets.tables.incremental import Refreshed, replace_rows
from assets.tables.schemas import TABLES


@dataclass(frozen=True)
class Sides:
    """The part that each frame is in: `frame_id`, `split`; and its near-duplicate cluster: `frame_id`, `cluster_id`."""

    splits: pa.Table
    clusters: pa.Table


def plan_sides(catalog: Catalog) -> Sides:
    """The sides that frames would be on now. Writes nothing. Raises ValueError as `update_clusters` does."""
    have = catalog.read_latest("unique_frames")
    clusters = _cluster(catalog, have)[0].select(["frame_id", "cluster_id"])
    return Sides(_split(catalog, clusters)[0].select(["frame_id", "split"]), clusters)


def update_clusters(catalog: Catalog) -> Refreshed:
    """Bring `unique_frames` up to date: one row a published colour frame that has an embedding and quality figures.

    Compared with all others are frames that are new or changed, and those of clusters that lost one. `computed` counts
    them. Labels that arrive later may change who leads a cluster, and nothing is compared for it. Raises ValueError
    when there is nothing to compare, or vectors of two encoders.
    """
    have = catalog.read_latest("unique_frames")
    rows, computed = _cluster(catalog, have)
    return replace_rows(catalog, "unique_frames", rows, computed, have)


def update_splits(catalog: Catalog) -> Refreshed:
    """Recompute `splits` from the published clusters. A frame that had a split keeps it, also one that comes back after
    it was left out: as in the releases that have it, the strictest where they differ."""
    clusters = catalog.read("unique_frames", ["frame_id", "cluster_id"])
    return replace_rows(catalog, "splits", *_split(catalog, clusters))


def _cluster(catalog: Catalog, have: pa.Table) -> tuple[pa.Table, int]:
    """Rows of `unique_frames`, and how many frames were compared for them; `have`, the rows that it holds."""
    compared = read_compared(catalog, read_datasets(catalog)["frame_id"])
    min_cosine, version = _choose_threshold(have, compared)
    known = _find_known(have, compared, version)
    clusters = find_clusters(compared.vectors, compared.bits, min_cosine, known.leader)
    leader = _lead(clusters, compared.place)
    is_copy = leader != np.arange(len(leader))
    similarity = np.where(leader == known.leader, known.similarity, np.nan)
    (fresh,) = np.nonzero(is_copy & np.isnan(similarity))
    similarity[fresh] = measure_similarity(compared.vectors, fresh, leader[fresh])
    ids = compared.rows["frame_id"]
    led_by = ids.take(pa.array(leader))
    columns = {
        "frame_id": ids,
        "session": compared.rows["session"],
        "duplicate_of": pc.if_else(
            pa.array(is_copy), led_by, pa.scalar(None, pa.string())
        ),
        "cluster_id": led_by,
        "similarity": pa.array(similarity, mask=~is_copy),
        "input_sha256": compared.rows["input_sha256"],
        "code_version": pa.repeat(version, len(leader)),
    }
    return pa.table(columns, schema=TABLES["unique_frames"].schema), int(
        (known.leader < 0).sum()
    )


def _lead(clusters: Nodes, place: Nodes) -> Nodes:
    """The (N,) frame that leads each frame's cluster: that of the first place."""
    order = np.argsort(place)
    named, first = np.unique(clusters[order], return_index=True)
    return order[first][np.searchsorted(named, clusters)]


def _choose_threshold(have: pa.Table, compared: ComparedFrames) -> tuple[float, str]:
    """The least cosine of near-duplicates, and the code version of the rows, which tells it.

    That of a user's encoder is found once, when its vectors are first compared, so that clusters stay as data grows.
    """
    if ":" not in compared.encoder:
        return MIN_COSINE, version_of("unique_frames")
    mine = f":{compared.encoder}:"
    found = have["code_version"].unique().to_pylist()
    # of rows that an earlier code made, too
    threshold = min((v.partition(mine)[2] for v in found if mine in v), default=None)
    if threshold is None:
        order = np.argsort(compared.place)
        some = order[choose_sample(len(order))]
        threshold = f"{find_min_cosine(compared.vectors(some)):.7f}"
    return float(threshold), f"{version_of('unique_frames')}{mine}{threshold}"


@dataclass(frozen=True)
class _Known:
    """What the table has of frames (N,) whose clusters are whole and as they were; of the others -1 and NaN."""

    leader: Nodes  # of the frame's cluster
    similarity: NDArray[np.float64]  # to it


def _find_known(have: pa.Table, compared: ComparedFrames, version: str) -> _Known:
    have = have.select(
        ["frame_id", "cluster_id", "similarity", "input_sha256", "code_version"]
    )
    ids = compared.rows["frame_id"]
    place = pc.index_in(have["frame_id"], value_set=ids)
    is_same = pc.and_(
        pc.equal(have["input_sha256"], compared.rows["input_sha256"].take(place)),
        pc.equal(have["code_version"], version),
    )
    is_same = pc.fill_null(is_same, False)
    broken = have["cluster_id"].filter(pc.invert(is_same))
    is_whole = pc.invert(pc.is_in(have["cluster_id"], value_set=broken))
    have = have.filter(is_whole)
    rows = place.filter(is_whole).to_numpy()
    leader = np.full(len(compared), -1)
    leader[rows] = pc.index_in(have["cluster_id"], value_set=ids).to_numpy()
    similarity = np.full(len(compared), np.nan)
    similarity[rows] = have["similarity"].to_numpy()
    return _Known(leader, similarity)


def _split(catalog: Catalog, clusters: pa.Table) -> tuple[pa.Table, int]:
    """Rows of `splits` for frames with a cluster, and how many frames there are."""
    frames = _read_frames(catalog, clusters)
    parts = [TABLES["splits"].schema.empty_table()]
    for places in part_by_subject(frames, _read_classes(catalog)):
        members = frames.take(pa.array(places))
        assigned = assign_splits(members)
        rows = members.take(assigned["place"])
        columns = {
            name: (assigned if name in assigned.column_names else rows)[name]
            for name in TABLES["splits"].schema.names
        }
        parts.append(pa.table(columns, TABLES["splits"].schema))
    return pa.concat_tables(parts), len(frames)


def _read_frames(catalog: Catalog, clusters: pa.Table) -> pa.Table:
    """Published colour frames that have a cluster, with what splitting needs to know of them."""
    columns = ["frame_id", "capture_id", "session", "split_hint", "sha256"]
    frames = catalog.read("frames", columns, "kind = 'color'")
    frames = frames.append_column(
        "previous", _read_sides(catalog, frames["frame_id"], frames["sha256"])
    )
    frames = _append_of(frames, "cluster_id", clusters)
    frames = _append_of(frames, "datasets", read_datasets(catalog))
    frames = frames.filter(pc.is_valid(frames["cluster_id"])).combine_chunks()
    is_recording = pc.is_in(frames["capture_id"], value_set=_find_recordings(catalog))
    bits = pc.fill_null(frames["datasets"], 0)
    frames = frames.append_column("is_recording", is_recording)
    return frames.set_column(frames.column_names.index("datasets"), "datasets", bits)


def _append_of(frames: pa.Table, name: str, rows: pa.Table) -> pa.Table:
    """The frames with a column of the rows that are theirs; null where there is none."""
    place = pc.index_in(frames["frame_id"], value_set=rows["frame_id"])
    return frames.append_column(name, rows[name].take(place))


def _find_recordings(catalog: Catalog) -> pa.ChunkedArray:
    """Captures of which all frames are one recording."""
    captures = catalog.read("captures", ["capture_id", "reader", "sha256"])
    is_undivided = pc.is_in(
        captures["reader"], value_set=pa.array(sorted(UNDIVIDED_READERS))
    )
    is_one = pc.and_(is_undivided, pc.is_valid(captures["sha256"]))
    return captures["capture_id"].filter(is_one)


def _read_classes(catalog: Catalog) -> dict[str, set[str]]:
    """The classes of each session's labels."""
    columns = ["session", "class_name"]
    rows = catalog.read("labels", columns).group_by(columns).aggregate([]).to_pylist()
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[row["session"]].add(row["class_name"])
    return found


def _read_sides(
    catalog: Catalog, frame_ids: pa.ChunkedArray, hashes: pa.ChunkedArray
) -> pa.ChunkedArray:
    """(N,) the split that each frame has, or had when it was released; null of one that had none.

    A new frame has that of a released one with its bytes that is not there any more: its file was moved.
    """
    columns = ["frame_id", "sha256", "split"]
    released = catalog.read_latest("release_frames", columns)
    released = released.group_by(columns).aggregate([])
    is_there = pc.is_in(released["frame_id"], value_set=frame_ids)
    present = catalog.read_latest("splits", ["frame_id", "split"])
    sides = [
        _look_up_side(frame_ids, present["frame_id"], present["split"]),
        _look_up_side(frame_ids, released["frame_id"], released["split"]),
    ]
    gone = released.filter(pc.invert(is_there))
    sides.append(_look_up_side(hashes, gone["sha256"], gone["split"]))
    return pc.coalesce(*sides)


def _look_up_side(
    wanted: pa.ChunkedArray, keys: pa.ChunkedArray, splits: pa.ChunkedArray
) -> pa.ChunkedArray:
    """(N,) of each wanted key the strictest of its splits; null where it has none."""
    strictness = pc.index_in(splits, value_set=pa.array(STRICTEST))
    rows = pa.table({"key": keys, "strictness": strictness})
    found = rows.group_by("key").aggregate([("strictness", "min")])
    place = pc.index_in(wanted, value_set=found["key"])
    strictest = found["strictness_min"].take(place)
    return pa.chunked_array([pa.array(STRICTEST)]).take(strictest)
