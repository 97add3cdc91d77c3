"""What runs took, by asset, as Dagster's storage has it: seconds a row, device-hours a training.

Read by SQL, as `dagster_runs` does. Of each asset the newest runs count, and of these the ones that made something.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from assets.ledger.file import connect_to_read
from assets.retrieval.dagster_server import ServerConnection

Connection = sqlite3.Connection | ServerConnection
NEWEST = 50  # runs of an asset
_COMPUTED = re.compile(r"computed: ([0-9]+)$")
_EVENTS = (
    "SELECT run_id, event FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION' "
    "AND asset_key = ? ORDER BY id DESC LIMIT ?"
)
_ASSETS = "SELECT DISTINCT asset_key FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'"
_STEPS = (
    "SELECT step_key, event FROM event_logs "
    "WHERE dagster_event_type = 'STEP_SUCCESS' AND run_id = ?"
)
RECORDINGS = "capture/recordings"
FRAMES = "capture/frames"


@dataclass(frozen=True)
class Rate:
    """Device-seconds of one row, file or training: the median of recorded runs, the least and the most of them."""

    median_s: float
    least_s: float
    most_s: float
    num_runs: int


def read_rates(dagster_home: Path, url: str | None = None) -> dict[str, Rate]:
    """asset -> what one row of it took. Of recordings it is a file, of a training the whole; `capture/frames` is a
    frame of a session that was read whole. None of assets without a run that tells. Changes nothing.

    With `url` Dagster keeps its runs on that server, else in files of its home.
    """
    if url is not None:
        return _read_server(url)
    index = dagster_home / "history" / "runs" / "index.db"
    if not index.exists():
        return {}
    try:
        with closing(connect_to_read(str(index))) as connection:
            return _read_all(
                connection, lambda run: _read_steps_in(index.parent / f"{run}.db", run)
            )
    except (sqlite3.Error, ValueError, LookupError, TypeError):
        return {}  # `daguerre verify` names what is broken


def _read_server(url: str) -> dict[str, Rate]:
    with closing(ServerConnection(url)) as connection:
        if not connection.has_tables():
            return {}
        return _read_all(connection, lambda run: _read_steps(connection, run))


def _read_all(
    connection: Connection, read_steps: Callable[[str], dict[str, float]]
) -> dict[str, Rate]:
    steps: dict[str, dict[str, float]] = {}
    found: dict[str, list[float]] = {}
    for (key,) in connection.execute(_ASSETS).fetchall():
        asset = "/".join(json.loads(key))
        for run_id, event in connection.execute(_EVENTS, (key, NEWEST)):
            if run_id not in steps:
                steps[run_id] = read_steps(run_id)
            found.setdefault(asset, []).extend(
                _tell(asset, json.loads(event), steps[run_id])
            )
    return {
        asset: Rate(median(values), min(values), max(values), len(values))
        for asset, values in found.items()
        if values
    }


def _tell(
    asset: str, entry: Mapping[str, Any], steps: Mapping[str, float]
) -> Iterator[float]:
    made = entry["dagster_event"]["event_specific_data"]["materialization"]
    facts = dict(_read_metadata(made["metadata_entries"]))
    if "device_hours" in facts:
        yield float(facts["device_hours"]) * 3600
        return
    seconds = steps.get(entry["step_key"])
    count = count_rows(asset, facts)
    if seconds is not None and count:
        yield seconds / count


def count_rows(asset: str, facts: Mapping[str, Any]) -> int:
    """How many rows or files the run made, by the metadata of its materialisation; 0 where that is not told."""
    if asset == RECORDINGS:
        return int(facts.get("new", 0))
    told = [_COMPUTED.search(str(value)) for value in facts.values()]
    computed = [int(match[1]) for match in told if match]
    return sum(computed) if computed else int(facts.get("dagster/row_count", 0))


def _read_metadata(entries: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    for entry in entries:
        data = entry["entry_data"]
        for name in ("value", "text"):
            if name in data:
                yield entry["label"], data[name]


def _read_steps_in(path: Path, run_id: str) -> dict[str, float]:
    """Nothing where the run's file is gone."""
    if not path.exists():
        return {}
    with closing(connect_to_read(str(path))) as connection:
        return _read_steps(connection, run_id)


def _read_steps(connection: Connection, run_id: str) -> dict[str, float]:
    """step -> seconds."""
    return {
        step: json.loads(event)["dagster_event"]["event_specific_data"]["duration_ms"]
        / 1000
        for step, event in connection.execute(_STEPS, (run_id,))
    }
