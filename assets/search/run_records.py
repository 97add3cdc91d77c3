"""What Dagster's storage says of claims that did not hold and of runs that failed, as documents.

Read by SQL: to import Dagster takes as long as all else that looking does.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.addresses import hide
from assets.foreign_text import from_markdown
from assets.ledger.file import connect_to_read
from assets.retrieval.dagster_server import ServerConnection
from assets.search.document import Document, shorten
from assets.tables.schemas import SESSION_KEY

Connection = sqlite3.Connection | ServerConnection
_MOST_RUNS = 1_000  # the newest that failed
_MOST_ERRORS = 5  # of a run
_CHECKS = (
    "SELECT asset_key, check_name, partition, evaluation_event FROM asset_check_executions WHERE id IN "
    "(SELECT max(id) FROM asset_check_executions WHERE execution_status IN ('SUCCEEDED', 'FAILED') "
    "GROUP BY asset_key, check_name, partition) AND execution_status = 'FAILED' ORDER BY id"
)
_RUNS = (
    "SELECT run_id, pipeline_name, partition FROM runs WHERE status = 'FAILURE' ORDER BY id DESC "
    f"LIMIT {_MOST_RUNS}"
)
_ERRORS = (
    "SELECT event FROM event_logs WHERE run_id = ? AND dagster_event_type IN "
    f"('STEP_FAILURE', 'RUN_FAILURE', 'PIPELINE_FAILURE') ORDER BY id LIMIT {_MOST_ERRORS}"
)


@dataclass(frozen=True)
class RunRecords:
    """Where Dagster keeps runs: in files below `dagster_home`, or on the server at `url`, which may hold a password."""

    dagster_home: Path
    url: str | None = None

    def list_documents(self) -> Iterator[Document]:
        """The newest word on each claim that did not hold, and the runs that failed. Changes nothing."""
        if self.url is not None:
            with closing(ServerConnection(self.url)) as connection:
                if connection.has_tables():
                    yield from _list_checks(connection)
                    yield from _list_runs(connection, lambda _: connection)
            return
        runs = self.dagster_home / "history" / "runs.db"
        events = self.dagster_home / "history" / "runs"
        if (events / "index.db").exists():
            with closing(connect_to_read(str(events / "index.db"))) as connection:
                yield from _list_checks(connection)
        if runs.exists():
            with closing(connect_to_read(str(runs))) as connection:
                yield from _list_runs(
                    connection, lambda run: connect_to_read(str(events / f"{run}.db"))
                )


def _list_checks(connection: Connection) -> Iterator[Document]:
    for asset_key, name, partition, event in connection.execute(_CHECKS):
        said = _find_evaluation(event)
        asset = "/".join(json.loads(asset_key))
        figures = said.get("metadata") or {}
        told = [
            from_markdown(str(said.get("description") or "")),
            *(f"{key}: {value}" for key, value in _list_figures(figures)),
        ]
        at = f" of {partition}" if partition else ""
        severity = (said.get("severity") or {}).get("__enum__", "")
        acts = "it blocks" if severity.endswith("ERROR") else "a warning"
        yield Document(
            "check",
            f"{asset}:{name}" + (f"[{partition}]" if partition else ""),
            _name_session(partition),
            f"{name.replace('_', ' ')} does not hold for {asset}{at}: {acts}",
            shorten(hide("\n".join(filter(None, told)))),
        )


def _find_evaluation(event: str) -> dict[str, Any]:
    try:
        said = json.loads(event)["dagster_event"]["event_specific_data"]
    except (ValueError, LookupError, TypeError):
        return {}
    return said if isinstance(said, dict) else {}


def _list_figures(metadata: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and values of plain metadata: numbers and texts, no pictures."""
    for name, entry in sorted(metadata.items()):
        value = entry.get("value", entry.get("text"))
        if isinstance(value, int | float | str) and "data:image" not in str(value):
            yield name, str(value)


def _list_runs(connection: Connection, open_run: Any) -> Iterator[Document]:
    for run_id, job, partition in list(connection.execute(_RUNS)):
        events = open_run(run_id)
        try:
            rows = events.execute(_ERRORS, (run_id,)).fetchall()
        except sqlite3.OperationalError:  # its file was deleted
            rows = []
        finally:
            if events is not connection:
                events.close()
        at = f" of {partition}" if partition else ""
        told = "\n".join(_tell_errors([event for (event,) in rows]))
        yield Document(
            "run",
            run_id,
            _name_session(partition),
            f"run of {job}{at} failed",
            shorten(hide(told) or "its log tells no error"),
        )


def _tell_errors(events: Sequence[str]) -> Iterator[str]:
    """Step, error and its causes; without the lines of code, which change with each version."""
    for event in events:
        said = _find_evaluation(event)
        error = said.get("error")
        step = json.loads(event).get("step_key") or ""
        while isinstance(error, dict):
            yield f"{step}: {str(error.get('message') or '').strip()}".strip(": ")
            error = error.get("cause")


def _name_session(partition: str | None) -> str | None:
    return partition if partition and re.fullmatch(SESSION_KEY, partition) else None
