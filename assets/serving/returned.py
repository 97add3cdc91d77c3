"""Canaries that were taken back, as rows: what a server decided outlives it, and others can tell people."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from assets.serving.versions import Trial, Version

if TYPE_CHECKING:
    from assets.tables.catalog import Catalog

TABLE = "canary_returns"


def make_return(trial: Trial, champion: Version, cause: str) -> dict[str, Any]:
    """What is stored of a canary that was taken back just now, and of who answers in its place, but for the id."""
    version = trial.version
    found = trial.figures.disagreements
    return {
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
        "at_ns": time.time_ns(),
    }


def store_return(catalog: Catalog, told: dict[str, Any]) -> None:
    """Store it. Raises what the store raises."""
    from assets.tables.schemas import TABLES, content_id, to_table

    name = content_id("return", told["model_sha256"], told["at_ns"])
    catalog.merge(TABLE, to_table(TABLES[TABLE], [{"return_id": name, **told}]))
