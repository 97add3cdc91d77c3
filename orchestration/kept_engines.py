"""Dagster's SQLite files, each reached through one engine: Dagster makes an engine for every statement.

An engine keeps how each statement reads in SQL. One that is made anew spends 2 ms to put that together, and a run of a
session writes several hundred times. While a run is executed here its connections stay open too: when the last one is
closed, SQLite moves what was written into the file, and syncs that. Otherwise nothing holds a file of Dagster.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from sqlalchemy import Engine
from sqlalchemy import create_engine as make_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, QueuePool

_STORAGES = (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage)
_MOST = 32  # each run has a file


def keep_engines() -> None:
    """Let Dagster's SQLite storages of this process share engines; a second call changes nothing."""
    for storage in _STORAGES:
        storage.create_engine = _ENGINES.find  # type: ignore[attr-defined]


@contextmanager
def keep_connections() -> Iterator[None]:
    """Within the context the shared engines keep their connections; when the last one ends they are closed."""
    _ENGINES.count_runs(1)
    try:
        yield
    finally:
        _ENGINES.count_runs(-1)


class _Pool(QueuePool):
    """What is given back stays open while something runs here. Dagster disposes of an engine after each statement: that
    closes nothing."""

    def dispose(self) -> None:
        pass

    def recreate(self) -> "_Pool":
        return self

    def close_idle(self) -> None:
        super().dispose()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        if not _ENGINES.num_runs:
            self.close_idle()


class _Engines:
    """The engines of this process, by address and options; of more than `_MOST` the first ones go."""

    def __init__(self) -> None:
        self.num_runs = 0
        self._lock = Lock()
        self._kept: dict[object, tuple[Engine, _Pool]] = {}

    def find(self, url: str, **options: Any) -> Engine:
        """The engine for these options; only one that Dagster wants to hold no connection is kept."""
        connect = options.get("connect_args", {})
        known = {"poolclass": NullPool, "connect_args": connect}
        if options | {"connect_args": connect} != known:
            return make_engine(url, **options)
        key = (url, *sorted(connect.items()))
        with self._lock:
            if key not in self._kept:
                self._make(key, url, connect)
            return self._kept[key][0]

    def count_runs(self, change: int) -> None:
        """One more or one less is executed here; the last one closes what is open."""
        with self._lock:
            self.num_runs += change
            for _, pool in self._kept.values() if not self.num_runs else ():
                pool.close_idle()

    def _make(self, key: object, url: str, connect: dict[str, object]) -> None:
        if len(self._kept) >= _MOST:
            _, pool = self._kept.pop(next(iter(self._kept)))
            pool.close_idle()
        engine = make_engine(
            url, poolclass=_Pool, max_overflow=-1, connect_args=connect
        )
        assert isinstance(engine.pool, _Pool)
        self._kept[key] = (engine, engine.pool)


_ENGINES = _Engines()
