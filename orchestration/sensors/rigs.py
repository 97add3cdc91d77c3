"""Watch for sessions of a calibrated rig: whether its cameras still sit as they were, nobody has to ask.

Belongs here: when to look. Does not: what has moved, and who is told.
"""

from collections.abc import Mapping

import dagster as dg

from assets.reconstruction.rig_fits import list_unfitted
from assets.tables.catalog import Catalog
from orchestration.jobs import check_rig
from orchestration.sensors.seen import read_versions
from orchestration.sensors.standing import find_standings

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
    open_ones = _list_unasked(context.instance, waiting)
    runs = [
        dg.RunRequest(run_key=run_key, partition_key=session)
        for session, run_key in open_ones[:MOST_AT_ONCE]
    ]
    return dg.SensorResult(
        run_requests=runs,
        skip_reason=None if runs else "every session was held against its rig",
        cursor=seen if len(runs) == len(open_ones) else "",
    )


def _list_unasked(
    instance: dg.DagsterInstance, waiting: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Sessions and the key of their run, without those for which it was asked: one that failed stands in no way."""
    keys = {session: f"{session}:{sha256[:16]}" for session, sha256 in waiting.items()}
    standings = find_standings(instance, check_rig.name, list(keys))
    return [(s, keys[s]) for s, now in standings if keys[s] not in now.run_keys]
