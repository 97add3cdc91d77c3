"""One frame: what its row and its figures say, and its lineage both ways, in words and ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np

from assets.browsing.depth import describe_depth
from assets.browsing.frame_index import FrameIndex, FrameMissing
from assets.browsing.held import tell_held
from assets.browsing.masked import name_masked
from assets.browsing.pictures import find_upright
from assets.browsing.questions import Question, filter_plain
from assets.browsing.shown import list_shown, to_plain
from assets.current_labels import Said, read_said
from assets.privacy.told import is_sealed
from assets.retrieval.lineage import trace
from assets.tables.catalog import Catalog, TableMissing, is_in
from assets.tables.rows import FrameRow
from assets.tables.schemas import Column
from models.task_names import TASK_NAMES

MOST_LINKS = 200  # of one kind
# kind of what a frame led to, or came from -> its key, and what is told of it
_LINKS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "capture": ("capture_id", ("path", "reader")),
    "labels": ("label_id", ("task", "class_name", "origin")),
    "releases": ("release_id", ("split",)),
    "models": ("model_sha256", ("task", "recipe")),
    "predictions": ("prediction_id", ("task", "purpose")),
    "tracks": ("track_id", ("class_name", "tracker")),
    "depth_maps": ("depth_map_id", ("sensor",)),
    "sparse_models": ("sparse_model_id", ("session",)),
    "meshes": ("mesh_id", ("sensor", "part")),
}
_KIND = {"labels": "label", "meshes": "mesh"}


def tell_frame(catalog: Catalog, index: FrameIndex, frame_id: str) -> dict[str, Any]:
    """`frame`, why its session is `held` back (None: it is not), its `columns` with units, names of those that are
    `masked`, whether its original `is_sealed`, `depth`, `quality`, `labels` and `queue` by task, `neighbours` in time,
    `lineage` back and forward. Raises FrameMissing."""
    (position,) = index.find([frame_id])
    if position < 0:
        raise FrameMissing(frame_id)
    shown = list_shown("frames")
    stored = index.dataset.schema.names if index.dataset is not None else ()
    names = [column.name for column in shown if column.name in stored]
    row = index.take(index.find([frame_id]), names).to_pylist()[0]
    turn = find_upright(index, int(position))
    facts = index.rows.slice(int(position), 1).to_pylist()[0]
    return {
        "frame": {
            "frame_id": frame_id,
            "session": row["session"],
            "sensor": row["sensor"],
            "time_ns": row["t_ns"],
            "width": turn.shown_px[0],
            "height": turn.shown_px[1],
            "stored_width": row["width_px"],
            "stored_height": row["height_px"],
            "orientation": turn.orientation,
            "split": facts["split"],
        },
        "held": tell_held(catalog, [row["session"]]).get(row["session"]),
        "columns": list(_tell_columns(shown, row)),
        "masked": name_masked(),
        "is_sealed": is_sealed(catalog, frame_id),
        "depth": describe_depth(catalog, index, frame_id),
        "quality": _read_quality(catalog, frame_id),
        "labels": _tell_labels(catalog, row),
        "queue": _read_queue(catalog, frame_id),
        "neighbours": _find_neighbours(index, int(position)),
        "lineage": _tell_lineage(catalog, frame_id),
    }


def _tell_columns(
    columns: Sequence[Column], row: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    for column in columns:
        if column.name in row:
            value = to_plain(row[column.name])
            yield {"name": column.name, "value": value, "unit": column.unit}


def _read_quality(catalog: Catalog, frame_id: str) -> dict[str, Any]:
    names = [c.name for c in list_shown("frame_quality") if c.name != "session"]
    rows = catalog.read_latest("frame_quality", names, is_in("frame_id", [frame_id]))
    return to_plain(rows.to_pylist()[0]) if len(rows) else {}


def _tell_labels(catalog: Catalog, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each task: the number of its last version, and whether anybody looked."""
    said = read_said(catalog, [cast(FrameRow, row)])
    nothing = Said()
    found = []
    for task in TASK_NAMES:
        what = said.get((row["frame_id"], task), nothing)
        found.append(
            {
                "task": task,
                "version": what.head,
                "num_labels": len(what.labels),
                "is_looked_at": bool(what.looked_at or what.labels),
                "num_missing": what.num_missing,
            }
        )
    return found


def _read_queue(catalog: Catalog, frame_id: str) -> list[dict[str, Any]]:
    columns = ["row_id", "task", "told", "state"]
    rows = catalog.read_latest("label_queue", columns, is_in("frame_id", [frame_id]))
    found: list[dict[str, Any]] = rows.sort_by("row_id").to_pylist()
    return found


def _find_neighbours(index: FrameIndex, position: int) -> dict[str, str | None]:
    """The frames before and after it in time, of the same session and sensor."""
    session, sensor = (index.rows[n][position].as_py() for n in ("session", "sensor"))
    asked = Question(sessions=(session,), sensors=(sensor,))
    alike = np.flatnonzero(filter_plain(index, asked))
    at = int(np.searchsorted(alike, position))
    names = index.rows["frame_id"]
    return {
        "previous": names[int(alike[at - 1])].as_py() if at else None,
        "next": names[int(alike[at + 1])].as_py() if at + 1 < len(alike) else None,
    }


def _tell_lineage(catalog: Catalog, frame_id: str) -> dict[str, list[dict[str, Any]]]:
    try:
        found = trace(catalog, "frame", frame_id)
    except (TableMissing, ValueError):
        return {"back": [], "forward": []}
    return {
        "back": list(_list_links(found["upstream"])),
        "forward": list(_list_links(found["downstream"])),
    }


def _list_links(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What may be shown of each thing: its id, and few words of it."""
    for kind, (key, words) in _LINKS.items():
        things = found.get(kind) or ()
        things = [things] if isinstance(things, Mapping) else things
        for thing in things[:MOST_LINKS]:
            told = (str(thing[word]) for word in words if thing.get(word) is not None)
            name = _KIND.get(kind, kind.removesuffix("s"))
            yield {"kind": name, "id": thing[key], "text": ", ".join(told)}
        if len(things) > MOST_LINKS:
            more = f"and {len(things) - MOST_LINKS:,} more"
            yield {"kind": kind, "id": None, "text": more}
