"""Watch for sessions that no champion has judged yet.

Belongs here: which sessions lack a verdict of the current champions. Does not: the verdict.
"""

import time

import dagster as dg

from assets.ledger import pause_s
from assets.monitoring.pending import sessions_to_judge
from assets.tables.catalog import Catalog
from orchestration.jobs import monitor_session
from orchestration.sensors.standing import find_standing


@dg.sensor(
    job=monitor_session,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Monitors each published session without a drift verdict for the champion of each task.",
)
def unjudged_session_sensor(
    context: dg.SensorEvaluationContext, catalog: dg.ResourceParam[Catalog]
) -> dg.SensorResult:
    """Asks for one run a session and set of champions, and again after a pause where that run failed by itself."""
    pending = sessions_to_judge(catalog)
    known = set(context.instance.get_dynamic_partitions("sessions"))
    requests = []
    for session, champions in sorted(pending.items()):
        if session not in known:
            continue
        now = find_standing(
            context.instance, monitor_session.name, {"dagster/partition": session}
        )
        if now.failed_run and time.time() < now.ended_s + pause_s(now.num_failures):
            continue
        run_key = f"{session}:{champions}" + f":{now.failed_run}" * bool(now.failed_run)
        requests.append(dg.RunRequest(run_key=run_key, partition_key=session))
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else "every session has its verdict",
    )
