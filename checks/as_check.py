"""Verdicts as Dagster asset checks: one blocking check a claim, and the tag moved when all of a gate are in.

Written once for every table: what is claimed lies in the other files of this folder, which do not know Dagster.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

from assets.batches import (
    is_batch,
    is_last,
    leave_out,
    list_sessions,
    read_left_out,
)
from assets.browsing.links import link_named
from assets.foreign_text import for_line, for_markdown
from assets.materialize import run_of
from assets.partitions import sessions
from assets.stages import AssetKey
from assets.tables.catalog import Catalog
from assets.workspace import Workspace
from checks import maintenance
from checks.gates import (
    GATES,
    SESSION_ASSETS,
    TASK_GATES,
    WHOLE_ASSETS,
    gate_session,
    gate_task,
)
from checks.verdicts import Verdict, not_looked_at, state_reason, stops_flow

Results = Iterable[dg.AssetCheckResult]
# of a run over several sessions
Judgements = Iterator[
    dg.AssetCheckResult
    | dg.AssetCheckEvaluation
    | dg.AssetObservation
    | dg.Output[None]
]


def all_gates(
    partitions_def: dg.PartitionsDefinition,
) -> list[dg.AssetChecksDefinition]:
    """The gates of every asset that writes a table; those of sessions have `partitions_def`."""
    return [
        *(
            table_gate(key, *tables, partitions_def=partitions_def)
            for key, tables in SESSION_ASSETS.items()
        ),
        *(table_gate(key, *tables) for key, tables in WHOLE_ASSETS.items()),
        *(
            task_gate(asset, task)
            for asset, gate in TASK_GATES.items()
            for task in gate.list_tasks()
        ),
        home_check(),
    ]


def table_gate(
    asset_key: Sequence[str],
    *tables: str,
    partitions_def: dg.PartitionsDefinition | None = None,
) -> dg.AssetChecksDefinition:
    """The gate of an asset that writes `tables`: for the run's session when partitioned, else for all rows."""
    key = dg.AssetKey(list(asset_key))
    claims = _claims_of(*tables)

    @dg.multi_asset_check(
        name=_name_gate(key), specs=_specs(key, claims, partitions_def)
    )
    def gate(
        context: dg.AssetCheckExecutionContext, catalog: dg.ResourceParam[Catalog]
    ) -> Judgements:
        if partitions_def is not None and is_batch(context):
            yield from _judge_batch(context, key, tables, catalog)
            return
        session = context.partition_key if partitions_def is not None else None
        for table in tables:
            yield from _results(context, key, gate_session(catalog, table, session))

    return gate


def task_gate(asset: AssetKey, task: str) -> dg.AssetChecksDefinition:
    """The gate of a task's own asset, of those like ("curation", "{task}_dataset"): what passes is what counts."""
    stage, noun = asset
    key = dg.AssetKey([stage, noun.format(task=task)])

    @dg.multi_asset_check(
        name=_name_gate(key), specs=_specs(key, _claims_of(*TASK_GATES[asset].tables))
    )
    def gate(
        context: dg.AssetCheckExecutionContext,
        catalog: dg.ResourceParam[Catalog],
        workspace: dg.ResourceParam[Workspace],
    ) -> Results:
        yield from _results(
            context,
            key,
            gate_task(catalog, asset, task, workspace.home, run_of(context)),
        )

    return gate


def home_check() -> dg.AssetChecksDefinition:
    """What must hold when the home was tidied; no rows are published by it."""
    key = dg.AssetKey(list(maintenance.KEY))
    name = maintenance.needed_files_are_there.__name__
    claim = (maintenance.needed_files_are_there.__doc__ or "").split(". ")[0]
    specs = _specs(key, {name: claim}, None)

    @dg.multi_asset_check(name=_name_gate(key), specs=specs)
    def check(
        context: dg.AssetCheckExecutionContext, catalog: dg.ResourceParam[Catalog]
    ) -> Results:
        verdict = maintenance.needed_files_are_there(catalog)
        yield from _results(context, key, [verdict])

    return check


def as_result(asset_key: dg.AssetKey, verdict: Verdict) -> dg.AssetCheckResult:
    """A verdict as Dagster shows it. A failed claim that does not block is a warning."""
    severity = (
        dg.AssetCheckSeverity.ERROR
        if verdict.is_blocking
        else dg.AssetCheckSeverity.WARN
    )
    metadata: dict[str, Any] = {"num_checked": verdict.num_checked, **verdict.figures}
    if verdict.examples:
        metadata["examples"] = dg.MetadataValue.md(
            "\n".join(f"- {for_markdown(example)}" for example in verdict.examples)
        )
    shown = link_named(verdict.examples)
    if shown:
        metadata["in the browser"] = dg.MetadataValue.url(shown)
    return dg.AssetCheckResult(
        passed=verdict.passed,
        asset_key=asset_key,
        check_name=verdict.name,
        severity=severity,
        metadata=metadata,
        description=for_markdown(verdict.summary),
    )


def as_evaluation(
    asset_key: dg.AssetKey,
    verdict: Verdict,
    session: str,
    is_blocking: bool = True,
    target: AssetCheckEvaluationTargetMaterializationData | None = None,
) -> dg.AssetCheckEvaluation:
    """The same, as an event of one session: of no run, or of one over several, which it fails where it is blocking."""
    shown = as_result(asset_key, verdict)
    return dg.AssetCheckEvaluation(
        asset_key,
        verdict.name,
        verdict.passed,
        shown.metadata,
        severity=shown.severity,
        description=shown.description,
        blocking=is_blocking,
        partition=session,
        target_materialization_data=target,
    )


def _judge_batch(
    context: dg.AssetCheckExecutionContext,
    key: dg.AssetKey,
    tables: Sequence[str],
    catalog: Catalog,
) -> Judgements:
    """Each session by itself: published, held, or left out. Only the last gates of a run fail it."""
    left_out = read_left_out(context)
    claims = _claims_of(*tables)
    is_blocking = is_last(context, key)
    for session in list_sessions(context):
        if session in left_out:
            cause = f"left out: {left_out[session]}"
            verdicts = [not_looked_at(name, cause) for name in claims]
        else:
            verdicts = [
                verdict
                for table in tables
                for verdict in gate_session(catalog, table, session)
            ]
            if stops_flow(verdicts):
                yield leave_out(key, session, state_reason(verdicts))
        for verdict in verdicts:
            if not verdict.passed:
                told = f"{session}: {verdict.name}: {for_line(verdict.summary)}"
                context.log.warning(told)
            target = _find_target(context.instance, key, session)
            yield as_evaluation(key, verdict, session, is_blocking, target)
    for spec in _specs(key, claims, sessions):
        yield dg.Output(None, output_name=spec.get_python_identifier())


def _find_target(
    instance: dg.DagsterInstance, key: dg.AssetKey, session: str
) -> AssetCheckEvaluationTargetMaterializationData | None:
    wanted = dg.AssetRecordsFilter(key, asset_partitions=[session])
    for record in instance.fetch_materializations(wanted, limit=1).records:
        return AssetCheckEvaluationTargetMaterializationData(
            storage_id=record.storage_id,
            run_id=record.event_log_entry.run_id,
            timestamp=record.timestamp,
        )
    return None


def _results(
    context: dg.AssetCheckExecutionContext,
    key: dg.AssetKey,
    verdicts: Sequence[Verdict],
) -> Results:
    tell: Mapping[bool, Callable[[str], None]] = {
        True: context.log.info,
        False: context.log.warning,
    }
    for verdict in verdicts:
        tell[verdict.passed](f"{verdict.name}: {for_line(verdict.summary)}")
        yield as_result(key, verdict)


def _claims_of(*tables: str) -> dict[str, str]:
    return {
        name: claim for table in tables for name, claim in GATES[table].claims.items()
    }


def _specs(
    key: dg.AssetKey,
    claims: Mapping[str, str],
    partitions_def: dg.PartitionsDefinition | None = None,
) -> list[dg.AssetCheckSpec]:
    with warnings.catch_warnings():
        # a partitioned check keeps one status per session; without it one bad session would stop the automation of all
        warnings.filterwarnings(
            "ignore", "Specifying a partitions_def", category=dg.PreviewWarning
        )
        return [
            dg.AssetCheckSpec(
                name,
                asset=key,
                description=claim,
                blocking=True,
                partitions_def=partitions_def,
            )
            for name, claim in claims.items()
        ]


def _name_gate(key: dg.AssetKey) -> str:
    return "_".join([*key.path, "gate"])
