"""Bring clusters, splits and their tables up to date with the published frames."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.code_versions import version_of
from assets.curation.annotations import read_datasets
from assets.curation.compared import PARTS, ComparedFrames, find_places, read_compared
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
    clusters = _cluster(catalog)[0].select(["frame_id", "cluster_id"])
    return Sides(_split(catalog, clusters)[0].select(["frame_id", "split"]), clusters)


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
    clusters = catalog.read("unique_frames", ["frame_id", "cluster_id"])
    return replace_rows(catalog, "splits", *_split(catalog, clusters))


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


def _split(catalog: Catalog, clusters: pa.Table) -> tuple[pa.Table, int]:
    """Rows of `splits` for frames with a cluster, and how many frames there are."""
    frames, previous = _read_frames(catalog, clusters)
    subjects = part_by_subject(frames, _read_classes(catalog))
    assigned = [a for members in subjects for a in assign_splits(members, previous)]
    columns = {
        "frame_id": [a.frame.frame_id for a in assigned],
        "capture_id": [a.frame.capture_id for a in assigned],
        "session": [a.frame.session for a in assigned],
        "group_id": [a.group_id for a in assigned],
        "split": [a.split for a in assigned],
        "rule": [a.rule for a in assigned],
    }
    return pa.table(columns, TABLES["splits"].schema), len(frames)


def _read_frames(
    catalog: Catalog, clusters: pa.Table
) -> tuple[list[Frame], dict[str, str]]:
    """What splitting needs to know of the frames that have a cluster, and the splits that frames had."""
    datasets = read_datasets(catalog)
    ordered = _ordered_frames(catalog, datasets)
    previous = _read_sides(catalog, ordered)
    cluster = clusters["cluster_id"].take(
        pc.index_in(ordered["frame_id"], value_set=clusters["frame_id"])
    )
    ordered = ordered.append_column("cluster_id", cluster)
    ordered = ordered.filter(pc.is_valid(cluster))
    readers = _column(catalog, "captures", "reader")
    hashes = _column(catalog, "captures", "sha256")
    recordings = {
        capture_id
        for capture_id, reader in readers.items()
        if reader in UNDIVIDED_READERS and hashes[capture_id] is not None
    }
    columns = ["frame_id", "capture_id", "session", "cluster_id", "split_hint"]
    frames = [
        Frame(
            frame_id,
            capture_id,
            session,
            cluster_id,
            capture_id in recordings,
            split_hint,
            datasets.get(frame_id, frozenset()),
        )
        for frame_id, capture_id, session, cluster_id, split_hint in zip(
            *(_list_shared(ordered[name]) for name in columns), strict=True
        )
    ]
    return frames, previous


def _list_shared(texts: pa.ChunkedArray) -> list[Any]:
    """The texts, equal ones as one object: a million ids of few recordings cost no more than those few."""
    encoded = texts.combine_chunks().dictionary_encode()
    distinct = encoded.dictionary.to_pylist()
    return [distinct[n] if n is not None else None for n in encoded.indices.to_pylist()]


def _read_classes(catalog: Catalog) -> dict[str, set[str]]:
    """The classes of each session's labels."""
    columns = ["session", "class_name"]
    rows = catalog.read("labels", columns).group_by(columns).aggregate([]).to_pylist()
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[row["session"]].add(row["class_name"])
    return found


def _read_sides(catalog: Catalog, frames: pa.Table) -> dict[str, str]:
    """The split that each frame has, or had when it was released.

    A new frame has that of a released one with its bytes that is none of `frames` any more: its file was moved.
    """
    columns = ["frame_id", "sha256", "split"]
    released = catalog.read_latest("release_frames", columns)
    released = released.group_by(columns).aggregate([])
    strictness = pc.index_in(released["split"], value_set=pa.array(PARTS))
    # what comes last counts
    released = released.append_column("strictness", strictness).sort_by(
        [("strictness", "descending")]
    )
    present = catalog.read_latest("splits", ["frame_id", "split"])
    sides: dict[str, str] = {}
    for rows in (released, present):
        sides.update(
            zip(rows["frame_id"].to_pylist(), _list_shared(rows["split"]), strict=True)
        )
    is_there = pc.is_in(released["frame_id"], value_set=frames["frame_id"])
    gone = released.filter(pc.invert(is_there))
    moved = dict(
        zip(gone["sha256"].to_pylist(), gone["split"].to_pylist(), strict=True)
    )
    is_moved = pc.is_in(frames["sha256"], value_set=gone["sha256"])
    found = frames.filter(is_moved)
    for frame_id, sha256 in zip(
        found["frame_id"].to_pylist(), found["sha256"].to_pylist(), strict=True
    ):
        sides.setdefault(frame_id, moved[sha256])
    return sides


def _ordered_frames(
    catalog: Catalog, datasets: Mapping[str, frozenset[str]]
) -> pa.Table:
    """Published colour frames in the order in which they lead their clusters."""
    columns = ["frame_id", "capture_id", "session", "sequence", "split_hint", "sha256"]
    rows = catalog.read("frames", columns, "kind = 'color'")
    return rows.take(pa.array(np.argsort(find_places(rows, datasets.keys()))))


def _column(catalog: Catalog, table: str, column: str) -> dict[str, str]:
    key = TABLES[table].key
    return {r[key]: r[column] for r in catalog.read(table, [key, column]).to_pylist()}
