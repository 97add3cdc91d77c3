"""What Dagster's storage says of retraining requests: runs that were made for them, and whether more will be.

Read by SQL: to import Dagster takes as long as all else that looking does.
"""

from __future__ import annotations

import sqlite3
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from assets.ledger.file import connect_to_read
from assets.monitoring.answers import REQUEST, SENSOR, AnsweringRun
from assets.retrieval.dagster_server import ServerConnection

Connection = sqlite3.Connection | ServerConnection
_ALIVE_S = 90.0  # a daemon says every 30 s that it is there
_RUNS = (
    "SELECT t.value, r.run_id, r.status, r.create_timestamp, r.start_time, r.end_time "
    "FROM run_tags t JOIN runs r ON r.run_id = t.run_id WHERE t.key = ?"
)
_HEARTBEAT = "SELECT timestamp FROM daemon_heartbeats WHERE daemon_type = 'SENSOR'"
_STOPPED = (
    "SELECT 1 FROM instigators WHERE status = 'STOPPED' AND instigator_body LIKE ?"
)
_NO_DAEMON = (
    "no daemon runs here: `daguerre ui` starts one, or train by `daguerre train`"
)
_SENSOR_OFF = f"{SENSOR} is off: turn it on under Automation in `daguerre ui`"
_ELSEWHERE = "Dagster keeps its runs elsewhere (dagster.yaml): `daguerre ui` shows them"


@dataclass(frozen=True)
class Engine:
    """Runs by the id of the request that they answer, and what keeps more from being made ("" where nothing does)."""

    obstacle: str
    runs: dict[str, list[AnsweringRun]] = field(default_factory=dict)


def read_engine(dagster_home: Path, url: str | None = None) -> Engine:
    """Look at the SQLite files that Dagster makes by itself, or at the server where it keeps all. Changes nothing."""
    if url is not None:
        return _read_server(url)
    runs = dagster_home / "history" / "runs.db"
    config = dagster_home / "dagster.yaml"
    if config.exists() and "\nstorage:" in f"\n{config.read_text()}":
        return Engine(_ELSEWHERE)
    if not runs.exists():
        return Engine(_NO_DAEMON)
    with closing(connect_to_read(str(runs))) as connection:
        found = _list_runs(connection)
        is_alive = _is_alive(connection)
    is_off = is_alive and _is_off_in(dagster_home / "schedules" / "schedules.db")
    return Engine(_tell_obstacle(is_alive, is_off), found)


def _read_server(url: str) -> Engine:
    with closing(ServerConnection(url)) as connection:
        if not connection.has_tables():
            return Engine(_NO_DAEMON)
        found = _list_runs(connection)
        obstacle = _tell_obstacle(_is_alive(connection), _is_off(connection))
        return Engine(obstacle, found)


def _tell_obstacle(is_alive: bool, is_off: bool) -> str:
    if not is_alive:
        return _NO_DAEMON
    return _SENSOR_OFF if is_off else ""


def _is_alive(connection: Connection) -> bool:
    beats = [_read_time(at) for (at,) in connection.execute(_HEARTBEAT)]
    return time.time() - max(beats, default=0.0) <= _ALIVE_S


def _list_runs(connection: Connection) -> dict[str, list[AnsweringRun]]:
    found: dict[str, list[AnsweringRun]] = defaultdict(list)
    for request_id, run_id, status, created, started_s, ended_s in connection.execute(
        _RUNS, (REQUEST,)
    ):
        created_s = _read_time(created)
        run = AnsweringRun(run_id, status, created_s, started_s or 0.0, ended_s or 0.0)
        found[request_id].append(run)
    return dict(found)


def _is_off_in(schedules: Path) -> bool:
    if not schedules.exists():
        return False
    with closing(connect_to_read(str(schedules))) as connection:
        return _is_off(connection)


def _is_off(connection: Connection) -> bool:
    found = connection.execute(_STOPPED, (f'%"{SENSOR}"%',)).fetchone()
    return found is not None


def _read_time(at: str | datetime) -> float:
    """SQLite keeps text, a server times; both are UTC."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return moment.replace(tzinfo=UTC).timestamp()
