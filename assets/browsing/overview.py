"""What a home holds at a glance: sessions and their state, sensors, classes, models, releases; what can be asked."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa

from assets.browsing.frame_index import FrameIndex
from assets.browsing.held import tell_held
from assets.browsing.questions import SPLITS, list_sort_columns
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES
from assets.tables.schemas.monitoring import WHOLE_SESSION
from models.task_names import TASK_NAMES

_TABLES = ("frames", "splits", "frame_quality")


def tell_home(catalog: Catalog, index: FrameIndex) -> dict[str, Any]:
    """Everything as plain values."""
    has_vectors = "frame_embeddings" in index.versions
    return {
        "index": index.number,
        "num_frames": len(index),
        "sessions": list_sessions(catalog, index),
        "sensors": _list_words(index, "sensor"),
        "classes": list(index.classes),
        "splits": list(SPLITS),
        "models": _list_models(catalog),
        "releases": _list_releases(catalog),
        "columns": _list_columns(index),
        "sort_columns": list_sort_columns(index),
        "tasks": list(TASK_NAMES),
        "has_embeddings": has_vectors,
        "has_map": has_vectors,
        "has_text_search": catalog.exists("documents"),
    }


def list_sessions(catalog: Catalog, index: FrameIndex) -> list[dict[str, Any]]:
    """Sessions by name: their frames, their time, whether readers get them and why not, what is wrong with them."""
    counts = index.rows.group_by("session").aggregate(
        [("frame_id", "count"), ("t_ns", "min"), ("t_ns", "max")]
    )
    held = tell_held(catalog, counts["session"].to_pylist())
    quarantined = Counter(
        catalog.read_latest("quarantine", ["session"])["session"].to_pylist()
    )
    drifted = _list_drifted(catalog)
    found = []
    for row in sorted(counts.to_pylist(), key=lambda one: one["session"]):
        name = row["session"]
        found.append(
            {
                "session": name,
                "num_frames": row["frame_id_count"],
                "first_ns": row["t_ns_min"],
                "last_ns": row["t_ns_max"],
                "published": name not in held,
                "reason": held.get(name, ""),
                "num_quarantined": quarantined[name],
                "drifted": name in drifted,
            }
        )
    return found


def _list_drifted(catalog: Catalog) -> set[str]:
    where = f"statistic = '{WHOLE_SESSION}' AND is_drifted"
    rows = catalog.read_latest("drift", ["session"], where)
    return set(rows["session"].to_pylist())


def _list_words(index: FrameIndex, column: str) -> list[str]:
    words = index.rows[column].unique().drop_null()
    return sorted(words.cast(pa.string()).to_pylist())


def _list_models(catalog: Catalog) -> list[dict[str, Any]]:
    champions = catalog.read_latest("champions", ["task", "model_sha256"]).to_pylist()
    leads = {(row["task"], row["model_sha256"]) for row in champions}
    columns = ["task", "model_sha256", "recipe", "release_id"]
    rows = catalog.read_latest("models", columns).to_pylist()
    found = [
        {
            "task": row["task"],
            "model_id": row["model_sha256"],
            "recipe": row["recipe"],
            "release_id": row["release_id"],
            "is_champion": (row["task"], row["model_sha256"]) in leads,
        }
        for row in rows
    ]
    return sorted(found, key=lambda m: (m["task"], not m["is_champion"], m["model_id"]))


def _list_releases(catalog: Catalog) -> list[dict[str, Any]]:
    columns = ["release_id", "task", "class_names", "num_frames", "num_labels"]
    rows = catalog.read_latest("releases", columns)
    found: list[dict[str, Any]] = rows.sort_by("release_id").to_pylist()
    return found


def _list_columns(index: FrameIndex) -> list[dict[str, str]]:
    """What a condition may ask of frames, with kind and unit."""
    units = {
        column.name: column.unit
        for table in _TABLES
        for column in TABLES[table].columns
    }
    return [
        {"name": field.name, "kind": _name_kind(field.type), "unit": units[field.name]}
        for field in index.rows.schema
    ]


def _name_kind(kind: pa.DataType) -> str:
    return (
        "number" if pa.types.is_integer(kind) or pa.types.is_floating(kind) else "text"
    )
