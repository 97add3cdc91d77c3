"""Open an MLflow store quietly, and speak its errors and pages as Python."""

from __future__ import annotations

import logging
import os
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from assets.inference.package import Refusal

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


def open_client(uri: str) -> MlflowClient:
    """A client. The first of a process imports MLflow (1 s), the first of a store makes its tables (2 s).

    Telemetry and progress bars are off unless the environment says otherwise.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # MLflow's mappers use a loader that SQLAlchemy 2.1 deprecates
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*noload.*")
        from mlflow import MlflowClient

        logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
        _require_tables(uri)
        return MlflowClient(uri, uri)


def has_tables(uri: str) -> bool:
    """Whether a store was made before: a server always was, a SQLite file is there."""
    from sqlalchemy import make_url

    if not uri.startswith("sqlite"):
        return True
    path = make_url(uri).database
    return path is not None and Path(path).exists()


def require_experiment(client: MlflowClient, name: str, artifact_root: str) -> str:
    """The id of the experiment, which is made where there is none; its artifacts go below `artifact_root`."""
    for _ in range(2):
        found = client.get_experiment_by_name(name)
        if found:
            return str(found.experiment_id)
        with unless_exists():
            return str(client.create_experiment(name, f"{artifact_root}/{name}"))
    raise Refusal(
        f"experiment '{name}' exists but cannot be read: restore it with `mlflow experiments restore`"
    )


def search_versions(client: MlflowClient, query: str) -> list[ModelVersion]:
    """All versions that match, over all pages. A search leaves their aliases out."""
    found: list[ModelVersion] = []
    token = None
    while True:
        page = client.search_model_versions(query, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _require_tables(uri: str) -> None:
    """Give a new SQLite store its tables, all at once.

    MLflow's own migration breaks when two processes start on a new file, and leaves half of it when it is killed. So it
    runs on a file aside, which then becomes the store if no other process was first.
    """
    from mlflow import MlflowClient
    from sqlalchemy import make_url

    url = make_url(uri)
    if (
        url.get_backend_name() != "sqlite"
        or not url.database
        or (path := Path(url.database)).exists()
    ):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        aside = Path(name) / "aside.db"
        whole = Path(name) / "whole.db"
        MlflowClient(f"sqlite:///{aside.absolute()}", f"sqlite:///{aside.absolute()}")
        with closing(sqlite3.connect(aside)) as connection:
            connection.execute("VACUUM INTO ?", (str(whole),))
        with suppress(FileExistsError):
            os.link(whole, path)


def point_alias(client: MlflowClient, name: str, alias: str, version: int) -> None:
    """Point an alias at a version.

    MLflow looks for the alias and then inserts or updates it: of two writers that both found none, the second fails on
    the unique key. It then finds the first one's alias, so it asks once more.
    """
    from mlflow.exceptions import MlflowException

    try:
        client.set_registered_model_alias(name, alias, str(version))
    except MlflowException:
        if alias not in client.get_registered_model(name).aliases:
            raise
        client.set_registered_model_alias(name, alias, str(version))


@contextmanager
def unless_exists() -> Iterator[None]:
    """Let a creation pass that another writer was first with."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


@contextmanager
def as_lookup_error(message: str) -> Iterator[None]:
    """Turn MLflow's "no such thing" into a LookupError with our message."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code not in (
            "RESOURCE_DOES_NOT_EXIST",
            "INVALID_PARAMETER_VALUE",
        ):
            raise
        raise LookupError(message) from error
