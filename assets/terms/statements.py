"""What was stated of sessions and captures, kept for good, and which statement counts for a capture now.

A statement is never changed: a later one of the same session or path takes its place. Of a capture the one on the
narrowest path counts, but for a consent that ended later for more than that.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from assets.exclusions import WHOLE, list_wider
from assets.tables.catalog import Catalog, is_in
from assets.tables.rows import ConsentRow
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tables.schemas.capture import ENDED, GIVEN
from assets.tables.seals import seal_tables
from assets.terms.terms import Terms

FROM_FILE = "file"
FROM_COMMAND = "command"


@dataclass(frozen=True)
class Subject:
    """A session, and the path of a capture, or of a folder of captures, in it; WHOLE: all of it."""

    session: str
    path: str = WHOLE

    def __str__(self) -> str:
        return f"{self.session}/{self.path}" if self.path else self.session


@dataclass(frozen=True)
class Statement:
    """What somebody states of a subject. `terms` None: the consent has ended."""

    subject: Subject
    terms: Terms | None
    by: str
    why: str
    origin: str = FROM_COMMAND


def state(catalog: Catalog, statement: Statement, at_ns: int | None = None) -> str:
    """Keep it; its id. `at_ns` None: now."""
    row = _to_row(statement, time.time_ns() if at_ns is None else at_ns)
    catalog.merge("consents", to_table(TABLES["consents"], [row]))
    seal_tables(catalog, ["consents"])
    return row["consent_id"]


def state_from_file(catalog: Catalog, session: str, terms: Terms, by: str) -> bool:
    """Keep what the file of a session says, unless the last file said the same; whether it was kept."""
    mine = [
        row
        for row in read_statements(catalog, [session])
        if (row["origin"], row["path"]) == (FROM_FILE, WHOLE)
    ]
    if mine and terms_of(mine[-1]) == terms:
        return False
    said = f"the session's {by} says so"
    state(catalog, Statement(Subject(session), terms, by, said, FROM_FILE))
    return True


def read_statements(
    catalog: Catalog, sessions: Collection[str] | None = None
) -> list[ConsentRow]:
    """All of some sessions, None: of all, the oldest first."""
    where = None if sessions is None else is_in("session", sorted(sessions))
    rows: list[ConsentRow] = catalog.read_latest("consents", where=where).to_pylist()
    return sorted(rows, key=lambda row: (row["at_ns"], row["consent_id"]))


class Standing:
    """Which statement counts for a capture, of statements from the oldest to the newest."""

    def __init__(self, rows: Iterable[ConsentRow]) -> None:
        self._last = {Subject(row["session"], row["path"]): row for row in rows}

    def find(self, session: str, path: str) -> ConsentRow | None:
        """None where nothing was stated."""
        wider = list_wider(path) if path else [WHOLE]
        mine = [self._last.get(Subject(session, one)) for one in wider]
        said = [row for row in mine if row is not None]
        if not said:
            return None
        ends = [row for row in said if row["act"] == ENDED]
        last_end = max(ends, key=lambda row: row["at_ns"], default=None)
        narrowest = said[-1]
        is_over = last_end is not None and last_end["at_ns"] > narrowest["at_ns"]
        return last_end if is_over else narrowest

    def list_last(self) -> Sequence[ConsentRow]:
        """The last of each subject, by session and path."""
        return sorted(self._last.values(), key=lambda r: (r["session"], r["path"]))


def read_standing(
    catalog: Catalog, sessions: Collection[str] | None = None
) -> Standing:
    """What counts now, of some sessions or of all."""
    return Standing(read_statements(catalog, sessions))


def terms_of(row: ConsentRow) -> Terms | None:
    """None where the statement ends the consent."""
    if row["act"] == ENDED:
        return None
    until = row["until_day"]
    return Terms(
        row["licence"] or "",
        tuple(row["purposes"] or ()),
        date.fromisoformat(until) if until else None,
        row["holder"] or "",
    )


def today() -> date:
    """UTC."""
    return datetime.now(UTC).date()


def _to_row(statement: Statement, at_ns: int) -> ConsentRow:
    terms, subject = statement.terms, statement.subject
    return {
        "consent_id": content_id(subject, terms, statement.by, statement.why, at_ns),
        "session": subject.session,
        "path": subject.path,
        "act": ENDED if terms is None else GIVEN,
        "licence": terms.licence if terms else None,
        "purposes": list(terms.purposes) if terms else None,
        "until_day": terms.until.isoformat() if terms and terms.until else None,
        "holder": terms.holder or None if terms else None,
        "why": statement.why,
        "stated_by": statement.by,
        "origin": statement.origin,
        "at_ns": at_ns,
    }
