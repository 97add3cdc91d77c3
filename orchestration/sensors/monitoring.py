"""Watch for sessions that no champion has judged yet.

Belongs here: which sessions lack a verdict of the current champions. Does not: the verdict.
"""

from collections.abc import Iterator, Mapping
from itertools import islice

import dagster as dg

from assets.monitoring.pending import sessions_to_judge
from assets.tables.catalog import Catalog
from orchestration.jobs import monitor_session
from orchestration.sensors.standing import (
    count_under_way,
    find_standings,
    name_next,
)

# that wait or run at once: Dagster looks up each that is asked for by a query of its own, at every tick
MOST_UNDER_WAY = 50


@dg.sensor(
    job=monitor_session,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Monitors each published session without a drift verdict for the champion of each task.",
)
def unjudged_session_sensor(
    context: dg.SensorEvaluationContext, catalog: dg.ResourceParam[Catalog]
) -> dg.SensorResult:
    """Asks for one run a session and set of champions, and again after a pause where that run failed by itself.

    Where many sessions wait, as after a new champion, the next are asked for as those before them end.
    """
    pending = sessions_to_judge(catalog)
    known = set(context.instance.get_dynamic_partitions("sessions"))
    waiting = {s: champions for s, champions in pending.items() if s in known}
    under_way = count_under_way(context.instance, monitor_session.name)
    room = max(0, MOST_UNDER_WAY - under_way)
    requests = list(islice(_list_due(context.instance, waiting), room))
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else _explain(len(waiting), under_way),
    )


def _list_due(
    instance: dg.DagsterInstance, waiting: Mapping[str, str]
) -> Iterator[dg.RunRequest]:
    """What is to be asked for of sessions and the champions that owe them a verdict, in the order of their names."""
    standings = find_standings(instance, monitor_session.name, sorted(waiting))
    for session, now in standings:
        run_key = name_next(now, f"{session}:{waiting[session]}")
        if run_key:
            yield dg.RunRequest(run_key=run_key, partition_key=session)


def _explain(num_waiting: int, under_way: int) -> str:
    if not num_waiting:
        return "every session has its verdict"
    return (
        f"{num_waiting} sessions without a verdict, {under_way} runs under way: the others are asked for as those end, "
        "after a pause where a run failed, and not again where a check ended it"
    )
