"""Watch for days of requests that are over and that no champion has judged yet.

Belongs here: when to ask. Does not: which days make a window, and the verdict.
"""

import time

import dagster as dg

from assets.monitoring.pending import champions
from assets.monitoring.request_windows import find_due
from assets.tables.catalog import Catalog
from orchestration.jobs import watch_requests
from orchestration.sensors.standing import find_standing

_DUE = "daguerre/windows"  # tag of a run: the windows that it was asked for
_RETRY_S = 3600.0


@dg.sensor(
    job=watch_requests,
    minimum_interval_seconds=600,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Judges each day of sampled requests, when it is over, for the champion that answered them.",
)
def request_sensor(
    context: dg.SensorEvaluationContext, catalog: dg.ResourceParam[Catalog]
) -> dg.SensorResult:
    """Asks for one run for all windows that are due, and an hour after that again where it failed by itself."""
    due = [
        f"{champion['model_name']}/{champion['model_version']}/{window.end_ns}"
        for champion in champions(catalog)
        for window in find_due(catalog, champion, time.time_ns())
    ]
    if not due:
        return dg.SensorResult(skip_reason="no day of requests is over and not judged")
    # the newest of each champion says it: what is due before it goes with it
    key = due[-1]
    now = find_standing(context.instance, watch_requests.name, {_DUE: key})
    if now.failed_run and time.time() < now.ended_s + _RETRY_S:
        return dg.SensorResult(
            skip_reason=f"{len(due)} windows wait an hour: {now.reason}"
        )
    failed = f":{now.failed_run}" * bool(now.failed_run)
    if now.is_begun and not failed:
        return dg.SensorResult(
            skip_reason=f"a run for {len(due)} windows is under way, or a check ended it"
        )
    request = dg.RunRequest(run_key=f"{key}{failed}", tags={_DUE: key})
    return dg.SensorResult(run_requests=[request])
