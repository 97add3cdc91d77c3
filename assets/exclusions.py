"""What a person has told to forget: a session, or files of it, that intake leaves out until that is undone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

WHOLE = ""  # the path of an exclusion that is a session


@dataclass(frozen=True)
class Exclusion:
    """One thing that is left out, with who said so, when and why."""

    session: str
    path: str  # a file or a folder of the session; WHOLE: all of it
    # its rows stay in the tables: only the place is looked at no more
    keeps_rows: bool
    reason: str
    by: str
    at: str  # UTC, ISO 8601

    @property
    def story(self) -> str:
        """By whom, when and why."""
        return f"by {self.by} at {self.at} ({self.reason or 'no reason was given'})"

    def covers(self, path: str) -> bool:
        """Whether a file of the session is left out."""
        folder = self.path.rstrip("/")
        is_below = path == folder or path.startswith(f"{folder}/")
        return self.path == WHOLE or is_below


def find_covering(exclusions: Iterable[Exclusion], path: str) -> Exclusion | None:
    """The exclusion that leaves a file of its session out; None where none does."""
    return next((e for e in exclusions if e.covers(path)), None)
