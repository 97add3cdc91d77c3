"""Open an MLflow store quietly, and speak its errors and pages as Python."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


def open_client(uri: str) -> MlflowClient:
    """A client. The first of a process imports MLflow (1 s), the first of a store makes its tables (2 s).

    Telemetry and progress bars are off unless the environment says otherwise.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with warnings.catch_warnings():  # MLflow's mappers use a loader that SQLAlchemy 2.1 deprecates
        warnings.filterwarnings("ignore", message=".*noload.*")
        from mlflow import MlflowClient

        logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
        return MlflowClient(uri, uri)


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
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        raise LookupError(message) from error
