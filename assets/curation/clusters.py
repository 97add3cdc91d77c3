"""Bring clusters, splits and their tables up to date with the published frames."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
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
from assets.curation.split import Frame, assign_splits
from assets.curation.subjects import part_by_subject
from assets.formats.protocol import RECORDING_READERS
from assets.tables.catalog import Catalog
from assets.tables.incremental import Refreshed, replace_rows
from assets.tables.rows import FrameRow
from assets.tables.schemas import TABLES, to_table

_STRICTEST = {"test": 0, "val": 1, "train": 2, None: 3}
_Row = dict[str, object]


@dataclass(frozen=True)
class Sides:
    """By frame id: the part that each frame is in, and its near-duplicate cluster."""

    split_of: Mapping[str, str]
    cluster_of: Mapping[str, str]


def plan_sides(catalog: Catalog) -> Sides:
    """The sides that frames would be on now. Writes nothing. Raises ValueError as `update_clusters` does."""
    rows, _ = _cluster(catalog)
    cluster_of = dict(
        zip(rows["frame_id"].to_pylist(), rows["cluster_id"].to_pylist(), strict=True)
    )
    splits, _ = _split(catalog, cluster_of)
    return Sides({str(r["frame_id"]): str(r["split"]) for r in splits}, cluster_of)


def update_clusters(catalog: Catalog) -> Refreshed:
    """Bring `unique_frames` up to date: one row a published colour frame that has an embedding and quality figures.

    Compared with all others are frames that are new or changed, and those of clusters that lost one. `computed` counts
    them. Labels that arrive later may change who leads a cluster, and nothing is compared for it. Raises ValueError
    when there is nothing to compare, or vectors of two encoders.
    """
    rows, computed = _cluster(catalog)
    return replace_rows(catalog, "unique_frames", rows, computed)


def update_splits(catalog: Catalog) -> Refreshed:
    """Recompute `splits` from the published clusters. A frame that had a split keeps it, also one that comes back after
    it was left out: as in the releases that have it, the strictest where they differ."""
    rows, computed = _split(catalog, _column(catalog, "unique_frames", "cluster_id"))
    return replace_rows(catalog, "splits", to_table(TABLES["splits"], rows), computed)


def _cluster(catalog: Catalog) -> tuple[pa.Table, int]:
    """Rows of `unique_frames`, and how many frames were compared for them."""
    compared = read_compared(catalog, read_datasets(catalog).keys())
    min_cosine, version = _choose_threshold(catalog, compared)
    have = _read_known(catalog, compared, version)
    clusters = find_clusters(compared.vectors, compared.bits, min_cosine, have.leader)
    leader = _lead(clusters, compared.place)
    is_copy = leader != np.arange(len(leader))
    similarity = np.where(leader == have.leader, have.similarity, np.nan)
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
        (have.leader < 0).sum()
    )


def _lead(clusters: Nodes, place: Nodes) -> Nodes:
    """The (N,) frame that leads each frame's cluster: that of the first place."""
    order = np.argsort(place)
    named, first = np.unique(clusters[order], return_index=True)
    return order[first][np.searchsorted(named, clusters)]


def _choose_threshold(catalog: Catalog, compared: ComparedFrames) -> tuple[float, str]:
    """The least cosine of near-duplicates, and the code version of the rows, which tells it.

    That of a user's encoder is found once, when its vectors are first compared, so that clusters stay as data grows.
    """
    if ":" not in compared.encoder:
        return MIN_COSINE, version_of("unique_frames")
    mine = f":{compared.encoder}:"
    found = (
        catalog.read_latest("unique_frames", ["code_version"])["code_version"]
        .unique()
        .to_pylist()
    )
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


def _read_known(catalog: Catalog, compared: ComparedFrames, version: str) -> _Known:
    columns = ["frame_id", "cluster_id", "similarity", "input_sha256", "code_version"]
    have = catalog.read_latest("unique_frames", columns)
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


def _split(catalog: Catalog, clusters: Mapping[str, str]) -> tuple[list[_Row], int]:
    """Rows of `splits` for frames with a cluster, and how many frames there are."""
    datasets = read_datasets(catalog)
    ordered = _ordered_frames(catalog, datasets)
    readers = _column(catalog, "captures", "reader")
    hashes = _column(catalog, "captures", "sha256")
    frames = [
        Frame(
            f["frame_id"],
            f["capture_id"],
            f["session"],
            clusters[f["frame_id"]],
            readers.get(f["capture_id"]) in RECORDING_READERS
            and hashes.get(f["capture_id"]) is not None,
            f["split_hint"],
            datasets.get(f["frame_id"], frozenset()),
        )
        for f in ordered
        if f["frame_id"] in clusters
    ]
    previous = _read_sides(catalog, ordered)
    rows: list[_Row] = [
        {
            "frame_id": a.frame.frame_id,
            "capture_id": a.frame.capture_id,
            "session": a.frame.session,
            "group_id": a.group_id,
            "split": a.split,
            "rule": a.rule,
        }
        for members in part_by_subject(frames, _read_classes(catalog))
        for a in assign_splits(members, previous)
    ]
    return rows, len(frames)


def _read_classes(catalog: Catalog) -> dict[str, set[str]]:
    """The classes of each session's labels."""
    columns = ["session", "class_name"]
    rows = catalog.read("labels", columns).group_by(columns).aggregate([]).to_pylist()
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[row["session"]].add(row["class_name"])
    return found


def _read_sides(catalog: Catalog, frames: Sequence[FrameRow]) -> dict[str, str]:
    """The split that each frame has, or had when it was released.

    A new frame has that of a released one with its bytes that is none of `frames` any more: its file was moved.
    """
    columns = ["frame_id", "sha256", "split"]
    released = (
        catalog.read_latest("release_frames", columns)
        .group_by(columns)
        .aggregate([])
        .to_pylist()
    )
    released.sort(key=lambda r: -_STRICTEST[r["split"]])
    present = catalog.read_latest("splits", ["frame_id", "split"]).to_pylist()
    sides = {r["frame_id"]: r["split"] for r in (*released, *present)}
    there = {f["frame_id"] for f in frames}
    moved = {r["sha256"]: r["split"] for r in released if r["frame_id"] not in there}
    for f in frames:
        if f["sha256"] in moved:
            sides.setdefault(f["frame_id"], moved[f["sha256"]])
    return sides


def _ordered_frames(
    catalog: Catalog, datasets: Mapping[str, frozenset[str]]
) -> list[FrameRow]:
    """Published colour frames in the order in which they lead their clusters: labelled ones first, so that no bare copy
    stands for them, then those of a producer's test part."""
    columns = ["frame_id", "capture_id", "session", "sequence", "split_hint", "sha256"]
    rows = catalog.read("frames", columns, "kind = 'color'").to_pylist()
    return sorted(
        rows,
        key=lambda r: (
            r["frame_id"] not in datasets,
            _STRICTEST[r["split_hint"]],
            r["session"],
            r["capture_id"],
            r["sequence"],
            r["frame_id"],
        ),
    )


def _column(catalog: Catalog, table: str, column: str) -> dict[str, str]:
    key = TABLES[table].key
    return {r[key]: r[column] for r in catalog.read(table, [key, column]).to_pylist()}
