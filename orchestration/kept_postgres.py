"""Dagster's tables in Postgres, each storage reached through one connection while a run is executed here.

Dagster connects anew for every statement, so that a process that only waits holds no connection. A run of a session
makes hundreds of statements, and each connection is a process of the server, a proof of the password and, elsewhere,
a handshake.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from sqlalchemy import Engine
from sqlalchemy.pool import NullPool


@contextmanager
def keep_postgres(instance: dg.DagsterInstance) -> Iterator[None]:
    """Within the context what Dagster notes of runs in Postgres goes through connections that stay open; they are
    closed at the end. One that the server broke off is made anew. Other storages stay as they are."""
    storages: tuple[Any, ...] = (instance.run_storage, instance.event_log_storage)
    before = [(one, one._engine) for one in storages if _connects_anew(one)]
    try:
        for storage, _ in before:
            storage._engine = _make_kept(storage)
        yield
    finally:
        for storage, engine in before:
            kept, storage._engine = storage._engine, engine
            kept.dispose()


def _connects_anew(storage: Any) -> bool:
    return hasattr(storage, "postgres_url") and isinstance(
        storage._engine.pool, NullPool
    )


def _make_kept(storage: Any) -> Engine:
    from dagster_postgres.utils import create_pg_engine

    return create_pg_engine(
        storage.postgres_url,
        storage._token_provider,
        isolation_level="AUTOCOMMIT",
        pool_size=1,
        max_overflow=-1,
        pool_pre_ping=True,
    )
