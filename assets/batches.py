"""Runs over several sessions: a step goes through all of them, and one that fails stops no other.

A run of one session is as Dagster has it: what raises ends it, and a blocking check stops what comes after. In a run
of several, a session that could not be made, or that a gate holds, is left out of the steps after it; the gates of the
last assets of the run then fail for it, and with them the run. An observation says of each what it was left out for.
"""

from collections.abc import Callable, Iterable, Iterator

import dagster as dg
from dagster import DagsterEventType

from assets.addresses import hide
from assets.under_way import working_on

# an output that has it emits no events of its own, which would be of every session of the run
_NO_EVENTS = "__source_asset_observation__"
_DATA_VERSION = "dagster/data_version"
LEFT_OUT = "left out"
BATCH = dg.BackfillPolicy.multi_run(max_partitions_per_run=50)

Context = dg.AssetExecutionContext | dg.AssetCheckExecutionContext
Event = dg.AssetMaterialization | dg.AssetObservation | dg.MaterializeResult
Make = Callable[[str], Iterable[dg.MaterializeResult]]


def batch_sessions(made: Iterable[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """The assets, those of sessions with the policy by which backfills put many of these into one run."""
    return [
        one
        if one.partitions_def is None
        else one.with_attributes(backfill_policy=BATCH)
        for one in made
    ]


def list_sessions(context: Context) -> list[str]:
    """The sessions of the run."""
    return list(context.partition_keys)


def make_each(context: dg.AssetExecutionContext, make: Make) -> Iterator[Event]:
    """What a step yields that makes its assets by `make(session)`, for the sessions of the run."""
    if not is_batch(context):
        yield from make(context.partition_key)
        return
    keys = sorted(context.selected_asset_keys)
    left_out = read_left_out(context)
    done = _read_made(context)
    todo = [
        session
        for session in list_sessions(context)
        if session not in left_out and not all((key, session) in done for key in keys)
    ]
    for number, session in enumerate(todo, start=1):
        try:
            with working_on(session=session):
                made = [*make(session)]
        except Exception as error:
            reason = _state(error)
            context.log.exception(f"{session} could not be made: {reason}")
            yield leave_out(keys[0], session, reason)
            continue
        context.log.info(f"{session}: made, {number} of {len(todo)}")
        yield from (_materialise(one, session) for one in made)
    for key in keys:
        yield dg.MaterializeResult(asset_key=key, metadata={_NO_EVENTS: True})


def is_batch(context: Context) -> bool:
    """Whether the run is over a range of sessions, be it one long."""
    return not context.op_execution_context.has_partition_key


def leave_out(key: dg.AssetKey, session: str, reason: str) -> dg.AssetObservation:
    """The event that says so."""
    return dg.AssetObservation(key, partition=session, metadata={LEFT_OUT: reason})


def read_left_out(context: Context) -> dict[str, str]:
    """session -> why steps of this run leave it out from now on: the asset it failed at, and the reason."""
    return read_left_out_of(context.instance, context.run.run_id)


def read_left_out_of(instance: dg.DagsterInstance, run_id: str) -> dict[str, str]:
    """The same, of any run."""
    found: dict[str, str] = {}
    for entry in instance.all_logs(run_id, of_type=DagsterEventType.ASSET_OBSERVATION):
        event = entry.dagster_event
        seen = event.asset_observation_data.asset_observation if event else None
        if seen is not None and seen.partition and LEFT_OUT in seen.metadata:
            reason = seen.metadata[LEFT_OUT].value
            found.setdefault(
                seen.partition, f"{seen.asset_key.to_user_string()}: {reason}"
            )
    return found


def is_last(context: dg.AssetCheckExecutionContext, key: dg.AssetKey) -> bool:
    """Whether nothing that the run makes comes after the asset."""
    layer = context.job_def.asset_layer
    chosen = context.run.asset_selection or layer.selected_asset_keys
    children = layer.asset_graph.get(key).child_keys
    return not children & set(chosen)


def _read_made(context: dg.AssetExecutionContext) -> set[tuple[dg.AssetKey, str]]:
    """Assets and sessions that the runs made which this one goes on from: they are not made again."""
    made = set()
    run = context.run
    while run is not None and run.parent_run_id:
        logs = context.instance.all_logs(
            run.parent_run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION
        )
        events = [entry.dagster_event for entry in logs if entry.dagster_event]
        of_run = [event.step_materialization_data.materialization for event in events]
        made |= {(one.asset_key, one.partition) for one in of_run if one.partition}
        run = context.instance.get_run_by_id(run.parent_run_id)
    return made


def _materialise(made: dg.MaterializeResult, session: str) -> dg.AssetMaterialization:
    assert made.asset_key is not None and made.data_version is not None, "`result` has"
    return dg.AssetMaterialization(
        made.asset_key,
        partition=session,
        metadata=made.metadata,
        tags={_DATA_VERSION: made.data_version.value},
    )


def _state(error: Exception) -> str:
    words = hide(str(error).strip())
    return (
        f"{type(error).__name__}: {words.splitlines()[0]}"
        if words
        else type(error).__name__
    )
