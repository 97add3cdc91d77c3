"""Exactly-once intake: which file of which session is done, who works on which capture, and under which epoch.

A capture is claimed under a lease. Every claim raises the capture's epoch, and every later write names the epoch it was
claimed under: a worker that slept past its lease is refused, whatever it still believes. The lease of a worker that was
killed on this machine ends with it. SQLite by default, Postgres for teams (`postgresql+psycopg2://...`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from assets.worker import is_gone

if TYPE_CHECKING:
    from sqlalchemy import Connection

DONE = ("ingested", "quarantined", "ignored")


@dataclass(frozen=True)
class Claim:
    """The right to write one capture until the lease ends."""

    capture_id: str
    owner: str
    epoch: int


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file."""

    session: str
    path: str
    version: str
    size_bytes: int
    outcome: str  # one of DONE
    capture_id: str | None
    reader: str
    sha256: str | None = None
    reason: str = ""
    remedy: str = ""


class LeaseLost(RuntimeError):
    """Another worker has claimed the capture since."""


class Ledger:
    """The intake ledger at a SQLAlchemy URL."""

    def __init__(self, url: str, lease_s: float = 120.0) -> None:
        import sqlalchemy as sa

        self._sa, self.lease_s = sa, lease_s
        self.engine = sa.create_engine(url, **_engine_options(url))
        if url.startswith("sqlite"):
            sa.event.listen(self.engine, "connect", _tune_sqlite)
            sa.event.listen(self.engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
        self._define(sa)
        self._metadata.create_all(self.engine, checkfirst=True)

    def _define(self, sa: Any) -> None:
        self._metadata = sa.MetaData()
        text, integer = sa.String, sa.BigInteger
        self._sources = sa.Table(
            "sources", self._metadata,
            sa.Column("session", text, primary_key=True), sa.Column("uri", text, nullable=False),
        )  # fmt: skip
        self._captures = sa.Table(
            "captures", self._metadata,
            sa.Column("capture_id", text, primary_key=True), sa.Column("epoch", integer, nullable=False),
            sa.Column("owner", text, nullable=False), sa.Column("lease_until", sa.Float, nullable=False),
            sa.Column("is_committed", sa.Boolean, nullable=False),
        )  # fmt: skip
        self._files = sa.Table(
            "files", self._metadata,
            sa.Column("session", text, primary_key=True), sa.Column("path", text, primary_key=True),
            sa.Column("version", text, primary_key=True), sa.Column("size_bytes", integer, nullable=False),
            sa.Column("outcome", text, nullable=False), sa.Column("capture_id", text, index=True),
            sa.Column("reader", text, nullable=False), sa.Column("sha256", text),
            sa.Column("reason", text, nullable=False), sa.Column("remedy", text, nullable=False),
        )  # fmt: skip

    # ---- sources: sessions that lie outside the landing zone ---------------------------------------------------------

    def register_source(self, session: str, uri: str) -> None:
        """Remember where a session's files lie. Raises ValueError when the name is taken by another place."""
        with self._transaction() as connection:
            known = connection.execute(self._sa.select(self._sources.c.uri).filter_by(session=session)).scalar()
            if known is None:
                connection.execute(self._sources.insert().values(session=session, uri=uri))
            elif known != uri:
                raise ValueError(f"session '{session}' is already {known}: rename the folder {uri}")

    def sources(self) -> dict[str, str]:
        """session -> uri of every registered source."""
        with self._transaction() as connection:
            return {row.session: row.uri for row in connection.execute(self._sources.select())}

    # ---- files -------------------------------------------------------------------------------------------------------

    def outcomes(self, session: str) -> dict[tuple[str, str], FileOutcome]:
        """(path, version) -> outcome of every file of the session that is done."""
        query = self._files.select().filter_by(session=session)
        with self._transaction() as connection:
            rows = [FileOutcome(**row._mapping) for row in connection.execute(query)]
        return {(row.path, row.version): row for row in rows}

    def file_table(self) -> pa.Table:
        """Every file's outcome, as a table for queries."""
        with self._transaction() as connection:
            rows = [dict(row._mapping) for row in connection.execute(self._files.select())]
        columns = {c.name: pa.int64() if c.name == "size_bytes" else pa.string() for c in self._files.columns}
        return pa.Table.from_pylist(rows, schema=pa.schema(columns.items()))

    def committed(self) -> list[str]:
        """The ids of all captures whose intake is complete."""
        query = self._sa.select(self._captures.c.capture_id).filter_by(is_committed=True)
        with self._transaction() as connection:
            return sorted(connection.execute(query).scalars())

    def record(self, outcomes: Iterable[FileOutcome]) -> None:
        """Record files that belong to no capture (unknown formats, documentation)."""
        with self._transaction() as connection:
            self._record(connection, outcomes)

    def outcomes_of(self, capture_id: str) -> list[FileOutcome]:
        """What became of the files of a capture, in every session that has them."""
        query = self._files.select().filter_by(capture_id=capture_id).order_by(*self._files.primary_key.columns)
        with self._transaction() as connection:
            return [FileOutcome(**row._mapping) for row in connection.execute(query)]

    def is_committed(self, capture_id: str) -> bool:
        """Whether the capture's rows are in the tables."""
        query = self._sa.select(self._captures.c.is_committed).filter_by(capture_id=capture_id)
        with self._transaction() as connection:
            return bool(connection.execute(query).scalar())

    # ---- claims ------------------------------------------------------------------------------------------------------

    def claim(self, capture_id: str, owner: str) -> Claim | None:
        """Claim a capture; None while somebody holds it under a live lease.

        Threads share their worker's name: they exclude each other like workers do.
        """
        now, table = time.time(), self._captures
        with self._transaction() as connection:
            row = connection.execute(table.select().filter_by(capture_id=capture_id).with_for_update()).one_or_none()
            if row is None:
                self._insert_ignoring(connection, table, capture_id)
                row = connection.execute(table.select().filter_by(capture_id=capture_id).with_for_update()).one()
            if row.owner and row.lease_until > now and not is_gone(row.owner):
                return None
            epoch = row.epoch + 1
            change = {"epoch": epoch, "owner": owner, "lease_until": now + self.lease_s}
            connection.execute(table.update().filter_by(capture_id=capture_id).values(**change))
        return Claim(capture_id, owner, epoch)

    def renew(self, claim: Claim) -> None:
        """Prolong the lease. Raises LeaseLost when somebody else has claimed the capture since."""
        with self._transaction() as connection:
            self._update_fenced(connection, claim, lease_until=time.time() + self.lease_s)

    def commit(self, claim: Claim, outcomes: Sequence[FileOutcome]) -> None:
        """Record the capture's files as done and end the lease, in one transaction. Raises LeaseLost."""
        with self._transaction() as connection:
            self._update_fenced(connection, claim, is_committed=True, owner="", lease_until=0.0)
            self._record(connection, outcomes)

    def release(self, claim: Claim) -> None:
        """Give the claim back without a commit."""
        with self._transaction() as connection:
            self._update_fenced(connection, claim, owner="", lease_until=0.0)

    # ---- below -------------------------------------------------------------------------------------------------------

    def _transaction(self) -> AbstractContextManager[Connection]:
        return self.engine.begin()

    def _update_fenced(self, connection: Connection, claim: Claim, **values: Any) -> None:
        update = self._captures.update().filter_by(capture_id=claim.capture_id, epoch=claim.epoch, owner=claim.owner)
        if connection.execute(update.values(**values)).rowcount != 1:
            raise LeaseLost(f"capture {claim.capture_id} was claimed by another worker after epoch {claim.epoch}")

    def _record(self, connection: Connection, outcomes: Iterable[FileOutcome]) -> None:
        for outcome in outcomes:
            assert outcome.outcome in DONE, outcome
            values = vars(outcome)
            key = {name: values[name] for name in ("session", "path", "version")}
            if not connection.execute(self._files.update().filter_by(**key).values(**values)).rowcount:
                connection.execute(self._files.insert().values(**values))

    def _insert_ignoring(self, connection: Connection, table: Any, capture_id: str) -> None:
        from sqlalchemy.dialects import postgresql, sqlite

        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        row = {"capture_id": capture_id, "epoch": 0, "owner": "", "lease_until": 0.0, "is_committed": False}
        connection.execute(insert(table).values(**row).on_conflict_do_nothing())


def _engine_options(url: str) -> dict[str, Any]:
    return {"connect_args": {"timeout": 60.0}} if url.startswith("sqlite") else {"pool_pre_ping": True}


def _tune_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's documented way to real transactions: BEGIN comes from the event
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()
