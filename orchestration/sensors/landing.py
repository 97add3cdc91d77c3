"""Watch the landing zone: a new or changed session becomes a partition and a run.

Belongs here: when to ask for intake. Does not: intake itself, which is exactly-once whatever is asked twice.
"""

import json
from dataclasses import asdict

import dagster as dg

from assets.landing import LandingZone, Watch
from assets.partitions import sessions
from orchestration.jobs import ingest_session


@dg.sensor(job=ingest_session, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def landing_zone_sensor(
    context: dg.SensorEvaluationContext, landing_zone: dg.ResourceParam[LandingZone]
) -> dg.SensorResult:
    """Asks for a run when a session's listing differs from the one last asked for and has stopped changing.

    Two looks in a row have to see the same files, so a folder that is still being copied waits. The cursor is the
    `Watch`: a tick takes about a second, also over a hundred thousand files.
    """
    watch = Watch(**json.loads(context.cursor)) if context.cursor else Watch()
    ready = watch.look(landing_zone.sessions())
    cursor = json.dumps(asdict(watch))
    requests = [dg.RunRequest(run_key=f"{s}:{watch.seen[s][0]}", partition_key=s) for s in ready]
    if bad := landing_zone.unusable():
        context.log.warning(f"folders that cannot be sessions (rename them): {bad}")
    if not requests:
        waiting = watch.unsettled()
        reason = f"waiting for {waiting} to settle" if waiting else "nothing new in the landing zone"
        return dg.SensorResult(skip_reason=reason, cursor=cursor)
    return dg.SensorResult(
        run_requests=requests, dynamic_partitions_requests=[sessions.build_add_request(ready)], cursor=cursor
    )
