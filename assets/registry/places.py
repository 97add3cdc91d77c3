"""Let MLflow find the artifacts of a home that was moved, copied or restored: it keeps absolute addresses.

No record of the former place is needed: each of our experiments says where it lay. Only a SQLite store beside its
folder of artifacts is followed: these two move together.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from assets.inference.package import Refusal

_OURS = "daguerre-"
# tables and columns of MLflow's store that hold addresses of artifacts
_ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)


def follow_place(tracking_uri: str, artifact_root: str) -> int:
    """Let the addresses in the store say where the artifacts lie now; the number of experiments that were elsewhere.

    One transaction, so of processes that race the second finds nothing to do. Raises Refusal where the store may only
    be read.
    """
    store = locate_store(tracking_uri)
    if store is None or not store.exists():
        return 0
    with closing(connect_to_look(store)) as connection:
        if not find_moves(connection, store, artifact_root):
            return 0
    try:
        with closing(
            sqlite3.connect(store, timeout=60, isolation_level=None)
        ) as writer:
            return _rewrite(writer, store, artifact_root)
    except sqlite3.OperationalError as error:
        raise Refusal(
            f"{store} says where this home lay before, and cannot be written ({error}): "
            "run `daguerre upgrade` as a user who may write it"
        ) from error


def move_addresses(url: str, former: str, now: str) -> None:
    """Let the addresses in a store of a server that lie below one folder or bucket say another, in one transaction."""
    import sqlalchemy as sa

    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    try:
        with engine.begin() as connection:
            for table, column in _ADDRESSES:
                values = {"now": now, "former": former, "below": f"{former}/"}
                connection.execute(sa.text(_move(table, column)), values)
    finally:
        engine.dispose()


def find_moves(
    connection: sqlite3.Connection, store: Path, artifact_root: str
) -> dict[str, str]:
    """Former address -> address now, of each experiment whose artifacts lie at `artifact_root`, not where it says.

    An experiment that was made while `artifact_root` was another folder stays there: nothing of it lies here.
    """
    root = to_path(artifact_root)
    if root is None or root.parent != store.parent or not _has_experiments(connection):
        return {}
    moves = {}
    rows = connection.execute("SELECT name, artifact_location FROM experiments")
    for name, former in rows.fetchall():
        now = f"{artifact_root}/{name}"
        lay = to_path(former or "")
        if not name.startswith(_OURS) or lay is None or lay.name != name:
            continue
        if former != now and ((root / name).is_dir() or not lay.is_dir()):
            moves[former] = now
    return moves


def apply_moves(address: str, moves: dict[str, str]) -> str:
    """Where something lies whose address may be a former one."""
    for former, now in moves.items():
        if address == former or address.startswith(f"{former}/"):
            return now + address[len(former) :]
    return address


def locate_store(tracking_uri: str) -> Path | None:
    """The file of a SQLite store; None for a server's."""
    from sqlalchemy import make_url

    if not tracking_uri.startswith("sqlite"):
        return None
    database = make_url(tracking_uri).database
    return Path(database).absolute() if database else None


def connect_to_look(store: Path) -> sqlite3.Connection:
    """The store as it is, under SQLite's locks: MLflow keeps no log beside it. Nothing is written."""
    return sqlite3.connect(f"file:{quote(str(store))}?mode=ro", uri=True, timeout=60)


def to_path(address: str) -> Path | None:
    """The local path of an address; None for one in a bucket or of a server."""
    parts = urlsplit(address)
    if parts.scheme not in ("", "file"):
        return None
    return Path(unquote(parts.path) if parts.scheme else address)


def _rewrite(writer: sqlite3.Connection, store: Path, artifact_root: str) -> int:
    writer.execute("BEGIN IMMEDIATE")
    moves = find_moves(writer, store, artifact_root)
    for former, now in moves.items():
        for table, column in _ADDRESSES:
            values = {"now": now, "former": former, "below": f"{former}/"}
            writer.execute(_move(table, column), values)
    writer.execute("COMMIT")
    return len(moves)


def _move(table: str, column: str) -> str:
    """SQL of SQLite and of Postgres, which rewrites what is `:former` or begins with `:below`."""
    return (
        f"UPDATE {table} SET {column} = :now || substr({column}, length(:below)) "
        f"WHERE {column} = :former OR substr({column}, 1, length(:below)) = :below"
    )


def _has_experiments(connection: sqlite3.Connection) -> bool:
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'experiments'"
    return connection.execute(query).fetchone() is not None
