"""What data a release is made of, as somebody chose it: sessions, a condition on frames, classes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Choice:
    """Which published data a release takes; what is not named is not chosen by, so none at all takes everything.

    `sessions` are names, or patterns as shells have them (`desk-*`). `where` is one DuckDB expression over the columns
    of `frames`. `classes` are names as labels have them; objects of others are left out. Equal choices are equal here,
    whatever the order in which names were given.
    """

    sessions: tuple[str, ...] = ()
    where: str = ""
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "sessions", tuple(sorted(set(self.sessions))))
        object.__setattr__(self, "where", self.where.strip())
        object.__setattr__(self, "classes", tuple(sorted(set(self.classes))))

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return self == EVERYTHING

    def holds(self, asked: Choice) -> bool:
        """Whether all that `asked` names is named here; of everything, only everything."""
        if asked.is_everything:
            return self.is_everything
        return (
            set(asked.sessions) <= set(self.sessions)
            and asked.where in ("", self.where)
            and set(asked.classes) <= set(self.classes)
        )

    @property
    def text(self) -> str | None:
        """As a release holds it, equal for equal choices; None for everything."""
        if self.is_everything:
            return None
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @property
    def summary(self) -> str:
        """For people, in one line."""
        parts = {
            "sessions": ", ".join(self.sessions),
            "where": self.where,
            "classes": ", ".join(self.classes),
        }
        told = [f"{name} {value}" for name, value in parts.items() if value]
        return "; ".join(told) or "everything that is published"


EVERYTHING = Choice()


def read_choice(text: str | None) -> Choice:
    """The choice whose `text` this is."""
    if text is None:
        return EVERYTHING
    stored = json.loads(text)
    return Choice(tuple(stored["sessions"]), stored["where"], tuple(stored["classes"]))
