"""Watch the drift verdicts: file a retraining request and ask for training, with a cool-down.

Belongs here: when to ask. Does not: what counts as drift.
"""

import time

import dagster as dg

from assets.monitoring.pending import champions
from assets.monitoring.retraining import needs_retraining
from assets.tables.catalog import Catalog
from assets.tables.rows import ChampionRow, RetrainingRequestRow
from assets.tables.schemas import TABLES, to_table
from orchestration.jobs import train_jobs
from orchestration.sensors.standing import find_standing

COOLDOWN_S = 6 * 3600
REQUEST = "daguerre/request"  # tag of a run: the request that it answers


@dg.sensor(
    jobs=list(train_jobs.values()),
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="For each task whose champion met a drifted session: one stored request, one run of its training job.",
)
def drift_sensor(
    context: dg.SensorEvaluationContext, catalog: dg.ResourceParam[Catalog]
) -> dg.SensorResult:
    """Asks for a task no sooner than COOLDOWN_S after the last time.

    A request is stored first and asked for until there is a run of it, so none is lost between the two; a run that
    failed by itself is asked for again after COOLDOWN_S.
    """
    requests = []
    for champion in champions(catalog):
        filed = _file(catalog, champion)
        if filed is None:
            continue
        now = find_standing(
            context.instance,
            train_jobs[filed["task"]].name,
            {REQUEST: filed["request_id"]},
        )
        is_over = bool(now.failed_run) and time.time() >= now.ended_s + COOLDOWN_S
        if not now.is_begun or is_over:
            requests.append(_ask(filed, now.failed_run))
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else "no drift without a request",
    )


def _file(catalog: Catalog, champion: ChampionRow) -> RetrainingRequestRow | None:
    """The newest request that no later champion has answered; one that is due is stored first."""
    task = champion["task"]
    filed = catalog.read_latest(
        "retraining_requests", where=f"task = '{task}'"
    ).to_pylist()
    row = needs_retraining(
        catalog.read(
            "drift", where=f"model_name = '{champion['model_name']}'"
        ).to_pylist(),
        task,
        max((r["requested_ns"] for r in filed), default=None),
        time.time_ns(),
        COOLDOWN_S,
        {r["request_id"] for r in filed},
        champion["model_version"],
    )
    if row is not None:
        catalog.merge(
            "retraining_requests", to_table(TABLES["retraining_requests"], [row])
        )
        return row
    unanswered = [r for r in filed if r["model_version"] >= champion["model_version"]]
    return max(unanswered, key=lambda r: r["requested_ns"], default=None)


def _ask(filed: RetrainingRequestRow, failed_run: str) -> dg.RunRequest:
    run_key = filed["request_id"] + f":{failed_run}" * bool(failed_run)
    tags = {REQUEST: filed["request_id"], "daguerre/reason": filed["reason"][:200]}
    return dg.RunRequest(
        run_key=run_key, job_name=train_jobs[filed["task"]].name, tags=tags
    )
