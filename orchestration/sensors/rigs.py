"""Watch for sessions of a calibrated rig: whether its cameras still sit as they were, nobody has to ask.

Belongs here: when to look. Does not: what has moved, and who is told.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import dagster as dg

from assets.reconstruction.rig_fits import list_unfitted
from assets.tables.catalog import Catalog
from assets.wording import many
from orchestration.jobs import check_rig
from orchestration.sensors.seen import read_versions
from orchestration.sensors.standing import Standing, find_standings, name_next

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
    """A run of `reconstruction/rig_fit` for a session and calibration, once: a check that ends it is the answer. After
    a pause it is asked for again where it failed by itself.

    The cursor holds the versions of the tables that were looked at, once no session waits.
    """
    seen = read_versions(catalog, _READ)
    if seen == context.cursor:
        return dg.SensorResult(skip_reason="no session is new", cursor=seen)
    known = set(context.instance.get_dynamic_partitions("sessions"))
    waiting = {s: rig for s, rig in list_unfitted(catalog).items() if s in known}
    standings = list(find_standings(context.instance, check_rig.name, list(waiting)))
    runs = list(islice(_list_due(standings, waiting), MOST_AT_ONCE))
    is_settled = all(now.is_ended for _, now in standings)
    return dg.SensorResult(
        run_requests=runs,
        skip_reason=None if runs else _explain(standings),
        cursor=seen if is_settled else "",
    )


def _list_due(
    standings: Iterable[tuple[str, Standing]], waiting: Mapping[str, str]
) -> Iterator[dg.RunRequest]:
    """What is to be asked for of sessions and the calibrations that they were not held against."""
    for session, now in standings:
        run_key = name_next(now, f"{session}:{waiting[session][:16]}")
        if run_key:
            yield dg.RunRequest(run_key=run_key, partition_key=session)


def _explain(standings: Sequence[tuple[str, Standing]]) -> str:
    num_waiting = sum(not now.is_ended for _, now in standings)
    if not num_waiting:
        return "every session was held against its rig"
    return f"{many(num_waiting, 'session')} waiting for a run, after a pause where one failed"
