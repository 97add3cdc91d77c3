"""The runs that Dagster keeps, and what one of them has said: its steps, its lines of log, its errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assets.addresses import hide
from assets.retrieval.dagster_storage import open_storage

_MOST_EVENTS = 2000  # of a run, the last
_LONGEST = 600  # characters of a line
_OF_IDS = frozenset("0123456789abcdef-")
_LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}
_RUNS = (
    "SELECT run_id, pipeline_name, status, create_timestamp, start_time, end_time "
    "FROM runs {where} ORDER BY id DESC LIMIT ?"
)
_TAGS = (
    "SELECT run_id, value FROM run_tags WHERE key = 'dagster/partition' AND run_id = ?"
)
_EVENTS = "SELECT event FROM event_logs WHERE run_id = ? ORDER BY id DESC LIMIT ?"


@dataclass(frozen=True)
class Run:
    """One run. `seconds`: how long it took; None where it has not ended."""

    run_id: str
    job: str
    status: str
    session: str
    created: str
    seconds: float | None


@dataclass(frozen=True)
class LogLine:
    """What a run said once. `level` is "error" of what failed it too."""

    at: str
    level: str
    step: str
    says: str


def list_runs(
    dagster_home: Path,
    url: str | None,
    limit: int,
    beginning: str = "",
    status: str = "",
) -> list[Run]:
    """The newest first; those whose id begins so, or of one status ("FAILURE"), where that is given."""
    if not set(beginning) <= _OF_IDS:
        return []
    wanted = [
        ("run_id LIKE ?", f"{beginning}%") if beginning else None,
        ("status = ?", status) if status else None,
    ]
    asked = [one for one in wanted if one is not None]
    where = f"WHERE {' AND '.join(text for text, _ in asked)}" if asked else ""
    with open_storage(dagster_home, url, "runs") as connection:
        if connection is None:
            return []
        values = (*(value for _, value in asked), limit)
        rows = connection.execute(_RUNS.format(where=where), values).fetchall()
        sessions = {
            run: session
            for row in rows
            for run, session in connection.execute(_TAGS, (row[0],)).fetchall()
        }
    return [_describe(row, sessions.get(row[0], "")) for row in rows]


def read_log(dagster_home: Path, url: str | None, run_id: str) -> list[LogLine]:
    """What a run has said, its last 2000 events at most, in their order; nothing where its events are gone."""
    with open_storage(dagster_home, url, "events", run_id) as connection:
        if connection is None:
            return []
        rows = connection.execute(_EVENTS, (run_id, _MOST_EVENTS)).fetchall()
    return [line for (event,) in reversed(rows) for line in _tell(json.loads(event))]


def _describe(row: tuple[Any, ...], session: str) -> Run:
    run_id, job, status, created, started_s, ended_s = row
    at = datetime.fromisoformat(created) if isinstance(created, str) else created
    took = ended_s - started_s if started_s and ended_s else None
    name = "assets" if job.startswith("__") else job
    return Run(run_id, name, status, session, _tell_time(at), took)


def _tell(entry: dict[str, Any]) -> Iterator[LogLine]:
    event = entry.get("dagster_event") or {}
    data = event.get("event_specific_data") or {}
    level = _LEVELS.get(entry.get("level", 20), "info")
    at = _tell_time(datetime.fromtimestamp(float(entry["timestamp"]), UTC))
    says = entry.get("user_message") or event.get("message") or ""
    step = entry.get("step_key") or ""
    if says:
        yield LogLine(at, level, step, _shorten(says))
    error = data.get("error") or entry.get("error_info")
    while error:
        yield LogLine(at, "error", step, _shorten(error.get("message") or ""))
        error = error.get("cause")


def _shorten(text: str) -> str:
    line = hide(" ".join(text.split())[: 4 * _LONGEST])
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _tell_time(at: datetime) -> str:
    return at.replace(tzinfo=at.tzinfo or UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
