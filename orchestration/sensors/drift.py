"""Watch the drift verdicts: file a retraining request and ask for training, with a cool-down.

Belongs here: when to ask. Does not: what counts as drift.
"""

import time

import dagster as dg

from assets.monitoring.pending import champions
from assets.monitoring.retraining import needs_retraining
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
from orchestration.jobs import train_jobs

COOLDOWN_S = 6 * 3600


@dg.sensor(
    jobs=list(train_jobs.values()),
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="For each task whose champion met a drifted session: one stored request, one run of its training job.",
)
def drift_sensor(
    context: dg.SensorEvaluationContext, catalog: dg.ResourceParam[Catalog]
) -> dg.SensorResult:
    """Asks for a task no sooner than COOLDOWN_S after the last time."""
    requests = []
    for champion in champions(catalog):
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
        if row is None:
            continue
        catalog.merge(
            "retraining_requests", to_table(TABLES["retraining_requests"], [row])
        )
        tags = {
            "daguerre/request": row["request_id"],
            "daguerre/reason": row["reason"][:200],
        }
        requests.append(
            dg.RunRequest(
                run_key=row["request_id"], job_name=train_jobs[task].name, tags=tags
            )
        )
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else "no drift without a request",
    )
