"""Watch the drift verdicts: file a retraining request and ask for training, with a cool-down.

Belongs here: when to ask. Does not: what counts as drift.
"""

import time
from typing import Any

import dagster as dg

from assets.annotation.queue.stored import list_open_sessions
from assets.loop import LoopLimits
from assets.monitoring.answers import (
    REQUEST,
    RETRY_S,
    AnsweringRun,
    choose_training,
    describe_answer,
    describe_cooldown,
)
from assets.monitoring.pending import champions
from assets.monitoring.reach import (
    OUTSIDE,
    UNLABELLED,
    find_outside,
    find_unlabelled,
)
from assets.monitoring.retraining import needs_retraining
from assets.tables.catalog import Catalog, repr_sql
from assets.tables.champions import read_champions_choice
from assets.tables.rows import ChampionRow, DriftRow, RetrainingRequestRow
from assets.tables.schemas import TABLES, to_table
from assets.tables.schemas.monitoring import WHOLE_SESSION
from assets.workspace import Workspace
from orchestration.jobs import train_jobs
from orchestration.sensors.standing import Standing, find_standing


@dg.sensor(
    jobs=list(train_jobs.values()),
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="For each task whose champion met a drifted session: one stored request, one run of its training job.",
)
def drift_sensor(
    context: dg.SensorEvaluationContext,
    catalog: dg.ResourceParam[Catalog],
    workspace: dg.ResourceParam[Workspace],
    limits: dg.ResourceParam[LoopLimits],
) -> dg.SensorResult:
    """Asks for a task no sooner than a cool-down after the last time, by recipe, settings and seed of its champion.

    A session that the choice of the champion's data cannot take in asks for nothing: a retraining would not see it. Nor
    does one without labels, or that people are still asked about: `label_sensor` asks them, and files what they answer.

    A request is stored first and asked for until there is a run of it, so none is lost between the two; a run that
    failed by itself is asked for again after RETRY_S. Where nothing is asked for, the tick says why of each task.
    """
    requests = []
    reasons = []
    for champion in champions(catalog):
        filed, why_not = _file(catalog, champion, limits.cooldown_s)
        if filed is None:
            reasons.append(why_not)
            continue
        now = find_standing(
            context.instance,
            train_jobs[filed["task"]].name,
            {REQUEST: filed["request_id"]},
        )
        is_over = bool(now.failed_run) and time.time() >= now.ended_s + RETRY_S
        if not now.is_begun or is_over:
            config = choose_training(catalog, workspace.home, champion)
            requests.append(_ask(filed, now.failed_run, config))
        else:
            reasons.append(_describe(context.instance, filed, now))
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None
        if requests
        else "; ".join(reasons) or "there is no champion to retrain",
    )


def _file(
    catalog: Catalog, champion: ChampionRow, cooldown_s: float
) -> tuple[RetrainingRequestRow | None, str]:
    """The newest request that no later champion has answered, one that is due stored first; or why there is none.

    Sessions that the champion's choice cannot take in file none, and what they have filed is not asked for. Those that
    wait for labels file none.
    """
    task = champion["task"]
    choice = read_champions_choice(catalog, task)
    filed = catalog.read_latest(
        "retraining_requests", where=f"task = '{task}'"
    ).to_pylist()
    judged = _read_drifted(catalog, champion)
    drifted = {r["session"] for r in judged}
    outside = find_outside(catalog, choice, drifted | {r["session"] for r in filed})
    waits = drifted & list_open_sessions(catalog, task)
    waits |= find_unlabelled(catalog, task, drifted)
    verdicts = [r for r in judged if r["session"] not in outside | waits]
    last_ns = max((r["requested_ns"] for r in filed), default=None)
    known = {r["request_id"] for r in filed}
    version = champion["model_version"]
    now_ns = time.time_ns()
    row = needs_retraining(verdicts, task, last_ns, now_ns, cooldown_s, known, version)
    if row is not None:
        catalog.merge(
            "retraining_requests", to_table(TABLES["retraining_requests"], [row])
        )
        return row, ""
    unanswered = [
        r
        for r in filed
        if r["model_version"] >= version and r["session"] not in outside
    ]
    newest = max(unanswered, key=lambda r: r["requested_ns"], default=None)
    waiting = needs_retraining(verdicts, task, None, now_ns, 0.0, known, version)
    if newest is None and waiting is not None and last_ns is not None:
        return None, describe_cooldown(task, waiting["session"], last_ns, cooldown_s)
    for left_out, why in ((drifted & outside, OUTSIDE), (waits, UNLABELLED)):
        if left_out:
            return newest, f"{task}: {', '.join(sorted(left_out))} drifted; {why}"
    return newest, f"{task}: no session drifted"


def _read_drifted(catalog: Catalog, champion: ChampionRow) -> list[DriftRow]:
    """The verdicts on whole sessions, by this very champion, that they drifted."""
    return catalog.read(
        "drift",
        where=f"model_name = {repr_sql(champion['model_name'])} AND model_version = {champion['model_version']} "
        f"AND statistic = {repr_sql(WHOLE_SESSION)} AND is_drifted = true",
    ).to_pylist()


def _ask(
    filed: RetrainingRequestRow, failed_run: str, config: dict[str, Any]
) -> dg.RunRequest:
    run_key = filed["request_id"] + f":{failed_run}" * bool(failed_run)
    tags = {REQUEST: filed["request_id"], "daguerre/reason": filed["reason"][:200]}
    ops = {f"training__{filed['task']}": {"config": config}} if config else {}
    return dg.RunRequest(
        run_key=run_key,
        job_name=train_jobs[filed["task"]].name,
        run_config={"ops": ops} if ops else {},
        tags=tags,
    )


def _describe(
    instance: dg.DagsterInstance, filed: RetrainingRequestRow, now: Standing
) -> str:
    """What became of the run that was asked for."""
    tags = {REQUEST: filed["request_id"]}
    records = instance.get_run_records(dg.RunsFilter(tags=tags), limit=1)
    runs = [
        AnsweringRun(
            record.dagster_run.run_id,
            record.dagster_run.status.value,
            record.create_timestamp.timestamp(),
            record.start_time or 0.0,
            record.end_time or 0.0,
            now.reason,
        )
        for record in records
    ]
    return f"{filed['session']}: {describe_answer(filed['task'], runs)}"
