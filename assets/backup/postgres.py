"""A database of a Postgres server as one file and back, by the server's own tools: as it was at one moment.

The password of an address goes to the tools through their environment: other users of the machine see command lines.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from assets.addresses import hide

if TYPE_CHECKING:
    from sqlalchemy import Connection

_PASSWORD = "PGPASSWORD"
_INSTALL = "install the client of your server's version (Debian: postgresql-client)"
_MARK = "daguerre_restoring"  # a table that is there while the database is restored
_TABLES = (
    "SELECT schemaname, tablename FROM pg_catalog.pg_tables "
    "WHERE schemaname <> 'information_schema' AND NOT starts_with(schemaname, 'pg_') ORDER BY 1, 2"
)


def dump_database(url: str, target: Path) -> None:
    """Write the whole database into a file; who writes meanwhile goes on. Raises ValueError without the tool, OSError
    where it fails."""
    _call("pg_dump", url, "--format=custom", f"--file={target}")


def restore_database(url: str, source: Path) -> None:
    """Fill an empty database, in one transaction. Raises as `dump_database`."""
    _call(
        "pg_restore", url, "--single-transaction", "--exit-on-error", source=str(source)
    )


def require_tool(name: str) -> str:
    """Where the tool lies. Raises ValueError where it is not installed."""
    found = shutil.which(name)
    if found is None:
        raise ValueError(f"{name} is not on this machine's PATH: {_INSTALL}")
    return found


def measure_database(url: str) -> int:
    """Bytes on the server's disk: a dump is smaller."""
    with _connecting(url) as connection:
        query = "SELECT pg_database_size(current_database())"
        return int(connection.exec_driver_sql(query).scalar_one())


def list_tables(url: str) -> list[str]:
    """The tables of a database as SQL writes them, of any schema that is not the server's own."""
    with _connecting(url) as connection:
        rows = connection.exec_driver_sql(_TABLES).fetchall()
        quote = connection.dialect.identifier_preparer.quote_identifier
        return [f"{quote(schema)}.{quote(table)}" for schema, table in rows]


def empty_database(url: str) -> None:
    """Drop all tables of a database that was empty before it was restored, and its mark."""
    tables = list_tables(url)
    if tables:
        with _connecting(url) as connection:
            connection.exec_driver_sql(f"DROP TABLE {', '.join(tables)} CASCADE")


def mark_database(url: str, backup: str) -> None:
    """Let an empty database bear the name of the backup that is to be restored into it."""
    import sqlalchemy as sa

    with _connecting(url) as connection:
        connection.exec_driver_sql(f"CREATE TABLE public.{_MARK} (backup text)")
        insert = sa.text(f"INSERT INTO public.{_MARK} VALUES (:backup)")
        connection.execute(insert, {"backup": backup})


def read_database_mark(url: str) -> str:
    """The name that it bears; "" where it bears none."""
    with _connecting(url) as connection:
        look = f"SELECT to_regclass('public.{_MARK}') IS NOT NULL"
        if not connection.exec_driver_sql(look).scalar_one():
            return ""
        read = f"SELECT max(backup) FROM public.{_MARK}"
        return str(connection.exec_driver_sql(read).scalar_one())


def unmark_database(url: str) -> None:
    """Take the mark off."""
    with _connecting(url) as connection:
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS public.{_MARK}")


def _call(tool: str, url: str, *options: str, source: str | None = None) -> None:
    from sqlalchemy import make_url

    parsed = make_url(url).set(drivername="postgresql")
    password = parsed.password
    address = parsed._replace(password=None).render_as_string(hide_password=False)
    command = [require_tool(tool), "--no-owner", "--no-privileges", "--no-password"]
    command += [*options, f"--dbname={address}", *([source] if source else [])]
    env = {**os.environ, **({_PASSWORD: str(password)} if password else {})}
    done = subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        reason = next((line for line in lines if "error:" in line), "".join(lines[:1]))
        where = hide(parsed.render_as_string())
        raise OSError(
            f"{where}: {hide(reason) or f'{tool} ended with {done.returncode}'}: "
            f"see `daguerre status --health`; where versions differ, {_INSTALL}"
        )


@contextmanager
def _connecting(url: str) -> Iterator[Connection]:
    """One transaction. Raises OSError where the server does not answer."""
    import sqlalchemy as sa

    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    try:
        with engine.begin() as connection:
            yield connection
    except sa.exc.OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise OSError(
            f"{hide(str(engine.url))}: {hide(reason)}: see `daguerre status --health`"
        ) from error
    finally:
        engine.dispose()
