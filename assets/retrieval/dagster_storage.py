"""Dagster's storage, opened to look at by SQL: files of a home, or a server. To import Dagster takes longer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from assets.ledger.file import connect_to_read
from assets.retrieval.dagster_server import ServerConnection

Connection = sqlite3.Connection | ServerConnection
Part = Literal["runs", "events"]
_FILES = {"runs": ("history", "runs.db"), "events": ("history", "runs", "index.db")}


@contextmanager
def open_storage(
    dagster_home: Path, url: str | None, part: Part, run_id: str = ""
) -> Iterator[Connection | None]:
    """The table of runs, or events: of all runs, or all those of one. None where there is none yet.

    With `url` all lie on that server. Changes nothing.
    """
    if url is not None:
        with closing(ServerConnection(url)) as server:
            yield server if server.has_tables() else None
        return
    path = dagster_home.joinpath(*_FILES[part])
    if run_id:
        path = path.parent / f"{run_id}.db"
    if not path.exists():
        yield None
        return
    with closing(connect_to_read(str(path))) as connection:
        yield connection
