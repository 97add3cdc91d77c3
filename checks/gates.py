"""The gate of every table, and the act of letting rows through it.

Write, check, publish: a gate reads the newest version of a table, judges it, and then publishes that very version or
holds it, with the reason. `orchestration` runs gates as asset checks; the command line calls them directly. What the
gates claim stands in a module for each stage; a module that the stage declares is collected here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from assets.stages import AssetKey, all_stages, list_session_steps
from assets.tables.catalog import Catalog
from assets.tables.run_pointers import point_in_run, pointed_in_run
from assets.tables.schema_versions import SchemaMoved
from assets.tables.schemas import TABLES, to_table
from assets.tables.seals import seal_tables
from checks.expectations import validate
from checks.gate import Gate, TaskGate, all_is_gone, nothing_was_taken_in
from checks.stored_rows import Others, Scope, StoredRows, scope_of
from checks.verdicts import (
    Rule,
    Verdict,
    not_looked_at,
    nothing_checked,
    passed_over,
    raised,
    state_reason,
    stops_flow,
)

_MODULES = {stage.name: import_module(stage.gates) for stage in all_stages()}


def _collect_gates() -> dict[str, Gate]:
    """A gate a table, in the order of the graph. The tables of the tables have no claims beside their schemas."""
    own = [
        Gate(table.name, has_readers=False)
        for table in TABLES.values()
        if table.stage not in _MODULES
    ]
    found = {
        gate.table: gate
        for gate in (
            *(gate for module in _MODULES.values() for gate in module.GATES),
            *own,
        )
    }
    lacking = [table for name, table in TABLES.items() if name not in found]
    if lacking:
        raise ValueError(
            f"table '{lacking[0].name}' has no gate: add one to GATES in checks/{lacking[0].stage}.py"
        )
    return {name: found[name] for name in TABLES}


def _collect_assets(kind: str) -> dict[AssetKey, tuple[str, ...]]:
    """Asset -> the tables that are judged when it was materialised."""
    return {
        (stage, noun): tables
        for stage, module in _MODULES.items()
        for noun, tables in getattr(module, kind, {}).items()
    }


GATES = _collect_gates()
SESSION_ASSETS = _collect_assets("SESSION_ASSETS")  # judged by session
WHOLE_ASSETS = _collect_assets("WHOLE_ASSETS")  # judged as a whole
TASK_GATES: dict[AssetKey, TaskGate] = {  # judged by task
    (stage, gate.asset): gate
    for stage, module in _MODULES.items()
    for gate in getattr(module, "TASK_GATES", ())
}
INTAKE_TABLES = (
    tuple(  # written by what comes first in every session, from the files that landed
        table
        for step in list_session_steps()
        if not step.after
        for key in step.keys
        for table in SESSION_ASSETS[key]
    )
)


def gate_session(catalog: Catalog, table: str, session: str | None) -> list[Verdict]:
    """Judge the newest rows of a table, of one session or (None) all; publish them, or hold them with the reason.

    Raises ValueError for an unknown table, or a session key that is not one.
    """
    return judge_together(catalog, [_gate_of(table)], scope_of(session))


def judge_session(catalog: Catalog, table: str, session: str) -> list[Verdict]:
    """What `gate_session` would find of the newest rows now, without publishing or holding anything."""
    return judge(_gate_of(table), StoredRows(catalog, table, scope_of(session)))


def judge_tried(
    catalog: Catalog, session: str, rows: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[Verdict]:
    """What the rules of gates would find of rows that are stored nowhere, by table; where there may be none, as of
    stored ones."""
    tables = {name: to_table(TABLES[name], made) for name, made in rows.items()}
    others = {name: partial(tables.__getitem__, name) for name in tables}
    verdicts: list[Verdict] = []
    for name, made in tables.items():
        gate = _gate_of(name)
        tried = StoredRows(catalog, name, scope_of(session), others)
        reason = None if len(made) else gate.may_be_empty(tried)
        verdicts += [
            passed_over(rule.name, reason) if reason else rule(tables)
            for rule in gate.rules
        ]
    return verdicts


def gate_task(
    catalog: Catalog, asset: AssetKey, task: str, home: Path, run_id: str = ""
) -> list[Verdict]:
    """Judge what an asset such as ("curation", "{task}_dataset") made for a task, in this run or else last; when it
    passes, publish its tables and let it be what counts. Model packages lie below `home`."""
    task_gate = TASK_GATES[asset]
    gates = [_gate_of(table) for table in task_gate.tables]
    target = pointed_in_run(catalog, f"{task_gate.made}/{task}", run_id)
    if target is None:
        return [
            nothing_checked(name, task_gate.what.format(task=task))
            for gate in gates
            for name in gate.names
        ]
    scope = Scope(task_gate.column, target)
    others = task_gate.others(catalog, scope, home) if task_gate.others else None
    verdicts = judge_together(catalog, gates, scope, others)
    if not stops_flow(verdicts):
        point_in_run(catalog, f"{task_gate.passed}/{task}", target, run_id)
        seal_tables(catalog, ["pointers"])
    return verdicts


def judge_together(
    catalog: Catalog, gates: list[Gate], scope: Scope, others: Others | None = None
) -> list[Verdict]:
    """Judge several tables that stand or fall together, and publish all of them or hold all."""
    stored = [(gate, StoredRows(catalog, gate.table, scope, others)) for gate in gates]
    verdicts = [verdict for gate, rows in stored for verdict in judge(gate, rows)]
    sealed = [gate.table for gate in gates]
    for gate, rows in stored:
        if gate.has_readers and rows.version is not None:
            if stops_flow(verdicts):
                catalog.hold(
                    gate.table, scope.session, rows.version, state_reason(verdicts)
                )
            else:
                catalog.publish(gate.table, scope.session, rows.version)
            sealed.append("publications")
    seal_tables(catalog, list(dict.fromkeys(sealed)))
    return verdicts


def judge(gate: Gate, rows: StoredRows) -> list[Verdict]:
    """The verdicts of a gate, one for each of its names, without deciding anything."""
    try:
        is_empty = rows.count(gate.table) == 0
        reason = (gate.may_be_empty(rows) or all_is_gone(rows)) if is_empty else None
        cause = nothing_was_taken_in(rows) if is_empty and not reason else None
        if cause:
            return [not_looked_at(name, cause) for name in gate.names]
        schema = validate(TABLES[gate.table], rows.read_lengths(), reason)
    except SchemaMoved:
        raise  # that says nothing of the rows
    except Exception as error:  # a table that cannot be read is not in order
        schema = raised(gate.names[0], error)
        reason = None
    if reason:
        return [schema, *(passed_over(rule.name, reason) for rule in gate.rules)]
    return [schema, *(_apply(rule, rows) for rule in gate.rules)]


def _apply(rule: Rule, rows: StoredRows) -> Verdict:
    try:
        tables = rows.read_for(rule)
    except SchemaMoved:
        raise
    # a missing column or an unreadable file fails the claim that needs it
    except Exception as error:
        return raised(rule.name, error)
    return rule(tables)


def _gate_of(table: str) -> Gate:
    if table not in GATES:
        raise ValueError(
            f"there is no table '{table}': the tables are {', '.join(GATES)}"
        )
    return GATES[table]
