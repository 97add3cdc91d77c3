"""What a gate is: the claims that rows must meet before readers may see them, and when there may be no rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES
from checks.expectations import name_schema_check
from checks.stored_rows import Others, Scope, StoredRows
from checks.verdicts import Rule

EmptyReason = Callable[[StoredRows], str | None]


def never(_: StoredRows) -> str | None:
    """No rows are never right."""
    return None


@dataclass(frozen=True)
class Gate:
    """The claims on one table beside its schema, and when it may have no rows (the reason, or None).

    `has_readers` is False for tables of which everybody reads the newest version.
    """

    table: str
    rules: tuple[Rule, ...] = ()
    may_be_empty: EmptyReason = never
    has_readers: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all verdicts that the gate gives, always the same and in this order."""
        return (
            name_schema_check(TABLES[self.table]),
            *(rule.name for rule in self.rules),
        )

    @property
    def claims(self) -> dict[str, str]:
        """Verdict name -> what it claims."""
        schema = f"Rows of `{self.table}` meet the suite derived from its schema: columns, types, nulls, ranges, key"
        return dict(
            zip(self.names, (schema, *(rule.claim for rule in self.rules)), strict=True)
        )


@dataclass(frozen=True)
class TaskGate:
    """How an asset that every task has one of is judged: what was made last for the task, all its tables together.

    The rows are those with the target of the pointer `made`/<task> in `column`. When they pass, the pointer
    `passed`/<task> names that target from now on. `others` gives rows that lie in no table, below the home.
    """

    asset: str  # its noun, with {task} in it
    tables: tuple[str, ...]
    column: str
    made: str
    passed: str
    # is judged, in the plural and with {task} in it, to say that there is none
    what: str
    list_tasks: Callable[[], Sequence[str]]
    others: Callable[[Catalog, Scope, Path], Others] | None = None


def all_is_gone(rows: StoredRows) -> str | None:
    """Nothing is right where nothing is left of a session: its files are gone, or a person told to forget them."""
    if rows.scope.session is None or rows.count("captures") or rows.count("quarantine"):
        return None
    num_gone = rows.count("gone")
    return f"all {num_gone} files of this session are gone" if num_gone else None


def nothing_was_taken_in(rows: StoredRows) -> str | None:
    """Why no claim on a session can be looked at: the one cause where it has no recording that says anything."""
    if rows.scope.session is None or _has_contents(rows):
        return None
    refused = rows.read("quarantine", ("source_path", "reason")).to_pylist()
    if not refused and rows.count("captures"):
        return None
    if not refused:
        return "this session has no recording of its own: its folder holds no data, or another session has it"
    named = f"{refused[0]['source_path']}: {refused[0]['reason']}"
    more = f", and {len(refused) - 1} more" * (len(refused) > 1)
    return f"nothing of this session could be read: {named}{more}"


def _has_contents(rows: StoredRows) -> bool:
    """Whether anything was read of the session's captures."""
    import pyarrow.compute as pc

    if not rows.count("captures"):
        return False
    counts = rows.read("captures", ("num_frames", "num_signals", "num_labels"))
    return any(pc.sum(column).as_py() for column in counts.columns) or any(
        rows.count(table) for table in ("scans", "calibrations")
    )


def no_colour_frames(rows: StoredRows) -> str | None:
    """Derived rows are missing where the session has captures and none of their frames is a colour image."""
    is_bare = (
        rows.count("captures")
        and "color" not in rows.read("frames", ("kind",))["kind"].to_pylist()
    )
    return "no colour frames in this session" if is_bare else None
