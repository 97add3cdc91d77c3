"""The ledger's database: its tables, how it is opened, and one transaction at a time."""

from __future__ import annotations

import sqlite3
import time
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from assets.ledger import file
from assets.ledger.file import LedgerFault
from assets.ledger.seals import SEAL, add_seals, list_values

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

T = TypeVar("T")
_OWN_TABLES_LAST = "SELECT set_config('search_path', current_setting('search_path') || ', pg_temp', false)"
# a restart of Postgres takes seconds
_RECONNECT_WAITS_S = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0)
_CLOCKS = {
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) AS double precision)",
    "sqlite": "(julianday('now') - 2440587.5) * 86400.0",  # the machine's clock, which its workers share
}
_SCHEMA_LOCK = 0x6461677565727265  # advisory lock of Postgres: "CREATE TABLE IF NOT EXISTS" fails when two race


class Database:
    """The tables of a ledger at a SQLAlchemy URL.

    SQLite by default, Postgres for teams (`postgresql+psycopg://...`). Each transaction may be applied twice, so one
    whose reply was lost with the connection is simply sent again while the server restarts.

    To read only, nothing is made or changed beside it, and a ledger that is not there has no rows.
    Raises LedgerFault where its file is damaged, or is not to be written.
    """

    def __init__(self, url: str, is_read_only: bool = False) -> None:
        import sqlalchemy as sa

        self._sa = sa
        self._define(sa)
        self._file = sa.make_url(url).database if url.startswith("sqlite") else None
        if self._file is None:
            self.engine = self._open_server(url, is_read_only)
        elif is_read_only:
            self.engine = self._open_to_read(self._file)
        else:
            self.engine = self._open_to_write(url, self._file)
        # who forgets a ledger leaves no connection open, and no log beside a file
        weakref.finalize(self, self.engine.dispose)
        # seconds since 1970
        self._clock = sa.literal_column(_CLOCKS[self.engine.dialect.name], sa.Float)
        if not is_read_only:
            self._run(self._create_tables)

    def _open_server(self, url: str, is_read_only: bool) -> Engine:
        """Of Postgres. To read only, a connection may change nothing, and has a table without rows of its own in the
        place of one that is not there."""
        sa = self._sa
        engine = sa.create_engine(url, pool_pre_ping=True)
        if is_read_only:
            tables = self._list_definitions(engine.dialect)
            sa.event.listen(engine, "connect", lambda c, _: _only_read(c, tables))
        return engine

    def _open_to_write(self, url: str, path: str) -> Engine:
        try:
            file.set_write_ahead(path)
        except sqlite3.Error as error:
            raise LedgerFault(path, error) from error
        waiting = {"timeout": file.WAIT_S}
        engine = self._sa.create_engine(url, connect_args=waiting)
        listen = self._sa.event.listen
        listen(engine, "connect", lambda c, _: file.open_to_write(c))
        listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
        return engine

    def _open_to_read(self, path: str) -> Engine:
        """Of a file that is opened by the first who reads."""
        sa = self._sa
        dialect = sa.make_url("sqlite://").get_dialect()()
        tables = list(self._list_definitions(dialect).values())
        return sa.create_engine(
            "sqlite://",
            creator=lambda: file.open_to_read(path, tables),
            poolclass=sa.pool.StaticPool,
        )

    def _list_definitions(self, dialect: Any) -> dict[str, str]:
        """Name of each table -> the SQL that makes it."""
        create = self._sa.schema.CreateTable
        return {
            name: str(create(table).compile(dialect=dialect)).strip()
            for name, table in self._metadata.tables.items()
        }

    def _define(self, sa: Any) -> None:
        self._metadata = sa.MetaData()
        text = sa.String
        integer = sa.BigInteger

        def table(name: str, *columns: Any) -> Any:
            return sa.Table(name, self._metadata, *columns, sa.Column(SEAL, text))

        self._sources = table(
            "sources",
            sa.Column("session", text, primary_key=True),
            sa.Column("uri", text, nullable=False),
        )
        self._landed = table(
            "landed",
            sa.Column("session", text, primary_key=True),
            sa.Column("without", text, nullable=False),
        )
        self._captures = table(
            "captures",
            sa.Column("capture_id", text, primary_key=True),
            sa.Column("epoch", integer, nullable=False),
            sa.Column("owner", text, nullable=False),
            sa.Column("lease_until", sa.Double, nullable=False),
            sa.Column("is_committed", sa.Boolean, nullable=False),
        )
        self._files = table(
            "files",
            sa.Column("session", text, primary_key=True),
            sa.Column("path", text, primary_key=True),
            sa.Column("version", text, primary_key=True),
            sa.Column("size_bytes", integer, nullable=False),
            sa.Column("outcome", text, nullable=False),
            sa.Column("capture_id", text, index=True),
            sa.Column("reader", text, nullable=False),
            sa.Column("sha256", text),
            sa.Column("reason", text, nullable=False),
            sa.Column("remedy", text, nullable=False),
        )
        # whether any file of a session is held, where thousands are gone
        sa.Index("ix_files_outcome", self._files.c.session, self._files.c.outcome)
        self._file_columns = list_values(self._files)
        self._pauses = table(
            "pauses",
            sa.Column("what", text, primary_key=True),
            sa.Column("session", text, primary_key=True),
            sa.Column("num_failures", integer, nullable=False),
            sa.Column("reason", text, nullable=False),
            sa.Column("cause", text, nullable=False),
            sa.Column("until", sa.Double, nullable=False),
        )
        self._intakes = table(
            "intakes",
            sa.Column("session", text, primary_key=True),
            sa.Column("fingerprint", text, nullable=False),
            sa.Column("code", text, nullable=False),
            sa.Column("made_by", text, nullable=False),
        )
        self._exclusions = table(
            "exclusions",
            sa.Column("session", text, primary_key=True),
            sa.Column("path", text, primary_key=True),
            sa.Column("keeps_rows", sa.Boolean, nullable=False),
            sa.Column("reason", text, nullable=False),
            sa.Column("by", text, nullable=False),
            sa.Column("at", text, nullable=False),
        )
        self._erased_files = table(
            "erased_files",
            sa.Column("digest", text, primary_key=True),
            sa.Column("size_bytes", integer, nullable=False, index=True),
            sa.Column("erasure_id", text, nullable=False),
            sa.Column("lifted", text, nullable=False),
        )
        self._erasures = table(
            "erasures",
            sa.Column("erasure_id", text, primary_key=True),
            sa.Column("step", text, nullable=False),
            sa.Column("facts", text, nullable=False),
        )
        self._proposal_steps = table(
            "proposal_steps",
            sa.Column("proposal_id", text, primary_key=True),
            sa.Column("number", integer, primary_key=True),
            sa.Column("step", text, nullable=False),
            sa.Column("at", text, nullable=False),
            sa.Column("by", text, nullable=False),
            sa.Column("body", text, nullable=False),
        )

    def _run(self, work: Callable[[Connection], T]) -> T:
        """One transaction. Sent again when the server of a network database went away under it."""
        for wait_s in (*_RECONNECT_WAITS_S, None):
            try:
                with self.engine.begin() as connection:
                    return work(connection)
            except (sqlite3.Error, self._sa.exc.DatabaseError) as error:
                if self._file is not None and _is_of_file(error):
                    raise LedgerFault(self._file, _first_line(error)) from error
                is_away = isinstance(error, self._sa.exc.OperationalError)
                if not is_away or wait_s is None or self._file is not None:
                    raise
                time.sleep(wait_s)
        raise AssertionError("unreachable")

    def _fetch(self, query: Any) -> list[dict[str, Any]]:
        return self._run(
            lambda connection: [dict(row._mapping) for row in connection.execute(query)]
        )

    def _create_tables(self, connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")
        self._metadata.create_all(connection, checkfirst=True)
        for index in self._files.indexes:  # of a table that was there already, too
            index.create(connection, checkfirst=True)
        add_seals(connection, self._metadata)

    def _insert(self, table: Any) -> Any:
        # the other database's dialect is slow to load
        if self.engine.dialect.name == "postgresql":
            from sqlalchemy.dialects import postgresql

            return postgresql.insert(table)
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)


def _only_read(connection: Any, definitions: Mapping[str, str]) -> None:
    """Let a connection of Postgres find its own tables after those of the database, and change none of these."""
    with connection.cursor() as cursor:
        cursor.execute(_OWN_TABLES_LAST)
        for name, definition in definitions.items():
            cursor.execute("SELECT to_regclass(%s) IS NULL", (name,))
            if cursor.fetchone()[0]:
                own = definition.replace("CREATE TABLE", "CREATE TEMP TABLE", 1)
                cursor.execute(own)
        cursor.execute("SET default_transaction_read_only = on")
    connection.commit()


def _is_of_file(error: Exception) -> bool:
    """Whether SQLite complains about its file, and not about what it was asked."""
    cause = getattr(error, "orig", error)
    is_damaged = type(cause) is sqlite3.DatabaseError
    return is_damaged or isinstance(cause, sqlite3.OperationalError)


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", error)).splitlines()[0]
