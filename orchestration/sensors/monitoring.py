"""Watch for sessions that no champion has judged yet.

Belongs here: which sessions lack a verdict of the current champions. Does not: the verdict.
"""

import dagster as dg

from assets.monitoring.pending import sessions_to_judge
from assets.tables.catalog import Catalog
from orchestration.jobs import monitor_session


@dg.sensor(
    job=monitor_session,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Monitors each published session without a drift verdict for the champion of each task.",
)
def unjudged_session_sensor(
    context: dg.SensorEvaluationContext, catalog: dg.ResourceParam[Catalog]
) -> dg.SensorResult:
    """Asks for one run a session and set of champions."""
    pending = sessions_to_judge(catalog)
    known = set(context.instance.get_dynamic_partitions("sessions"))
    requests = [
        dg.RunRequest(run_key=f"{session}:{champions}", partition_key=session)
        for session, champions in sorted(pending.items())
        if session in known
    ]
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else "every session has its verdict",
    )
