"""Watch for sessions of a calibrated rig: whether its cameras still sit as they were, nobody has to ask.

Belongs here: when to look. Does not: what has moved, and who is told.
"""

import dagster as dg

from assets.reconstruction.rig_fits import list_unfitted
from assets.tables.catalog import Catalog
from orchestration.jobs import check_rig
from orchestration.sensors.seen import read_versions

_READ = ("rig_calibrations", "clock_reports", "publications")
MOST_AT_ONCE = 20  # runs asked for in one look; the next are asked for in the next


@dg.sensor(
    job=check_rig,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Holds each session that was recorded after the calibration of its rig against that, once.",
)
def rig_sensor(
    context: dg.SensorEvaluationContext, catalog: dg.ResourceParam[Catalog]
) -> dg.SensorResult:
    """A run of `reconstruction/rig_fit` for a session and calibration, once: a check that ends it is the answer.

    The cursor holds the versions of the tables that were looked at.
    """
    seen = read_versions(catalog, _READ)
    if seen == context.cursor:
        return dg.SensorResult(skip_reason="no session is new", cursor=seen)
    known = set(context.instance.get_dynamic_partitions("sessions"))
    waiting = {s: rig for s, rig in list_unfitted(catalog).items() if s in known}
    runs = [
        dg.RunRequest(run_key=f"{session}:{sha256[:16]}", partition_key=session)
        for session, sha256 in list(waiting.items())[:MOST_AT_ONCE]
    ]
    is_whole = len(runs) == len(waiting)
    return dg.SensorResult(
        run_requests=runs,
        skip_reason=None if runs else "every session was held against its rig",
        cursor=seen if is_whole else "",
    )
