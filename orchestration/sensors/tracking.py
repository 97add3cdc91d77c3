"""Watch for sessions whose tracks are missing, or would be made otherwise now.

Belongs here: when to ask. Does not: what makes tracks stale.
"""

import json
import time
from collections.abc import Iterator, Mapping

import dagster as dg

from assets.tables.catalog import Catalog
from assets.wording import many
from orchestration.jobs import follow_objects
from orchestration.sensors.standing import (
    count_under_way,
    find_standings,
    name_next,
)

_MOST_UNDER_WAY = 50
_MOST_S = 10.0  # of one tick, for reading answers


@dg.sensor(
    job=follow_objects,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Joins what the champion of detection found in each session to tracks, and again when that changes.",
)
def track_sensor(
    context: dg.SensorEvaluationContext, catalog: dg.ResourceParam[Catalog]
) -> dg.SensorResult:
    """Asks for one run a session and state of what its tracks follow from, and after a pause again where it failed.

    The cursor holds the sessions whose tracks were found to be as they should be, and for which state: only of others
    are answers read.
    """
    from assets.tracking.due import is_due, list_tokens

    partitions = set(context.instance.get_dynamic_partitions("sessions"))
    tokens = {s: t for s, t in list_tokens(catalog).items() if s in partitions}
    settled = _read_settled(context.cursor, tokens)
    todo = {s: token for s, token in tokens.items() if s not in settled}
    room = _MOST_UNDER_WAY - count_under_way(context.instance, follow_objects.name)
    requests: list[dg.RunRequest] = []
    end = time.monotonic() + _MOST_S
    for session, run_key in _list_open(context.instance, todo):
        if len(requests) >= room or time.monotonic() > end:
            break
        if not is_due(catalog, session):
            settled[session] = tokens[session]
        elif run_key:
            requests.append(dg.RunRequest(run_key=run_key, partition_key=session))
    waiting = len(todo) - sum(session in settled for session in todo)
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else _explain(waiting),
        cursor=json.dumps(settled),
    )


def _read_settled(cursor: str | None, tokens: Mapping[str, str]) -> dict[str, str]:
    known: dict[str, str] = json.loads(cursor) if cursor else {}
    return {s: token for s, token in known.items() if tokens.get(s) == token}


def _list_open(
    instance: dg.DagsterInstance, todo: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Sessions and the key of the run to ask for; "" where one was asked for already, or waits after it failed."""
    standings = find_standings(instance, follow_objects.name, sorted(todo))
    for session, now in standings:
        yield session, name_next(now, f"{session}:{todo[session]}")


def _explain(num_waiting: int) -> str:
    if not num_waiting:
        return "what was found in every session is joined to tracks"
    return (
        f"{many(num_waiting, 'session')} waiting for a run, after a pause where one failed, and not again "
        "where a check ended it"
    )
