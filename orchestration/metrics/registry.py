"""Whether the model registry answers: what it holds is in the tables too."""

import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import closing

from assets.addresses import hide
from assets.ledger.file import connect_to_read
from orchestration.metrics.families import Sample
from orchestration.profiles import Settings

_SQLITE = "sqlite:///"
_QUERY = "SELECT 1 FROM experiments LIMIT 1"
_WAIT_S = 5.0


def read_registry(settings: Settings) -> Iterator[Sample]:
    """Ask for one row, or a server for its health: no sample, and an error where nobody answers."""
    url = settings.mlflow_url
    if url.startswith(("http://", "https://")):
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=_WAIT_S):
            return
    if url.startswith(_SQLITE):
        _ask_file(url.removeprefix(_SQLITE))
    else:
        _ask_server(url)
    yield from ()


def _ask_file(path: str) -> None:
    with closing(connect_to_read(path)) as connection:
        try:
            connection.execute(_QUERY)
        except sqlite3.OperationalError as error:
            # before the first training there are no tables
            if "no such table" not in str(error):
                raise


def _ask_server(url: str) -> None:
    import sqlalchemy as sa

    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    try:
        with engine.connect() as connection:
            connection.execute(sa.text(_QUERY))
    except sa.exc.DatabaseError as error:
        raise OSError(hide(str(error).splitlines()[0])) from None
