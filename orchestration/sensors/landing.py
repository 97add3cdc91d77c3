"""Watch the landing zone: a new or changed session becomes a partition and a run.

Belongs here: when to ask for intake. Does not: intake itself, which is exactly-once whatever is asked twice.
"""

import json
import time
from dataclasses import asdict

import dagster as dg

from assets.capture.partial import find_partial
from assets.capture.recovery import make_good
from assets.capture.rows import stamp_readers
from assets.landing import LandingZone, Watch
from assets.partitions import sessions
from assets.storage import Folder
from assets.tables.catalog import Catalog
from assets.tables.recovery import list_losses
from orchestration.jobs import ingest_session


@dg.sensor(
    job=ingest_session,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Takes in each session whose files, or readers, differ from those of the last intake.",
)
def landing_zone_sensor(
    context: dg.SensorEvaluationContext,
    landing_zone: dg.ResourceParam[LandingZone],
    catalog: dg.ResourceParam[Catalog],
) -> dg.SensorResult:
    """Asks for a run when a session's listing differs from the one last asked for and has stopped changing.

    Two looks in a row have to see the same files, so a folder that is still being copied waits; the end of a
    container that lacks it is waited for besides (`DAGUERRE_PARTIAL_WAIT_S`). When a reader's code has another version,
    all sessions are asked for once more: intake reads again what an older one read. So they are after a power cut that
    took rows of the tables. The cursor is the `Watch`: a tick
    takes about a second, also over a hundred thousand files.
    """
    watch = Watch(**json.loads(context.cursor)) if context.cursor else Watch()
    make_good(catalog, landing_zone.ledger)
    num_losses = len(list_losses(catalog.uri))
    watch.follow_code(stamp_readers() + f"-{num_losses}" * bool(num_losses))
    places = landing_zone.sessions()
    ready = [
        session
        for session in watch.look(places)
        if _is_whole(landing_zone, watch, session, places[session])
    ]
    cursor = json.dumps(asdict(watch))
    requests = [
        dg.RunRequest(run_key=f"{s}:{watch.seen[s][0]}:{watch.code}", partition_key=s)
        for s in ready
    ]
    bad = landing_zone.unusable()
    if bad:
        context.log.warning(f"folders that cannot be sessions (rename them): {bad}")
    if not requests:
        waiting = watch.unsettled()
        reason = (
            f"waiting for {waiting} to settle"
            if waiting
            else "nothing new in the landing zone"
        )
        return dg.SensorResult(skip_reason=reason, cursor=cursor)
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=[sessions.build_add_request(ready)],
        cursor=cursor,
    )


def _is_whole(
    landing_zone: LandingZone, watch: Watch, session: str, folder: Folder
) -> bool:
    """Whether no file of the session is in parts, or its end has been waited for long enough."""
    known = landing_zone.ledger.outcomes(session)
    partial = find_partial(
        [f for f in folder.files() if (f.path, f.version) not in known], folder.open
    )
    if partial and watch.put_off(session, time.time()) < landing_zone.partial_wait_s:
        return False
    watch.go_on(session)
    return True
