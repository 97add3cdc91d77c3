"""A gate per table: which claims its rows must meet before readers may see them, and the act of letting them through.

Write, check, publish: a gate reads the newest version of a table, judges it, and then publishes that very version or
holds it, with the reason. `orchestration` runs gates as asset checks; the command line calls them directly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

from assets.tables.catalog import Catalog
from assets.tables.migrate import SchemaMoved
from assets.tables.schemas import TABLES
from assets.tables.seals import seal_tables
from checks.captures import CAPTURE_RULES, FRAME_RULES, QUARANTINE_RULES
from checks.clocks import CLOCK_RULES
from checks.expectations import name_schema_check, validate
from checks.labels import ANNOTATION_RULES, LABEL_RULES
from checks.monitoring import DRIFT_RULES, PREDICTION_RULES
from checks.quality import EMBEDDING_RULES, QUALITY_RULES
from checks.reading import READING_RULES
from checks.release import RELEASE_FRAME_RULES, RELEASE_RULES
from checks.splits import SPLIT_RULES, UNIQUE_RULES
from checks.stored_rows import Others, Scope, StoredRows, scope_of
from checks.timing import TIMING_RULES
from checks.training import MODEL_RULES, read_facts, read_history, read_weights
from checks.verdicts import Rule, Verdict, nothing_checked, passed_over, raised, state_reason, stops_flow

EmptyReason = Callable[[StoredRows], str | None]
INTAKE_TABLES = ("captures", "quarantine", "frames", "frame_exif", "signals", "calibrations", "labels",
                 "annotated_frames")  # fmt: skip


def _never(_: StoredRows) -> str | None:
    return None


@dataclass(frozen=True)
class Gate:
    """The claims on one table beside its schema, and when it may have no rows (the reason, or None).

    `has_readers` is False for the engine's own tables, of which everybody reads the newest version.
    """

    table: str
    rules: tuple[Rule, ...] = ()
    may_be_empty: EmptyReason = _never
    has_readers: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all verdicts that the gate gives, always the same and in this order."""
        return (name_schema_check(TABLES[self.table]), *(rule.name for rule in self.rules))

    @property
    def claims(self) -> dict[str, str]:
        """Verdict name -> what it claims."""
        schema = f"Rows of `{self.table}` meet the suite derived from its schema: columns, types, nulls, ranges, key"
        return dict(zip(self.names, (schema, *(rule.claim for rule in self.rules)), strict=True))


def gate_session(catalog: Catalog, table: str, session: str | None) -> list[Verdict]:
    """Judge the newest rows of a table, of one session or (None) all; publish them, or hold them with the reason.

    Raises ValueError for an unknown table, or a session key that is not one.
    """
    return judge_together(catalog, [_gate_of(table)], scope_of(session))


def gate_release(catalog: Catalog, task: str) -> list[Verdict]:
    """Judge the drafted release of a task; when it passes, publish its tables and make it the one training reads."""
    release_id = catalog.pointed(f"draft/{task}")
    gates = [_gate_of("releases"), _gate_of("release_frames")]
    if release_id is None:
        return [nothing_checked(name, f"drafted {task} releases") for gate in gates for name in gate.names]
    verdicts = judge_together(catalog, gates, Scope("release_id", release_id))
    return _point_if_passed(catalog, f"release/{task}", release_id, verdicts)


def gate_model(catalog: Catalog, task: str, home: Path) -> list[Verdict]:
    """Judge the model that was trained last for a task: its row and the package below `home`."""
    gate, model_sha256 = _gate_of("models"), catalog.pointed(f"model/{task}")
    if model_sha256 is None:
        return [nothing_checked(name, f"trained {task} models") for name in gate.names]
    scope = Scope("model_sha256", model_sha256)

    def folder() -> Path:
        return home / StoredRows(catalog, "models", scope).read("models", ("folder",))["folder"][0].as_py()

    others = {
        "package": lambda: read_facts(folder()), "package history": lambda: read_history(folder()),
        "package weights": lambda: read_weights(folder()),
    }  # fmt: skip
    return _point_if_passed(catalog, f"trained/{task}", model_sha256, judge_together(catalog, [gate], scope, others))


def gate_scores(catalog: Catalog, task: str) -> list[Verdict]:
    """Judge the scores of the model that was trained last for a task."""
    gate, model_sha256 = _gate_of("scores"), catalog.pointed(f"model/{task}")
    if model_sha256 is None:
        return [nothing_checked(name, f"trained {task} models") for name in gate.names]
    verdicts = judge_together(catalog, [gate], Scope("model_sha256", model_sha256))
    return _point_if_passed(catalog, f"scored/{task}", model_sha256, verdicts)


def judge_together(catalog: Catalog, gates: list[Gate], scope: Scope, others: Others | None = None) -> list[Verdict]:
    """Judge several tables that stand or fall together, and publish all of them or hold all."""
    stored = [(gate, StoredRows(catalog, gate.table, scope, others)) for gate in gates]
    verdicts = [verdict for gate, rows in stored for verdict in judge(gate, rows)]
    for gate, rows in stored:
        if gate.has_readers and rows.version is not None:
            if stops_flow(verdicts):
                catalog.hold(gate.table, scope.session, rows.version, state_reason(verdicts))
            else:
                catalog.publish(gate.table, scope.session, rows.version)
    seal_tables(catalog, [*(gate.table for gate in gates), "publications"])
    return verdicts


def _point_if_passed(catalog: Catalog, pointer: str, target: str, verdicts: list[Verdict]) -> list[Verdict]:
    if not stops_flow(verdicts):
        catalog.point(pointer, target)
        seal_tables(catalog, ["pointers"])
    return verdicts


def judge(gate: Gate, rows: StoredRows) -> list[Verdict]:
    """The verdicts of a gate, one for each of its names, without deciding anything."""
    try:
        is_empty = rows.count(gate.table) == 0
        reason = gate.may_be_empty(rows) if is_empty else None
        schema = validate(TABLES[gate.table], rows.read_lengths(), reason)
    except SchemaMoved:
        raise  # that says nothing of the rows
    except Exception as error:  # a table that cannot be read is not in order
        schema, reason = raised(gate.names[0], error), None
    if reason:
        return [schema, *(passed_over(rule.name, reason) for rule in gate.rules)]
    return [schema, *(_apply(rule, rows) for rule in gate.rules)]


def _apply(rule: Rule, rows: StoredRows) -> Verdict:
    try:
        tables = rows.read_for(rule)
    except SchemaMoved:
        raise
    except Exception as error:  # a missing column or an unreadable file fails the claim that needs it
        return raised(rule.name, error)
    return rule(tables)


def _gate_of(table: str) -> Gate:
    if table not in GATES:
        raise ValueError(f"there is no table '{table}': the tables are {', '.join(GATES)}")
    return GATES[table]


def _holds_only(column: str, noun: str) -> EmptyReason:
    """No rows are right where every capture of the session counted none of them, and there are captures."""

    def reason(rows: StoredRows) -> str | None:
        counts = rows.read("captures", (column,))[column]
        return f"no capture of this session holds {noun}" if len(counts) and pc.sum(counts).as_py() == 0 else None

    return reason


def _frames_may_be_missing(rows: StoredRows) -> str | None:
    """A session of signals only is in order; one of which nothing could be read is not."""
    captures = rows.read("captures", ("num_frames", "num_signals"))
    num_frames, num_signals = (pc.sum(captures[c]).as_py() or 0 for c in ("num_frames", "num_signals"))
    return f"a session of {num_signals} signals without a camera" if num_signals and not num_frames else None


def _calibrations_may_be_missing(rows: StoredRows) -> str | None:
    return "no capture of this session carries a calibration" if rows.count("captures") else None


def _nobody_may_have_looked(rows: StoredRows) -> str | None:
    return "no file of this session says which pictures were looked at" if rows.count("captures") else None


def _images_may_say_nothing(rows: StoredRows) -> str | None:
    return "no image of this session carries EXIF" if rows.count("captures") else None


def _nothing_was_refused(rows: StoredRows) -> str | None:
    problems = rows.read("captures", ("num_problems",))["num_problems"]
    return "everything that arrived could be read" if len(problems) and pc.sum(problems).as_py() == 0 else None


def _no_colour_frames(rows: StoredRows) -> str | None:
    """Derived rows are missing where the session has captures and none of their frames is a colour image."""
    is_bare = rows.count("captures") and "color" not in rows.read("frames", ("kind",))["kind"].to_pylist()
    return "no colour frames in this session" if is_bare else None


GATES: dict[str, Gate] = {
    gate.table: gate
    for gate in (
        Gate("captures", CAPTURE_RULES + READING_RULES),
        Gate("frames", FRAME_RULES + TIMING_RULES, _frames_may_be_missing),
        Gate("frame_exif", may_be_empty=_images_may_say_nothing),
        Gate("signals", may_be_empty=_holds_only("num_signals", "signals")),
        Gate("calibrations", may_be_empty=_calibrations_may_be_missing),
        Gate("labels", LABEL_RULES, _holds_only("num_labels", "labels")),
        Gate("annotated_frames", ANNOTATION_RULES, _nobody_may_have_looked),
        Gate("quarantine", QUARANTINE_RULES, _nothing_was_refused),
        Gate("clock_reports", CLOCK_RULES),
        Gate("frame_quality", QUALITY_RULES, _no_colour_frames),
        Gate("frame_embeddings", EMBEDDING_RULES, _no_colour_frames),
        Gate("unique_frames", UNIQUE_RULES),
        Gate("splits", SPLIT_RULES),
        Gate("releases", RELEASE_RULES),
        Gate("release_frames", RELEASE_FRAME_RULES),
        Gate("models", MODEL_RULES),
        Gate("scores"),
        Gate("champions", has_readers=False),
        Gate("predictions", PREDICTION_RULES, _no_colour_frames),
        Gate("drift", DRIFT_RULES, _no_colour_frames),
        Gate("retraining_requests", has_readers=False),
        Gate("publications", has_readers=False),
        Gate("pointers", has_readers=False),
    )
}
