"""What lies in quarantine, and what a person decides about it: take it again, or acknowledge it.

Nothing here touches bytes: files stay where they were landed, and only the ledger's word about them changes.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from assets.copies import adopt_copies, recall_copies
from assets.formats.observations import outer_path
from assets.landing import LandingZone
from assets.ledger import FileOutcome
from assets.storage import Folder, SessionFile
from assets.tables.catalog import Catalog, session_is


@dataclass(frozen=True)
class Entry:
    """One file, or one record inside a file whose other records were read."""

    session: str
    path: str
    # "file", "record", or "dropped" for a file that somebody has acknowledged
    what: str
    reader: str
    reason: str
    remedy: str
    offset: int | None = None  # byte of the record; None for a whole file
    # how often the quarantine names it: a record once, a file for each of its records that could not be read
    num_records: int = 1


def list_quarantine(
    catalog: Catalog, zone: LandingZone, session: str | None = None
) -> list[dict[str, Any]]:
    """Entries by session and path. What a newer version of the same file has replaced is left out."""
    outcomes, replaced = _read_outcomes(zone, session)
    files = [
        Entry(
            o.session,
            o.path,
            "dropped" if o.outcome == "dropped" else "file",
            o.reader,
            o.reason,
            o.remedy,
        )
        for o in outcomes
        if o.outcome in ("quarantined", "dropped")
    ]
    whole = {(entry.session, entry.path) for entry in files}
    captures = {(o.session, o.path): o.capture_id for o in outcomes}
    where = session_is(session) if session else None
    columns = [
        "session",
        "capture_id",
        "source_path",
        "source_offset",
        "reader",
        "reason",
        "remedy",
    ]
    records = []
    named = Counter[tuple[str, str]]()
    for row in catalog.read_latest("quarantine", columns, where).to_pylist():
        place = row["session"], outer_path(row["source_path"])
        named[place] += 1
        if (
            place not in whole
            and place not in replaced
            and captures.get(place, row["capture_id"]) == row["capture_id"]
        ):
            facts = row["reader"], row["reason"], row["remedy"], row["source_offset"]
            records.append(Entry(row["session"], row["source_path"], "record", *facts))
    files = [replace(e, num_records=max(1, named[e.session, e.path])) for e in files]
    return [
        asdict(e)
        for e in sorted(
            [*files, *records], key=lambda e: (e.session, e.path, e.offset or 0)
        )
    ]


def find_files(
    zone: LandingZone,
    session: str | None,
    patterns: Sequence[str],
    states: Sequence[str],
) -> list[FileOutcome]:
    """Files whose outcome is one of `states` and whose path meets one of the patterns (`*.jpg`); none: every file.

    Raises ValueError when no file is found, FileNotFoundError for a session that is not there.
    """
    folder = zone.locate(session) if session is not None else None

    def is_meant(path: str) -> bool:
        return not patterns or any(fnmatchcase(path, pattern) for pattern in patterns)

    outcomes, replaced = _read_outcomes(zone, session)
    found = [o for o in outcomes if o.outcome in states and is_meant(o.path)]
    if found:
        return found
    changed = sorted(path for _, path in replaced if is_meant(path))
    if folder is not None and changed:
        others = f" and {len(changed) - 1} more" * (len(changed) > 1)
        raise ValueError(
            f"{changed[0]}{others} changed since it could not be read: "
            f"`daguerre ingest {shlex.quote(folder.uri)} --session {session}` takes in what lies there now"
        )
    meeting = f" meets {' or '.join(patterns)}" if patterns else " is there"
    raise ValueError(
        f"no {' or '.join(states)} file of {session or 'any session'}{meeting}: "
        "`daguerre quarantine list` shows what there is"
    )


def reopen(
    zone: LandingZone, outcomes: Sequence[FileOutcome]
) -> tuple[list[FileOutcome], list[FileOutcome]]:
    """Forget the outcomes of files that still lie where they were landed. Returns (reopened, gone).

    A file that is gone keeps its outcome: there is nothing to take again.
    """
    there = {
        (session, f.path)
        for session in {o.session for o in outcomes}
        for f in _adopt(zone, session, zone.locate(session))
    }
    reopened = [o for o in outcomes if (o.session, o.path) in there]
    zone.ledger.reopen(reopened)
    return reopened, [o for o in outcomes if (o.session, o.path) not in there]


def drop(zone: LandingZone, outcomes: Sequence[FileOutcome], by: str, at: str) -> None:
    """Acknowledge the files: they count as quarantined no more. Reason, bytes and path stay; who and when is kept."""
    folders = zone.look_around().sessions
    for session in folders.keys() & {o.session for o in outcomes}:
        with suppress(OSError):
            _adopt(zone, session, folders[session])
    remedy = f"dropped by {by} at {at}; `daguerre quarantine retry` with its path takes it again"
    zone.ledger.record(replace(o, outcome="dropped", remedy=remedy) for o in outcomes)


def _adopt(zone: LandingZone, session: str, folder: Folder) -> list[SessionFile]:
    """What lies in the session's place; what of it was copied with the home is known by its versions of today then."""
    files = _files(folder)
    adopt_copies(zone.ledger, folder, files, zone.ledger.outcomes(session).values())
    return files


def _read_outcomes(
    zone: LandingZone, session: str | None
) -> tuple[list[FileOutcome], set[tuple[str, str]]]:
    """The ledger's outcomes of the versions that lie there now, and (session, path) of files that were replaced since.

    What is gone altogether keeps its outcome.
    """
    rows = [FileOutcome(**row) for row in zone.ledger.file_table().to_pylist()]
    rows = [o for o in rows if session in {None, o.session} and o.outcome != "gone"]
    # a listing costs: only where it matters
    due = {o.session for o in rows if o.outcome in ("quarantined", "dropped")}
    folders = zone.look_around().sessions
    versions: dict[tuple[str, str], str] = {}
    for name in sorted(due & set(folders)):
        listed = _list_if_there(folders[name])
        versions |= {(name, f.path): f.version for f in listed}
        mine = [o for o in rows if o.session == name]
        copies = recall_copies(folders[name], listed, mine)
        paths = {o.path for o in copies}
        others = [o for o in rows if o.session != name or o.path not in paths]
        rows = [*others, *copies]
    current = [
        o for o in rows if versions.get((o.session, o.path), o.version) == o.version
    ]
    return current, {(o.session, o.path) for o in rows} - {
        (o.session, o.path) for o in current
    }


def _list_if_there(folder: Folder) -> list[SessionFile]:
    """Of a place that cannot be listed nothing is known to have been replaced."""
    try:
        return _files(folder)
    except OSError:
        return []


def _files(folder: Folder) -> list[SessionFile]:
    return folder.files() if folder.exists() else []
