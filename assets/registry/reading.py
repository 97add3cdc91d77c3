"""An MLflow store by SQL, as it lies there: to look takes no second, imports no MLflow, and writes nothing."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assets.ledger.file import list_damage
from assets.registry.places import (
    apply_moves,
    connect_to_look,
    find_moves,
    locate_store,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_ROWS = {
    "params": "SELECT key, value FROM params WHERE run_uuid = :run ORDER BY key",
    "metrics": (
        "SELECT key, step, value, is_nan FROM metrics WHERE run_uuid = :run "
        "ORDER BY key, step, timestamp, value"
    ),
}


@dataclass(frozen=True)
class StoredVersion:
    """A version as the store has it. `source` and `artifacts` say where package and run lie now."""

    name: str
    version: int
    run_id: str
    source: str
    artifacts: str
    tags: dict[str, str]
    rows: dict[str, str]

    @property
    def task(self) -> str:
        """The task whose models the name is of."""
        return self.name.removeprefix("daguerre-")


class StoreReader:
    """An MLflow store by SQL. `is_readable` False: it is behind a server, or there is none."""

    def __init__(self, tracking_uri: str, artifact_root: str) -> None:
        self.artifact_root = artifact_root
        self.path = locate_store(tracking_uri)
        self._uri = tracking_uri
        is_there = self.path.exists() if self.path else True
        self.is_readable = is_there and not tracking_uri.startswith("http")

    def check_file(self) -> list[str]:
        """What SQLite says of its file."""
        if self.path is None:
            return []
        with self._connect() as connection:
            return list_damage(connection.exec_driver_sql)

    def versions(self) -> list[StoredVersion]:
        """All versions of our models, by name and number."""
        return self._read_versions("v.name LIKE 'daguerre-%'")

    def version(self, task: str, version: int) -> StoredVersion:
        """One version of the models of a task."""
        (found,) = self._read_versions(
            "v.name = :name AND v.version = :version",
            name=f"daguerre-{task}",
            version=version,
        )
        return found

    def _read_versions(self, where: str, **values: object) -> list[StoredVersion]:
        query = (
            "SELECT v.name, v.version, v.run_id, v.source, r.artifact_uri FROM model_versions v "
            f"LEFT JOIN runs r ON r.run_uuid = v.run_id WHERE {where} "
            "AND v.current_stage <> 'Deleted_Internal' ORDER BY v.name, v.version"
        )
        with self._connect() as connection:
            moves = self.find_moves()
            return [
                StoredVersion(
                    name,
                    int(version),
                    str(run_id),
                    apply_moves(source or "", moves),
                    apply_moves(artifacts or "", moves),
                    self._read_tags(connection, name, version),
                    {
                        kind: _hash_rows(_fetch(connection, rows, run=run_id))
                        for kind, rows in _ROWS.items()
                    },
                )
                for name, version, run_id, source, artifacts in _fetch(
                    connection, query, **values
                )
            ]

    def weights(self) -> dict[tuple[str, int], str]:
        """(task, version) -> the sha256 of its weights, of all versions of our models."""
        query = (
            "SELECT v.name, v.version, t.value FROM model_versions v JOIN model_version_tags t "
            "ON t.name = v.name AND t.version = v.version AND t.key = 'model_sha256' "
            "WHERE v.name LIKE 'daguerre-%' AND v.current_stage <> 'Deleted_Internal'"
        )
        with self._connect() as connection:
            return {
                (str(name).removeprefix("daguerre-"), int(version)): str(sha256)
                for name, version, sha256 in _fetch(connection, query)
            }

    def waiting(self) -> list[tuple[str, int]]:
        """(task, version) of challengers that wait for a person, by task."""
        query = (
            "SELECT a.name, a.version FROM registered_model_aliases a JOIN model_version_tags t "
            "ON t.name = a.name AND t.version = a.version AND t.key = 'gate' AND t.value = 'waits' "
            "WHERE a.alias = 'challenger' AND a.name LIKE 'daguerre-%' ORDER BY a.name"
        )
        with self._connect() as connection:
            return [
                (str(name).removeprefix("daguerre-"), int(version))
                for name, version in _fetch(connection, query)
            ]

    def aliases(self) -> dict[tuple[str, str], int]:
        """(name of the model, alias) -> version."""
        query = "SELECT name, alias, version FROM registered_model_aliases"
        with self._connect() as connection:
            return {(n, a): int(v) for n, a, v in _fetch(connection, query)}

    def _read_tags(
        self, connection: Connection, name: str, version: int
    ) -> dict[str, str]:
        query = "SELECT key, value FROM model_version_tags WHERE name = :name AND version = :version"
        rows = _fetch(connection, query, name=name, version=version)
        return {str(key): str(value) for key, value in rows}

    def find_moves(self) -> dict[str, str]:
        """Former address -> address now, of each experiment that lay elsewhere before the home was moved."""
        if self.path is None:
            return {}
        with closing(connect_to_look(self.path)) as connection:
            return find_moves(connection, self.path, self.artifact_root)

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        """Raises ValueError, with the database's own word, where the store cannot be read."""
        import sqlalchemy as sa

        try:
            with self._open().connect() as connection:
                yield connection
        except (sqlite3.Error, sa.exc.DatabaseError) as error:
            reason = str(getattr(error, "orig", error)).splitlines()[0]
            raise ValueError(f"MLflow's store cannot be read ({reason})") from error

    def _open(self) -> Engine:
        import sqlalchemy as sa

        path = self.path
        if path is None:
            return sa.create_engine(self._uri, poolclass=sa.pool.NullPool)
        return sa.create_engine(
            "sqlite://",
            creator=lambda: connect_to_look(path),
            poolclass=sa.pool.NullPool,
        )


def _fetch(connection: Connection, query: str, **values: object) -> list[Any]:
    import sqlalchemy as sa

    return list(connection.execute(sa.text(query), values).fetchall())


def _hash_rows(rows: Iterable[Any]) -> str:
    return hashlib.sha256(repr([tuple(row) for row in rows]).encode()).hexdigest()
