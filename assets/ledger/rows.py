"""What the ledger says, as values: outcomes of files, claims on captures, pauses, intakes, findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

DONE = ("ingested", "quarantined", "ignored", "dropped", "gone")
COMMAND_LINE = "command line"
MOVED = "moved "  # before the versions of files whose session lies elsewhere by now
_FIRST_PAUSE_S = 60.0
_LONGEST_PAUSE_S = 3600.0


@dataclass(frozen=True)
class Claim:
    """The right to write one capture until the lease ends."""

    capture_id: str
    owner: str  # the worker's name, '#', and a number of this claim alone
    epoch: int


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file."""

    session: str
    path: str
    version: str
    size_bytes: int
    # one of DONE; "dropped": a person has acknowledged what was quarantined; "gone": nothing of it is in the tables any
    # more, since this version of the file does not lie there any more or was told to forget
    outcome: str
    capture_id: str | None
    reader: str
    sha256: str | None = None
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Pause:
    """What failed of one session, and when it is tried again."""

    what: str  # "listing" or "intake"
    session: str  # "": the landing zone itself
    num_failures: int  # in a row
    reason: str
    cause: str  # id of the run that failed last, if it was a run
    left_s: float  # of the pause, by the database's clock; none is left below zero


@dataclass(frozen=True)
class Intaken:
    """What of a session was taken in last: its files as listed then, and by which code.

    `made_by`: who has made since, and judged, all that a session needs: COMMAND_LINE, or the id of a run, which perhaps
    has not ended; "" where nobody has.
    """

    session: str
    fingerprint: str  # of all files in its place (see `assets.landing.Listing`)
    code: str
    made_by: str = ""


@dataclass(frozen=True)
class LedgerFinding:
    """A row that is not as it was written, or what the database says of its file."""

    where: str  # table and key
    reason: str


class LeaseLost(RuntimeError):
    """Another worker has claimed the capture since."""


def pause_s(num_failures: int) -> float:
    """Seconds after so many failures in a row: a minute, twice as long each time, an hour at most."""
    return min(_FIRST_PAUSE_S * 2.0 ** min(num_failures - 1, 10), _LONGEST_PAUSE_S)


def in_order(outcomes: Iterable[FileOutcome]) -> list[FileOutcome]:
    """By the key: transactions that lock the same rows in one order do not wait for each other forever."""
    done = sorted(outcomes, key=lambda o: (o.session, o.path, o.version))
    assert all(o.outcome in DONE for o in done)
    return done


def to_outcomes(rows: Iterable[Any]) -> Iterator[FileOutcome]:
    """Of rows of the table `files`. A text that many of them have is held once."""
    held: dict[Any, Any] = {}
    for session, path, version, size_bytes, *shared, sha256, reason, remedy in rows:
        session, outcome, capture_id, reader, reason, remedy = (
            held.setdefault(v, v) for v in (session, *shared, reason, remedy)
        )
        yield FileOutcome(
            session,
            path,
            version,
            size_bytes,
            outcome,
            capture_id,
            reader,
            sha256,
            reason,
            remedy,
        )


def move_version(outcome: FileOutcome) -> FileOutcome:
    """The outcome under a version that no file which can be listed has."""
    version = outcome.version.removeprefix(MOVED)
    return replace(outcome, version=MOVED + version)
