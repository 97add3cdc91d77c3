"""Bring clusters, splits and their tables up to date with the published frames."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.curation.annotations import read_datasets
from assets.curation.dedup import (
    CODE_VERSION,
    MIN_COSINE,
    find_clusters,
    find_min_cosine,
)
from assets.curation.split import Frame, assign_splits
from assets.curation.subjects import part_by_subject
from assets.formats.protocol import RECORDING_READERS
from assets.tables.catalog import Catalog
from assets.tables.encoders import require_one_encoder
from assets.tables.incremental import Refreshed, replace_rows
from assets.tables.rows import FrameRow
from assets.tables.schemas import EMBEDDING_DIM, TABLES

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
    cluster_of = {str(r["frame_id"]): str(r["cluster_id"]) for r in rows}
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
    return replace_rows(catalog, "splits", rows, computed)


def _cluster(catalog: Catalog) -> tuple[list[_Row], int]:
    """Rows of `unique_frames`, and how many frames were compared for them."""
    frames = _ordered_frames(catalog, read_datasets(catalog))
    embeddings = catalog.read(
        "frame_embeddings",
        ["frame_id", "session", "vector", "input_sha256", "code_version"],
    )
    require_one_encoder(embeddings)
    vectors = (
        embeddings["vector"]
        .combine_chunks()
        .flatten()
        .to_numpy()
        .reshape(-1, EMBEDDING_DIM)
    )
    row_of = {
        frame_id: n for n, frame_id in enumerate(embeddings["frame_id"].to_pylist())
    }
    sources = list(
        zip(
            embeddings["input_sha256"].to_pylist(),
            embeddings["code_version"].to_pylist(),
            strict=True,
        )
    )
    hashes = _column(catalog, "frame_quality", "perceptual_hash")
    frames = [f for f in frames if f["frame_id"] in row_of and f["frame_id"] in hashes]
    if not frames:
        raise ValueError(
            "no published frames with embeddings and quality: materialise those for a session first"
        )
    ids = [f["frame_id"] for f in frames]
    inputs = {i: _hash(*sources[row_of[i]], hashes[i]) for i in ids}
    vectors = vectors[[row_of[i] for i in ids]]
    min_cosine, version = _choose_threshold(catalog, sources[0][1], vectors)
    known = _known_clusters(catalog, inputs, version)
    first, similarity = find_clusters(
        vectors, [hashes[i] for i in ids], min_cosine, known=known
    )
    rows: list[_Row] = [
        {
            "frame_id": frame["frame_id"],
            "session": frame["session"],
            "cluster_id": ids[first[n]],
            "duplicate_of": None if first[n] == n else ids[first[n]],
            "similarity": None if first[n] == n else float(similarity[n]),
            "input_sha256": inputs[frame["frame_id"]],
            "code_version": version,
        }
        for n, frame in enumerate(frames)
    ]
    return rows, int((known < 0).sum())


def _choose_threshold(
    catalog: Catalog, encoder: str, vectors: NDArray[np.float32]
) -> tuple[float, str]:
    """The least cosine of near-duplicates, and the code version of the rows, which tells it.

    That of a user's encoder is found once, when its vectors are first compared, so that clusters stay as data grows.
    """
    if ":" not in encoder:
        return MIN_COSINE, CODE_VERSION
    mine = f"{CODE_VERSION}:{encoder}:"
    found = {
        r["code_version"]
        for r in catalog.read_latest("unique_frames", ["code_version"]).to_pylist()
    }
    version = min(
        (v for v in found if v.startswith(mine)),
        default=f"{mine}{find_min_cosine(vectors):.7f}",
    )
    return float(version.removeprefix(mine)), version


def _known_clusters(
    catalog: Catalog, inputs: Mapping[str, str], version: str
) -> NDArray[np.int64]:
    """`known` of find_clusters for the frames of `inputs` (frame id -> hash of what is compared), in their order."""
    columns = ["frame_id", "cluster_id", "input_sha256", "code_version"]
    have = catalog.read_latest("unique_frames", columns).to_pylist()
    is_same = {
        r["frame_id"]: (r["input_sha256"], r["code_version"])
        == (inputs.get(r["frame_id"]), version)
        for r in have
    }
    broken = {r["cluster_id"] for r in have if not is_same[r["frame_id"]]}
    cluster_of = {
        r["frame_id"]: r["cluster_id"] for r in have if r["cluster_id"] not in broken
    }
    index = {frame_id: n for n, frame_id in enumerate(inputs)}
    return np.array(
        [index[cluster_of[i]] if i in cluster_of else -1 for i in inputs], np.int64
    )


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


def _hash(*parts: str) -> str:
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()
