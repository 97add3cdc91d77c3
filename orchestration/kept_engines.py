"""Dagster's SQLite files, each reached through one engine: Dagster makes an engine for every statement.

An engine keeps how each statement reads in SQL. One that is made anew spends 2 ms to put that together, and a run of a
session writes several hundred times. Connections are opened and closed as before, so nothing holds a file of Dagster.
"""

from functools import lru_cache
from typing import Any

from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from sqlalchemy import Engine
from sqlalchemy import create_engine as make_engine
from sqlalchemy.pool import NullPool

_STORAGES = (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage)
_MOST = 32  # each run has a file


def keep_engines() -> None:
    """Let Dagster's SQLite storages of this process share engines; a second call changes nothing."""
    for storage in _STORAGES:
        storage.create_engine = _find_engine  # type: ignore[attr-defined]


def _find_engine(url: str, **options: Any) -> Engine:
    """The engine for these options; only one that holds no connection is kept."""
    connect = options.get("connect_args", {})
    known = {"poolclass": NullPool, "connect_args": connect}
    if options | {"connect_args": connect} != known:
        return make_engine(url, **options)
    return _keep_engine(url, tuple(sorted(connect.items())))


@lru_cache(_MOST)
def _keep_engine(url: str, connect: tuple[tuple[str, object], ...]) -> Engine:
    return make_engine(url, poolclass=NullPool, connect_args=dict(connect))
