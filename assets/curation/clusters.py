"""Bring clusters, splits and their tables up to date with the published frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assets.curation.dedup import find_clusters
from assets.curation.split import Frame, assign_splits
from assets.tables.catalog import Catalog, Written
from assets.tables.schemas import TABLES, to_table

_STRICTEST = {"test": 0, "val": 1, "train": 2, None: 3}


def update_clusters(catalog: Catalog) -> Written:
    """Recompute `unique_frames`: one row a published colour frame that has an embedding and quality figures."""
    frames = _ordered_frames(catalog)
    vectors = {r["frame_id"]: r["vector"] for r in catalog.read("frame_embeddings", ["frame_id", "vector"]).to_pylist()}
    hashes = _column(catalog, "frame_quality", "perceptual_hash")
    frames = [f for f in frames if f["frame_id"] in vectors and f["frame_id"] in hashes]
    if not frames:
        raise ValueError("no published frames with embeddings and quality: materialise those for a session first")
    ids = [f["frame_id"] for f in frames]
    first, similarity = find_clusters(np.array([vectors[i] for i in ids], np.float32), [hashes[i] for i in ids])
    rows: Sequence[dict[str, object]] = [
        {"frame_id": frame["frame_id"], "session": frame["session"], "cluster_id": ids[first[n]],
         "duplicate_of": None if first[n] == n else ids[first[n]],
         "similarity": None if first[n] == n else float(similarity[n])}
        for n, frame in enumerate(frames)
    ]  # fmt: skip
    return catalog.replace_all("unique_frames", to_table(TABLES["unique_frames"], rows))


def update_splits(catalog: Catalog) -> Written:
    """Recompute `splits` from the published clusters; a frame that had a split keeps it."""
    clusters = _column(catalog, "unique_frames", "cluster_id")
    readers = _column(catalog, "captures", "reader")
    hashes = _column(catalog, "captures", "sha256")
    frames = [
        Frame(f["frame_id"], f["capture_id"], f["session"], clusters[f["frame_id"]],
              readers.get(f["capture_id"]) == "mcap" and hashes.get(f["capture_id"]) is not None, f["split_hint"])
        for f in _ordered_frames(catalog) if f["frame_id"] in clusters
    ]  # fmt: skip
    before = {r["frame_id"]: r["split"] for r in catalog.read_latest("splits", ["frame_id", "split"]).to_pylist()}
    rows: list[dict[str, object]] = [
        {"frame_id": a.frame.frame_id, "capture_id": a.frame.capture_id, "session": a.frame.session,
         "group_id": a.group_id, "split": a.split, "rule": a.rule}
        for a in assign_splits(frames, before)
    ]  # fmt: skip
    return catalog.replace_all("splits", to_table(TABLES["splits"], rows))


def _ordered_frames(catalog: Catalog) -> list[dict]:
    """Published colour frames, those of a producer's test part first, so that they lead their clusters."""
    columns = ["frame_id", "capture_id", "session", "sequence", "split_hint"]
    rows = catalog.read("frames", columns, "kind = 'color'").to_pylist()
    return sorted(
        rows, key=lambda r: (_STRICTEST[r["split_hint"]], r["session"], r["capture_id"], r["sequence"], r["frame_id"])
    )


def _column(catalog: Catalog, table: str, column: str) -> dict[str, str]:
    key = TABLES[table].key
    return {r[key]: r[column] for r in catalog.read(table, [key, column]).to_pylist()}
