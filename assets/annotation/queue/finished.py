"""Queues to which people have answered all: what they said is reason enough to train again, once a queue."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from assets.annotation.queue.stored import ANSWERED, OPEN, leave_out_forgotten
from assets.tables.catalog import Catalog, repr_sql
from assets.tables.rows import ChampionRow, RetrainingRequestRow
from assets.tables.schemas import content_id

_READ = ["queue_id", "frame_id", "session", "state", "made_ns"]


def list_requests(
    catalog: Catalog, champion: ChampionRow, now_ns: int
) -> list[RetrainingRequestRow]:
    """Rows for `retraining_requests` of the champion's task, the newest queue first: one a queue of which nothing is
    open and something was answered; frames that are gone are asked no more. A queue has the same request whoever is
    champion, so it asks once.

    The session that most of its answered frames are of is named.
    """
    task = champion["task"]
    rows = catalog.read_latest("label_queue", _READ, f"task = {repr_sql(task)}")
    rows = leave_out_forgotten(catalog, rows)
    found = []
    for queue_id in _list_finished(rows):
        mine = pc.and_(
            pc.equal(rows["queue_id"], queue_id), pc.equal(rows["state"], ANSWERED)
        )
        sessions = pc.value_counts(rows.filter(mine)["session"]).to_pylist()
        most = min(sessions, key=lambda one: (-one["counts"], one["values"]))
        total = sum(one["counts"] for one in sessions)
        found.append(
            RetrainingRequestRow(
                request_id=content_id("labels", queue_id),
                task=task,
                session=most["values"],
                reason=f"{total} frames of label queue {queue_id[:8]} were answered, {most['counts']} of this session",
                model_version=champion["model_version"],
                requested_ns=now_ns,
            )
        )
    return found


def _list_finished(rows: pa.Table) -> list[str]:
    """Queues with an answered row and no open one, the newest first."""
    states = rows.group_by("queue_id").aggregate(
        [("made_ns", "max"), ("state", "distinct")]
    )
    newest = states.sort_by([("made_ns_max", "descending"), ("queue_id", "ascending")])
    return [
        row["queue_id"]
        for row in newest.to_pylist()
        if ANSWERED in row["state_distinct"] and OPEN not in row["state_distinct"]
    ]
