"""Which checks do not hold by their newest verdicts in Dagster's storage, and the numbers that these rest on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.foreign_text import from_markdown
from assets.retrieval.dagster_storage import open_storage

_NEWEST = (
    "SELECT asset_key, check_name, partition, run_id, evaluation_event "
    "FROM asset_check_executions WHERE id IN (SELECT MAX(id) FROM asset_check_executions "
    "WHERE evaluation_event IS NOT NULL GROUP BY asset_key, check_name, partition) "
    "AND execution_status = 'FAILED' ORDER BY id DESC LIMIT ?"
)


@dataclass(frozen=True)
class FailedCheck:
    """A claim that does not hold of an asset, and of one session where the asset has any ("" else)."""

    asset: str
    session: str
    check: str
    blocks: bool
    says: str
    figures: dict[str, int | float]
    run_id: str
    at_s: float  # seconds since 1970


def list_failed_checks(
    dagster_home: Path, url: str | None, limit: int
) -> list[FailedCheck]:
    """The newest first. What no run of Dagster has judged, as an intake by the command line, is not among them."""
    with open_storage(dagster_home, url, "events") as connection:
        if connection is None:
            return []
        return list(_read(connection.execute(_NEWEST, (limit,)).fetchall()))


def _read(rows: list[tuple[Any, ...]]) -> Iterator[FailedCheck]:
    for key, check, session, run_id, event in rows:
        told = json.loads(event)
        said = told["dagster_event"]["event_specific_data"]
        yield FailedCheck(
            "/".join(json.loads(key)),
            session or "",
            check,
            "ERROR" in str(said.get("severity")),
            from_markdown(said.get("description") or ""),
            dict(list_figures(said["metadata"])),
            run_id,
            float(told["timestamp"]),
        )


def list_figures(metadata: Mapping[str, Any]) -> Iterator[tuple[str, int | float]]:
    """The numbers of what a check says beside its words."""
    for name, entry in metadata.items():
        value = entry.get("value") if isinstance(entry, dict) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield name, value
