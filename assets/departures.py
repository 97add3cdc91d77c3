"""What left the home, and when: exports, pushes to labelling tools, backups and pages for others are written down here.

The record of what is handed on is written before its first byte leaves. What was cut short stays so.
"""

from __future__ import annotations

import getpass
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from assets.addresses import hide
from assets.tables.catalog import Catalog
from assets.tables.rows import DepartureRow
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tables.seals import seal_tables

EXPORT = "export"
PUSH = "push"
BACKUP = "backup"
PAGE = "page"


@dataclass
class Departure:
    """What leaves. Whoever writes it fills in what is known only then: how many frames, and that an export
    `is_refused`, of which nothing was written."""

    kind: str
    what: str
    place: str
    sessions: Sequence[str] = field(default_factory=list)
    release_id: str | None = None
    model_sha256: str | None = None
    num_frames: int | None = None
    is_refused: bool = False
    sent_by: str = ""  # an account; empty: that of this process


@contextmanager
def leaving(catalog: Catalog, departure: Departure) -> Iterator[Departure]:
    """Write down that something leaves, and, where the context ends without an error, that all of it has left.

    Of an export that is refused (ValueError, or `is_refused`) nothing has left, as it is written as a whole, and no
    record stays.
    """
    at_ns = time.time_ns()
    departure_id = _write(catalog, departure, at_ns, is_whole=False)
    try:
        yield departure
    except ValueError:
        if departure.kind == EXPORT:
            _take_back(catalog, departure_id)
        raise
    if departure.is_refused:
        _take_back(catalog, departure_id)
    else:
        _write(catalog, departure, at_ns, is_whole=True)


def _take_back(catalog: Catalog, departure_id: str) -> None:
    catalog.delete_keys("departures", [departure_id])
    seal_tables(catalog, ["departures"])


def list_departures(
    catalog: Catalog,
    session: str = "",
    release_ids: Collection[str] = (),
    model_sha256s: Collection[str] = (),
) -> list[DepartureRow]:
    """The newest first: all, or those of a session, by its name, by releases that hold it, and by models made of it.

    What names none of these is of the whole home, as a backup and its report are, and so of every one.
    """
    rows: list[DepartureRow] = catalog.read_latest("departures").to_pylist()
    if session or release_ids or model_sha256s:
        rows = [
            row
            for row in rows
            if not (row["sessions"] or row["release_id"] or row["model_sha256"])
            or session in row["sessions"]
            or row["release_id"] in release_ids
            or row["model_sha256"] in model_sha256s
        ]
    return sorted(rows, key=lambda row: (-row["at_ns"], row["departure_id"]))


def _write(
    catalog: Catalog, departure: Departure, at_ns: int, *, is_whole: bool
) -> str:
    """Its id."""
    # a password in an address leaves no trace, and its id is none of it
    place = hide(departure.place)
    row: DepartureRow = {
        "departure_id": content_id(departure.kind, departure.what, place, at_ns),
        "kind": departure.kind,
        "what": departure.what,
        "place": place,
        "sessions": sorted(departure.sessions),
        "release_id": departure.release_id,
        "model_sha256": departure.model_sha256,
        "num_frames": departure.num_frames,
        "sent_by": departure.sent_by or getpass.getuser(),
        "at_ns": at_ns,
        "is_whole": is_whole,
    }
    catalog.upsert("departures", to_table(TABLES["departures"], [row]))
    seal_tables(catalog, ["departures"])
    return row["departure_id"]
