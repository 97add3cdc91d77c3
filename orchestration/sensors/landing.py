"""Watch the landing zone: a new or changed session becomes a partition and a run.

Belongs here: when to ask for intake. Does not: intake itself, which is exactly-once whatever is asked twice.
"""

import json

import dagster as dg

from assets.landing import LandingZone, fingerprint
from assets.partitions import sessions
from orchestration.jobs import ingest_session

_MAX_REQUESTS = (
    50  # a tick; the rest follows at the next, which comes at once because the cursor has not moved past them
)


@dg.sensor(job=ingest_session, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def landing_zone_sensor(
    context: dg.SensorEvaluationContext, landing_zone: dg.ResourceParam[LandingZone]
) -> dg.SensorResult:
    """Asks for a run when a session's listing differs from the last tick's and has stopped changing.

    The cursor holds, per session, the listing seen last and the one last asked for. A listing is acted on when two
    ticks in a row see it, so a folder that is still being copied waits.
    """
    cursor = json.loads(context.cursor) if context.cursor else {}
    requests: list[dg.RunRequest] = []
    unsettled: list[str] = []
    for session, folder in landing_zone.sessions().items():
        seen, asked = cursor.get(session, [None, None])
        now = fingerprint(folder)
        if now == asked:
            continue
        if now != seen:
            unsettled.append(session)
            cursor[session] = [now, asked]
        elif len(requests) < _MAX_REQUESTS:
            requests.append(dg.RunRequest(run_key=f"{session}:{now}", partition_key=session))
            cursor[session] = [now, now]
    if bad := landing_zone.unusable():
        context.log.warning(f"folders that cannot be sessions (rename them): {bad}")
    if not requests:
        reason = f"waiting for {unsettled} to settle" if unsettled else "nothing new in the landing zone"
        return dg.SensorResult(skip_reason=reason, cursor=json.dumps(cursor))
    keys = [str(request.partition_key) for request in requests]
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=[sessions.build_add_request(keys)],
        cursor=json.dumps(cursor),
    )
