"""Watch alarms and answers: what alarms asks people for labels, and what they have answered asks for a training.

Belongs here: when to ask. Does not: what an alarm is, which frames are asked, and when a training is run.
"""

import time
from collections.abc import Callable

import dagster as dg

from assets.annotation.queue.explaining import count_asked
from assets.annotation.queue.finished import list_requests
from assets.annotation.queue.stored import close_answered
from assets.loop import LoopLimits
from assets.monitoring.alarms import COOLDOWN_S as ALARM_COOLDOWN_S
from assets.monitoring.pending import champions
from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import AlarmRow, ChampionRow, RetrainingRequestRow
from assets.tables.schemas import TABLES, to_table
from orchestration.jobs import ask_for_labels
from orchestration.sensors.seen import read_versions
from orchestration.sensors.standing import find_standing, name_next

# what a gate lets through is a row of publications
_READ = (
    "champions",
    "labels",
    "annotated_frames",
    "label_versions",
    "label_queue",
    "publications",
)

_ALARM = "daguerre/alarm"  # tag of a run: the alarm that it was asked for


@dg.sensor(
    job=ask_for_labels,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="An alarm asks people for labels, one queue each; a queue that they have answered asks for a training.",
)
def label_sensor(
    context: dg.SensorEvaluationContext,
    catalog: dg.ResourceParam[Catalog],
    limits: dg.ResourceParam[LoopLimits],
) -> dg.SensorResult:
    """A run of `annotation/label_queue` for each alarm that was told and names a task or a session, whatever its kind,
    once, while labels of a day are left; after a pause again where it failed by itself.

    A queue of which nothing is open any more files one request for retraining, no sooner than the cool-down after the
    last one of its task: `drift_sensor` asks for the run. The cursor holds the versions of the tables that were looked
    at.
    """
    now_ns = time.time_ns()
    alarms = _read_alarms(catalog, now_ns)
    has_room = _has_room(catalog, limits, now_ns)
    able = [alarm for alarm in alarms if has_room(alarm["task"])]
    asked = [(alarm, _name_run(context.instance, alarm)) for alarm in able]
    runs = [_ask(alarm, run_key, limits) for alarm, run_key in asked if run_key]
    seen = read_versions(catalog, _READ)
    filed: list[RetrainingRequestRow] = []
    if seen != context.cursor:
        close_answered(catalog)
        due = [rows for c in champions(catalog) if (rows := _list_due(catalog, c))]
        filed = [rows[0] for rows in due if _file(catalog, rows, limits.cooldown_s)]
        # what waits for the cool-down is looked at again
        seen = seen if len(filed) == len(due) else ""
    told = [f"{row['task']}: {row['reason']}" for row in filed]
    if len(able) < len(alarms):
        told.append(
            f"{len(alarms) - len(able)} alarms wait: {limits.labels_a_day} labels a day were asked for "
            "(DAGUERRE_LABELS_A_DAY)"
        )
    reason = "; ".join(told) or "no alarm and no answered queue is new"
    return dg.SensorResult(
        run_requests=runs, skip_reason=None if runs else reason, cursor=seen
    )


def _read_alarms(catalog: Catalog, now_ns: int) -> list[AlarmRow]:
    """Those that were told of late, that labels explain, and that have no queue yet."""
    where = (
        "(task IS NOT NULL OR session IS NOT NULL) AND is_told "
        f"AND raised_ns > {now_ns - ALARM_COOLDOWN_S * 10**9}"
    )
    asked = catalog.read_latest("label_queue", ["alarm_id"], "alarm_id IS NOT NULL")
    known = set(asked["alarm_id"].to_pylist())
    rows: list[AlarmRow] = catalog.read_latest("alarms", where=where).to_pylist()
    return [row for row in rows if row["alarm_id"] not in known]


def _has_room(
    catalog: Catalog, limits: LoopLimits, now_ns: int
) -> Callable[[str | None], bool]:
    """Whether a day has labels left for a task; for None, of any that has a champion."""
    left = {
        c["task"]: limits.labels_a_day - count_asked(catalog, c["task"], now_ns)
        for c in champions(catalog)
    }
    return lambda task: any(
        room > 0 for name, room in left.items() if task in (None, name)
    )


def _name_run(instance: dg.DagsterInstance, alarm: AlarmRow) -> str:
    """The key of the run to ask for; "" where it was asked for already, and left no queue, or rests after it failed."""
    tags = {_ALARM: alarm["alarm_id"]}
    now = find_standing(instance, ask_for_labels.name, tags)
    return name_next(now, alarm["alarm_id"])


def _ask(alarm: AlarmRow, run_key: str, limits: LoopLimits) -> dg.RunRequest:
    config = {"alarm": alarm["alarm_id"], "budget": limits.labels_a_day}
    return dg.RunRequest(
        run_key=run_key,
        run_config={"ops": {"annotation__label_queue": {"config": config}}},
        tags={_ALARM: alarm["alarm_id"], "daguerre/reason": alarm["summary"][:200]},
    )


def _file(catalog: Catalog, due: list[RetrainingRequestRow], cooldown_s: float) -> bool:
    """Store a task's requests, unless the cool-down holds: a training for the newest sees what answers the others."""
    where = is_in("task", [due[0]["task"]])
    stored = catalog.read_latest("retraining_requests", ["requested_ns"], where)
    last_ns = max(stored["requested_ns"].to_pylist(), default=0)
    if time.time_ns() - last_ns < cooldown_s * 10**9:
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
