"""Hold Dagster's materialisations against each other: it keeps each event twice, and parts of it in columns besides.

Looked at are the SQLite files that Dagster makes in a home. Which data version an asset has, for which session and by
which run, stands in the index of all runs and in the file of its run. Runs, ticks, cursors and logs are only checked as
far as SQLite checks its files.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from assets.ledger.file import connect_to_read, list_damage

_EVENTS = (
    "SELECT id, run_id, asset_key, partition, event FROM event_logs "
    "WHERE dagster_event_type = 'ASSET_MATERIALIZATION' ORDER BY id"
)
_TAGS = (
    "SELECT event_id, value FROM asset_event_tags WHERE key = 'dagster/data_version'"
)
_DATA_VERSION = "dagster/data_version"


@dataclass(frozen=True)
class EventFault:
    """A database, or one materialisation, that is not as it was written."""

    where: str
    reason: str


def audit_events(dagster_home: Path) -> Iterator[EventFault | None]:
    """None for each materialisation that is right."""
    for path in sorted(dagster_home.rglob("*.db")):
        where = path.relative_to(dagster_home).as_posix()
        yield from (EventFault(where, reason) for reason in _check_file(path))
    for index in sorted(dagster_home.rglob("index.db")):
        try:
            yield from _audit_index(index)
        except sqlite3.Error as error:
            where = index.relative_to(dagster_home).as_posix()
            yield EventFault(where, f"cannot be read: {error}")


def _audit_index(index: Path) -> Iterator[EventFault | None]:
    copies: dict[str, set[str] | None] = {}
    with closing(connect_to_read(str(index))) as connection:
        tags = dict(connection.execute(_TAGS).fetchall())
        for number, run_id, asset_key, partition, event in connection.execute(_EVENTS):
            if run_id not in copies:
                copies[run_id] = _hash_events(index.parent / f"{run_id}.db")
            reason = _judge(run_id, asset_key, partition, event, tags.get(number))
            of_run = copies[run_id]
            if of_run is not None and _hash(asset_key, partition, event) not in of_run:
                reason = reason or "it differs from what its run has of it"
            where = f"{_name(asset_key)} {partition or ''}".strip()
            yield EventFault(f"{where} (event {number})", reason) if reason else None


def _judge(
    run_id: str,
    asset_key: str,
    partition: str | None,
    event: str,
    data_version: str | None,
) -> str:
    """Why the columns and the event do not say the same; "" where they do."""
    try:
        entry = json.loads(event)
        made = entry["dagster_event"]["event_specific_data"]["materialization"]
        said = (entry["run_id"], made["asset_key"]["path"], made["partition"])
        its_version = (made["tags"] or {}).get(_DATA_VERSION)
        known = (run_id, json.loads(asset_key), partition)
    except (ValueError, LookupError, TypeError) as error:
        return f"it cannot be read: {error}"
    if said != known:
        return f"it is of {said}, its row says {known}"
    if data_version is not None and its_version != data_version:
        return f"its data version is {its_version}, its tag says {data_version}"
    return ""


def _hash_events(path: Path) -> set[str] | None:
    """Hashes of the materialisations of one run; None where its file is gone, as after its deletion, or broken."""
    if not path.exists():
        return None
    try:
        with closing(connect_to_read(str(path))) as connection:
            rows = connection.execute(_EVENTS)
            return {
                _hash(asset_key, part, event) for _, _, asset_key, part, event in rows
            }
    except sqlite3.Error:
        return None  # told by the check of the file


def _hash(*values: str | None) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()


def _check_file(path: Path) -> list[str]:
    try:
        with closing(connect_to_read(str(path))) as connection:
            return list_damage(connection.execute)
    except sqlite3.Error as error:
        return [str(error)]


def _name(asset_key: str) -> str:
    try:
        return "/".join(json.loads(asset_key))
    except (ValueError, TypeError):
        return asset_key
