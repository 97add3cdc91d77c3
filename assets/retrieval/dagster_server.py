"""Dagster's storage on a Postgres server, to look at by SQL: the tables that it keeps in files of a home otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assets.addresses import hide

_CONNECT_S = 10


class ServerConnection:
    """A read-only connection that is asked as one of SQLite is, with `?` for each value. Close it.

    Raises OSError where the server does not answer.
    """

    def __init__(self, url: str) -> None:
        import psycopg
        from sqlalchemy import make_url

        plain = make_url(url).set(drivername="postgresql")
        try:
            self._connection = psycopg.connect(
                plain.render_as_string(hide_password=False),
                connect_timeout=_CONNECT_S,
                autocommit=True,
            )
        except psycopg.OperationalError as error:
            reason = hide(str(error).splitlines()[0])
            raise OSError(
                f"Dagster's storage does not answer ({reason}): `daguerre status --health` says what helps"
            ) from error
        self._connection.read_only = True

    def execute(self, query: str, values: Sequence[object] = ()) -> Any:
        """The rows."""
        return self._connection.execute(query.replace("?", "%s").encode(), values)

    def has_tables(self) -> bool:
        """Whether Dagster has made its own there."""
        return bool(self.execute("SELECT to_regclass('runs')").fetchone()[0])

    def close(self) -> None:
        """End it."""
        self._connection.close()
