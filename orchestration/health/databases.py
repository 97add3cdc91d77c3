"""Try a database: connect, make a table, write to it and remove it, in a transaction that is rolled back."""

import uuid
from collections.abc import Sequence
from pathlib import Path

from assets.addresses import hide
from orchestration.health.finding import Finding, tell_error

_CONNECT_S = 5
_MAY = ("read", "write", "delete")
_GRANT = "grant this user the right to create tables in its schema"
_NO_DATABASE = "make it by `createdb`, or name another one"
_NO_LOGIN = "check user and password, in the address or in ~/.pgpass"
_NO_SERVER = "start the server, or check host and port"
# by words: a connection that came to nothing has no SQLSTATE
_REMEDIES = {
    "does not exist": _NO_DATABASE,
    "password": _NO_LOGIN,
    "authentication": _NO_LOGIN,
    "no pg_hba.conf entry": "let the server take connections of this machine (pg_hba.conf)",
    "permission denied": _GRANT,
    "read-only": "name the server that may be written to",
    "too many": "raise max_connections of the server",
}


def try_database(name: str, url: str, is_brief: bool = False) -> Finding:
    """Of a server or a SQLite file, which is not made where it is missing: its folder is tried in its place.

    `is_brief`: only whether it answers.
    """
    from sqlalchemy import make_url

    shown = hide(str(make_url(url)))
    path = make_url(url).database if url.startswith("sqlite") else None
    if path is not None and not Path(path).exists():
        from orchestration.health.stores import try_folder

        return try_folder(name, Path(path).parent, shown)
    try:
        _execute(url, ["SELECT 1"] if is_brief else _list_statements())
    except Exception as error:
        reason = tell_error(getattr(error, "orig", None) or error)
        return Finding(name, shown, (), reason, _choose_remedy(reason, path))
    return Finding(name, shown, () if is_brief else _MAY)


def _list_statements() -> list[str]:
    table = f"daguerre_health_{uuid.uuid4().hex}"
    return [
        f"CREATE TABLE {table} (number INTEGER)",
        f"INSERT INTO {table} VALUES (1)",
        f"SELECT number FROM {table}",
        f"DELETE FROM {table}",
    ]


def _execute(url: str, statements: Sequence[str]) -> None:
    """All of them in one transaction, which is rolled back."""
    import sqlalchemy as sa

    is_file = url.startswith("sqlite")
    waiting = {"timeout": _CONNECT_S} if is_file else {"connect_timeout": _CONNECT_S}
    engine = sa.create_engine(url, connect_args=waiting, poolclass=sa.pool.NullPool)
    try:
        with engine.connect() as connection:
            if is_file:  # its driver begins by itself, and only before rows change
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.rollback()
    finally:
        engine.dispose()


def _choose_remedy(reason: str, path: str | None) -> str:
    if path is not None:
        return f"check {path} and who may write it; `daguerre verify` says more"
    return next((r for word, r in _REMEDIES.items() if word in reason), _NO_SERVER)
