"""Stored queues: what is open, what was answered or skipped, and what a queue asks in its order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from assets.annotation.queue.ranking import LABEL_ERRORS
from assets.kinds import find_kind
from assets.label_versions import IS_SEEN
from assets.tables.catalog import Catalog, is_in, repr_sql

State = Literal["open", "answered", "skipped"]
OPEN: State = "open"
ANSWERED: State = "answered"
SKIPPED: State = "skipped"


def count_open(catalog: Catalog, task: str) -> int:
    """How many frames queues of the task ask at present."""
    return len(_read_open(catalog, task, ["frame_id"]))


def list_open_sessions(catalog: Catalog, task: str) -> set[str]:
    """The sessions whose frames queues of the task ask at present."""
    rows = _read_open(catalog, task, ["frame_id", "session"])
    return set(rows["session"].to_pylist())


def read_queue(
    catalog: Catalog, queue_id: str | None = None, task: str | None = None
) -> pa.Table:
    """Rows of one queue, or all open ones of a task, or of all, in their order: the newest queue first.

    Raises ValueError, with the remedy, for a queue that there is not.
    """
    if queue_id is None:
        rows = _read_open(catalog, task, None)
    else:
        found = catalog.read_latest(
            "label_queue", where=f"starts_with(queue_id, {repr_sql(queue_id)})"
        )
        ids = found["queue_id"].unique().to_pylist()
        if len(ids) != 1:
            what = f"{len(ids)} queues begin" if ids else "no queue begins"
            raise ValueError(
                f"{what} with {queue_id!r}: `daguerre queue show` lists what is open, by queue"
            )
        rows = found
    order = [
        ("made_ns", "descending"),
        ("queue_id", "ascending"),
        ("rank", "ascending"),
    ]
    return rows.sort_by(order)


def change_state(
    catalog: Catalog, queue_id: str, frame_ids: Sequence[str], state: State
) -> int:
    """Mark open rows of a queue as answered or skipped; how many were. Those that are not open stay as they are."""
    where = (
        f"queue_id = {repr_sql(queue_id)} AND state = {repr_sql(OPEN)} "
        f"AND {is_in('frame_id', frame_ids)}"
    )
    return _write_state(catalog, catalog.read_latest("label_queue", where=where), state)


def close_answered(catalog: Catalog, task: str | None = None) -> int:
    """Mark open rows as answered where somebody has said something of the frame since; how many were.

    What the gate of the labels has not let through, or holds back, is no answer: no release would hold it.
    A frame that was asked for its first label is answered by any label, of an annotator or a file. One whose label is
    suspected is answered by a version that names the queue: its label stood there before.
    """
    rows = _read_open(catalog, task, None)
    if not len(rows):
        return 0
    columns = ["frame_id", "task", "queue_id"]
    versions = catalog.read("label_versions", columns, IS_SEEN)
    of_queue = pc.is_in(
        _join(rows, "queue_id"), value_set=_join(versions, "queue_id").combine_chunks()
    )
    is_first = pa.array(
        [LABEL_ERRORS not in names for names in rows["reasons"].to_pylist()], pa.bool_()
    )
    done = pc.or_(of_queue, pc.and_(is_first, _is_labelled(catalog, rows, versions)))
    return _write_state(catalog, rows.filter(done), ANSWERED)


def _is_labelled(
    catalog: Catalog, rows: pa.Table, versions: pa.Table
) -> pa.ChunkedArray:
    """(N,) whether anything is said of the frames of queue rows for their task."""
    subject = _join(rows, "task")
    found = pc.is_in(subject, value_set=_join(versions, "task").combine_chunks())
    for task in rows["task"].unique().to_pylist():
        where = is_in("task", find_kind(task).label_tasks)
        for table in ("labels", "annotated_frames"):
            said = catalog.read(table, ["frame_id"], where)["frame_id"].unique()
            is_said = pc.is_in(rows["frame_id"], value_set=said)
            found = pc.or_(found, pc.and_(is_said, pc.equal(rows["task"], task)))
    return found


def _join(rows: pa.Table, column: str) -> pa.ChunkedArray:
    """(N,) frame and another column as one text."""
    return pc.binary_join_element_wise(rows["frame_id"], rows[column], " ")


def leave_out_forgotten(catalog: Catalog, rows: pa.Table) -> pa.Table:
    """Rows with a `frame_id` that is stored: nobody can label a frame whose file is gone, or is to be forgotten."""
    asked = rows["frame_id"].unique()
    if not len(asked):
        return rows
    stored = catalog.read_of("frames", ["frame_id"], "frame_id", asked)["frame_id"]
    return rows.filter(pc.is_in(rows["frame_id"], value_set=stored.combine_chunks()))


def _read_open(
    catalog: Catalog, task: str | None, columns: Sequence[str] | None
) -> pa.Table:
    where = f"state = {repr_sql(OPEN)}"
    if task is not None:
        where += f" AND task = {repr_sql(task)}"
    rows = catalog.read_latest("label_queue", columns, where)
    return leave_out_forgotten(catalog, rows)


def _write_state(catalog: Catalog, rows: pa.Table, state: State) -> int:
    if not len(rows):
        return 0
    place = rows.schema.get_field_index("state")
    field = rows.schema.field(place)
    changed = rows.set_column(place, field, pa.array([state] * len(rows)))
    return catalog.upsert_where(
        "label_queue", changed, f"target.state = {repr_sql(OPEN)}"
    ).updated
