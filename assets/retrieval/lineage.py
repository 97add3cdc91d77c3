"""Trace anything to the bytes it came from, and to everything that saw it, also where its files are gone by now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from assets.choice import read_choice
from assets.tables.catalog import Catalog
from assets.tables.ids import begins_with, take_one
from assets.tables.schemas import TABLES

KINDS = {
    "capture": ("captures", "capture_id"),
    "frame": ("frames", "frame_id"),
    "release": ("releases", "release_id"),
    "model": ("models", "model_sha256"),
    "prediction": ("predictions", "prediction_id"),
}
Row = dict[str, Any]


def trace(catalog: Catalog, kind: str, wanted_id: str) -> dict[str, Any]:
    """Upstream to file and byte offset, downstream to models and predictions.

    `wanted_id` may be a unique beginning of six characters or more. Raises ValueError for an unknown kind or id.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} has no lineage: use one of {', '.join(KINDS)}")
    row = _find(catalog, kind, wanted_id)
    return {"kind": kind, "id": row[KINDS[kind][1]], **_TRACERS[kind](catalog, row)}


def _find(catalog: Catalog, kind: str, wanted_id: str) -> Row:
    table, _ = KINDS[kind]
    begins_so = begins_with(table, wanted_id)
    columns = _FRAME if table == "frames" else None
    rows = catalog.read_latest(table, columns, begins_so).to_pylist()
    if not rows:
        rows = _read_gone(
            catalog, table, lambda v: catalog.read(table, columns, begins_so, v)
        )
    return take_one(rows, table, wanted_id)


def _trace_capture(catalog: Catalog, row: Row) -> dict[str, Any]:
    frames = _select(catalog, "frames", _FRAME, "capture_id", [row["capture_id"]])
    return {
        "upstream": {"capture": _capture(row)},
        "downstream": _after_frames(catalog, frames),
    }


def _trace_frame(catalog: Catalog, row: Row) -> dict[str, Any]:
    columns = ["label_id", "task", "class_name", "origin", *_WHERE]
    labels = _select(catalog, "labels", columns, "frame_id", [row["frame_id"]])
    upstream = {
        "frame": _frame(row),
        "capture": _capture_of(catalog, row["capture_id"]),
        "labels": labels,
    }
    return {
        "upstream": upstream,
        "downstream": _after_frames(catalog, [row], with_frames=False),
    }


def _trace_release(catalog: Catalog, row: Row) -> dict[str, Any]:
    return {
        "upstream": _before_release(catalog, row),
        "downstream": _after_releases(catalog, [row["release_id"]]),
    }


def _trace_model(catalog: Catalog, row: Row) -> dict[str, Any]:
    releases = _select(catalog, "releases", None, "release_id", [row["release_id"]])
    upstream = {
        "model": row,
        **(_before_release(catalog, releases[0]) if releases else {}),
    }
    return {
        "upstream": upstream,
        "downstream": _after_models(catalog, [row["model_sha256"]]),
    }


def _trace_prediction(catalog: Catalog, row: Row) -> dict[str, Any]:
    frames = _select(catalog, "frames", _FRAME, "frame_id", [row["frame_id"]])
    models = _select(catalog, "models", None, "model_sha256", [row["model_sha256"]])
    upstream = {
        "prediction": row,
        "frame": _frame(frames[0]) if frames else None,
        "capture": _capture_of(catalog, frames[0]["capture_id"]) if frames else None,
        "model": models[0] if models else None,
    }
    if models:
        releases = _select(
            catalog, "releases", None, "release_id", [models[0]["release_id"]]
        )
        upstream["release"] = _release(releases[0]) if releases else None
    return {"upstream": upstream, "downstream": {}}


def _before_release(catalog: Catalog, row: Row) -> dict[str, Any]:
    frames = _select(
        catalog,
        "release_frames",
        ["frame_id", "capture_id"],
        "release_id",
        [row["release_id"]],
    )
    captures = _select(
        catalog,
        "captures",
        None,
        "capture_id",
        sorted({f["capture_id"] for f in frames}),
    )
    stored = _select(
        catalog, "frames", _FRAME, "frame_id", [f["frame_id"] for f in frames]
    )
    return {
        "release": _release(row),
        "captures": [_capture(c) for c in captures],
        "frames": [_frame(f) for f in stored],
    }


def _after_frames(
    catalog: Catalog, frames: list[Row], with_frames: bool = True
) -> dict[str, Any]:
    ids = [f["frame_id"] for f in frames]
    members = _select(
        catalog, "release_frames", ["release_id", "frame_id", "split"], "frame_id", ids
    )
    releases = sorted({m["release_id"] for m in members})
    predictions = _select(catalog, "predictions", _PREDICTION, "frame_id", ids)
    seen = {"frames": [_frame(f) for f in frames]} if with_frames else {}
    models = _select(catalog, "models", None, "release_id", releases)
    splits = sorted({(m["release_id"], m["split"]) for m in members})
    return {
        **seen,
        "releases": [{"release_id": r, "split": s} for r, s in splits],
        "models": models,
        "predictions": predictions,
    }


def _after_releases(catalog: Catalog, release_ids: list[str]) -> dict[str, Any]:
    models = _select(catalog, "models", None, "release_id", release_ids)
    return {
        "models": models,
        **_after_models(catalog, [m["model_sha256"] for m in models]),
    }


def _after_models(catalog: Catalog, hashes: list[str]) -> dict[str, Any]:
    return {
        "predictions": _select(
            catalog, "predictions", _PREDICTION, "model_sha256", hashes
        )
    }


_WHERE = ["source_path", "source_offset", "source_length", "source_inner_offset"]
_FRAME = [
    "frame_id",
    "capture_id",
    "session",
    "sensor",
    "kind",
    "t_ns",
    "sha256",
    *_WHERE,
]
_PREDICTION = [
    "prediction_id",
    "frame_id",
    "session",
    "task",
    "model_sha256",
    "purpose",
]
_TRACERS: dict[str, Callable[[Catalog, Row], dict[str, Any]]] = {
    "capture": _trace_capture,
    "frame": _trace_frame,
    "release": _trace_release,
    "model": _trace_model,
    "prediction": _trace_prediction,
}


def _select(
    catalog: Catalog, table: str, columns: list[str] | None, key: str, values: list[str]
) -> list[Row]:
    rows = catalog.read_of(table, columns, key, values).to_pylist() if values else []
    lacking = set(values) - {row.get(key) for row in rows}
    if lacking and key == TABLES[table].key:
        rows += _read_gone(
            catalog,
            table,
            lambda v: catalog.read_of(table, columns, key, sorted(lacking), v),
        )
    return sorted(rows, key=lambda r: str(r.get(TABLES[table].key) or list(r.values())))


def _read_gone(
    catalog: Catalog, table: str, read: Callable[[int], pa.Table]
) -> list[Row]:
    """Rows of files that are gone, of the versions that had them last; none of tables whose rows stay."""
    if table not in ("frames", "captures"):
        return []
    marks = catalog.read_latest("gone", [f"{table}_version"])[f"{table}_version"]
    versions = set(marks.drop_null().to_pylist())
    if table == "frames":
        pinned = catalog.read_latest("releases", ["frames_version"])["frames_version"]
        versions |= set(pinned.to_pylist())
    key = TABLES[table].key
    found: dict[str, Row] = {}
    for version in sorted(versions):
        found |= {row[key]: row for row in read(version).to_pylist()}
    return list(found.values())


def _capture_of(catalog: Catalog, capture_id: str) -> Row | None:
    rows = _select(catalog, "captures", None, "capture_id", [capture_id])
    return _capture(rows[0]) if rows else None


def _capture(row: Row) -> Row:
    names = (
        "capture_id",
        "session",
        "path",
        "source_uri",
        "reader",
        "sha256",
        "size_bytes",
    )
    return {name: row[name] for name in names}


def _frame(row: Row) -> Row:
    return {name: row[name] for name in _FRAME}


def _release(row: Row) -> Row:
    names = (
        "release_id",
        "task",
        "num_frames",
        "content_sha256",
        "sessions",
        "code_version",
    )
    return {
        **{name: row[name] for name in names},
        "chosen": read_choice(row["choice"]).summary,
        "warnings": list(row["weaknesses"] or ()),
    }
