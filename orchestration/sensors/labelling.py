"""Watch alarms and answers: what alarms asks people for labels, and what they have answered asks for a training.

Belongs here: when to ask. Does not: what an alarm is, which frames are asked, and when a training is run.
"""

import time
from typing import Any

import dagster as dg

from assets.annotation.queue.finished import list_requests
from assets.annotation.queue.stored import close_answered
from assets.monitoring.alarms import COOLDOWN_S as ALARM_COOLDOWN_S
from assets.monitoring.answers import COOLDOWN_S
from assets.monitoring.pending import champions
from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import AlarmRow, ChampionRow, RetrainingRequestRow
from assets.tables.schemas import TABLES, to_table
from orchestration.jobs import ask_for_labels
from orchestration.sensors.seen import read_versions

_OF_IMAGES = "images"
_CAUSES = (_OF_IMAGES, "answers", "estimate")  # kinds of alarms that labels explain
_READ = ("champions", "labels", "annotated_frames", "label_versions", "label_queue")


@dg.sensor(
    job=ask_for_labels,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="An alarm asks people for labels, one queue each; a queue that they have answered asks for a training.",
)
def label_sensor(
    context: dg.SensorEvaluationContext,
    catalog: dg.ResourceParam[Catalog],
) -> dg.SensorResult:
    """A run of `annotation/label_queue` for each alarm that was told, once; what is open already counts for its budget.

    A queue of which nothing is open any more files one request for retraining, no sooner than COOLDOWN_S after the
    last one of its task: `drift_sensor` asks for the run. The cursor holds the versions of the tables that were looked
    at.
    """
    runs = [_ask(alarm) for alarm in _read_alarms(catalog, time.time_ns())]
    seen = read_versions(catalog, _READ)
    filed: list[RetrainingRequestRow] = []
    if seen != context.cursor:
        close_answered(catalog)
        due = [rows for c in champions(catalog) if (rows := _list_due(catalog, c))]
        filed = [rows[0] for rows in due if _file(catalog, rows)]
        # what waits for the cool-down is looked at again
        seen = seen if len(filed) == len(due) else ""
    told = "; ".join(f"{row['task']}: {row['reason']}" for row in filed)
    return dg.SensorResult(
        run_requests=runs,
        skip_reason=None if runs else told or "no alarm and no answered queue is new",
        cursor=seen,
    )


def _read_alarms(catalog: Catalog, now_ns: int) -> list[AlarmRow]:
    """Those that were told of late: Dagster knows by its key which of them has had its run."""
    where = f"{is_in('kind', _CAUSES)} AND is_told AND raised_ns > {now_ns - ALARM_COOLDOWN_S * 10**9}"
    return catalog.read_latest("alarms", where=where).to_pylist()


def _ask(alarm: AlarmRow) -> dg.RunRequest:
    kind, _, subject = alarm["cause"].partition("/")
    config: dict[str, Any] = {"task": subject} if kind != _OF_IMAGES else {}
    ops = {"annotation__label_queue": {"config": config}} if config else {}
    return dg.RunRequest(
        run_key=alarm["alarm_id"],
        run_config={"ops": ops} if ops else {},
        tags={"daguerre/reason": alarm["summary"][:200]},
    )


def _file(catalog: Catalog, due: list[RetrainingRequestRow]) -> bool:
    """Store a task's requests, unless the cool-down holds: a training for the newest sees what answers the others."""
    where = is_in("task", [due[0]["task"]])
    stored = catalog.read_latest("retraining_requests", ["requested_ns"], where)
    last_ns = max(stored["requested_ns"].to_pylist(), default=0)
    if time.time_ns() - last_ns < COOLDOWN_S * 10**9:
        return False
    table = TABLES["retraining_requests"]
    catalog.merge("retraining_requests", to_table(table, due))
    return True


def _list_due(catalog: Catalog, champion: ChampionRow) -> list[RetrainingRequestRow]:
    """Requests of finished queues that are not stored, the newest first."""
    found = list_requests(catalog, champion, time.time_ns())
    ids = [row["request_id"] for row in found]
    where = is_in("request_id", ids)
    stored = catalog.read_latest("retraining_requests", ["request_id"], where)
    known = set(stored["request_id"].to_pylist())
    return [row for row in found if row["request_id"] not in known]
