"""Which labels of a release people were asked for: the queues, the alarms behind them, and the frames they answered."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.tables.catalog import Catalog, is_in
from assets.tables.row_sequence import Row, RowSequence

_FRAME = ["frame_id", "session", "queue_id", "author_kind", "author"]


def trace_asked(catalog: Catalog, release_id: str) -> dict[str, Any]:
    """`queues`: each with its alarm, None where a person made it, and how many frames it brought; `frames`: those."""
    taken = catalog.read_latest(
        "release_labels", ["version_id"], is_in("release_id", [release_id])
    )
    versions = catalog.read_of(
        "label_versions", _FRAME, "version_id", taken["version_id"]
    )
    frames = versions.filter(pc.is_valid(versions["queue_id"]))
    frames = frames.sort_by([("session", "ascending"), ("frame_id", "ascending")])
    return {"queues": _list_queues(catalog, frames), "frames": RowSequence(frames)}


def _list_queues(catalog: Catalog, frames: pa.Table) -> list[Row]:
    counts = pc.value_counts(frames["queue_id"]).to_pylist()
    ids = [one["values"] for one in counts]
    asked = catalog.read_of(
        "label_queue", ["queue_id", "task", "alarm_id"], "queue_id", ids
    )
    row_of = {row["queue_id"]: row for row in asked.to_pylist()}
    alarms = [r["alarm_id"] for r in row_of.values() if r["alarm_id"] is not None]
    raised = catalog.read_of("alarms", ["alarm_id", "summary"], "alarm_id", alarms)
    said = {row["alarm_id"]: row["summary"] for row in raised.to_pylist()}
    return [
        {
            "queue_id": queue["values"],
            "num_frames": queue["counts"],
            "alarm_id": row_of.get(queue["values"], {}).get("alarm_id"),
            "alarm": said.get(row_of.get(queue["values"], {}).get("alarm_id")),
        }
        for queue in sorted(counts, key=lambda one: (-one["counts"], one["values"]))
    ]
