"""Canaries that were taken back, as rows: what a server decided outlives it, and others can tell people."""

from __future__ import annotations

import logging
import time

from assets.serving.versions import Trial, Version
from assets.tables.catalog import Catalog
from assets.tables.rows import CanaryReturnRow
from assets.tables.schemas import TABLES, content_id, to_table

TABLE = "canary_returns"
_log = logging.getLogger("daguerre.serving")


def make_return(trial: Trial, champion: Version, cause: str) -> CanaryReturnRow:
    """The row of a canary that was taken back just now, and of who answers in its place."""
    version = trial.version
    found = trial.figures.disagreements
    at_ns = time.time_ns()
    return {
        "return_id": content_id("return", version.model_sha256, at_ns),
        "task": version.task,
        "model_name": version.model_name,
        "model_version": version.model_version,
        "model_sha256": version.model_sha256,
        "champion_version": champion.model_version,
        "champion_sha256": champion.model_sha256,
        "cause": cause,
        "num_images": trial.figures.num_images,
        "num_failed": trial.figures.num_failed,
        "disagreement": sum(found) / len(found) if found else None,
        "at_ns": at_ns,
    }


def store_return(catalog: Catalog, row: CanaryReturnRow) -> None:
    """Store it; where the table cannot be written that is said, and the answers go on."""
    try:
        catalog.merge(TABLE, to_table(TABLES[TABLE], [row]))
    except Exception as error:  # a store that is away: requests go on
        _log.warning(f"that a canary was taken back could not be stored: {error}")
