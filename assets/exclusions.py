"""What a person has told to forget: a session, or files of it, that intake leaves out until that is undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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


def index_coverings(
    exclusions: Iterable[Exclusion],
) -> Callable[[str], Exclusion | None]:
    """What tells of any file of their session the widest exclusion that leaves it out; None where none does."""
    by_path = {exclusion.path.rstrip("/"): exclusion for exclusion in exclusions}

    def find(path: str) -> Exclusion | None:
        return next((by_path[p] for p in list_wider(path) if p in by_path), None)

    return find


def index_by_session(
    exclusions: Iterable[Exclusion],
) -> dict[str, Callable[[str], Exclusion | None]]:
    """The same of several sessions, by their names."""
    found: dict[str, list[Exclusion]] = {}
    for exclusion in exclusions:
        found.setdefault(exclusion.session, []).append(exclusion)
    return {session: index_coverings(mine) for session, mine in found.items()}


def list_wider(path: str) -> list[str]:
    """The paths below which a file lies, the session first, and itself: a/b.png -> "", a, a/b.png."""
    parts = path.split("/")
    return [WHOLE, *("/".join(parts[:n]) for n in range(1, len(parts) + 1))]
