"""Which consents end soon, or have ended, of those that count for a capture that is still stored."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from assets.tables.catalog import Catalog
from assets.tables.schemas.capture import ENDED
from assets.terms.statements import Subject, read_standing, terms_of, today


@dataclass(frozen=True)
class Ending:
    """A consent with its last day, None: it was ended by a person. `is_over`: it does not hold today."""

    subject: str
    until: str | None
    is_over: bool

    @property
    def summary(self) -> str:
        """In one line."""
        if self.until is None:
            return f"the consent of {self.subject} has ended"
        word = "ended with" if self.is_over else "ends with"
        return f"the consent of {self.subject} {word} {self.until}"


def list_ending(
    catalog: Catalog, remind_days: int, day: date | None = None
) -> list[Ending]:
    """Those that are over, or end within so many days from a day, None: today, by session and path."""
    return list(_find(catalog, remind_days, day or today()))


def list_ended(catalog: Catalog, sessions: Collection[str]) -> list[str]:
    """Those of the sessions, with their captures, whose consent does not hold today, a sentence each."""
    wanted = set(sessions)
    return [
        one.summary
        for one in list_ending(catalog, 0)
        if one.is_over and one.subject.partition("/")[0] in wanted
    ]


def _find(catalog: Catalog, remind_days: int, day: date) -> Iterator[Ending]:
    standing = read_standing(catalog)
    captures = catalog.read_latest("captures", ["session", "path"]).to_pylist()
    counting = [standing.find(row["session"], row["path"]) for row in captures]
    ids = {row["consent_id"] for row in counting if row is not None}
    for row in standing.list_last():
        if row["consent_id"] not in ids:
            continue
        subject = str(Subject(row["session"], row["path"]))
        terms = terms_of(row)
        if row["act"] == ENDED:
            yield Ending(subject, None, True)
        elif terms and terms.until and terms.until <= day + timedelta(days=remind_days):
            yield Ending(subject, terms.until.isoformat(), terms.is_over(day))
