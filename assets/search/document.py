"""A document: something that is known in words, and where it stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from assets.tables.schemas import content_id

MOST_CHARACTERS = 4_000  # of a text: more is cut off
_MOST_NAMED = 12  # sessions, classes, files that a text names


@dataclass(frozen=True)
class Document:
    """`source` is what a person or a tool follows: an id, a path, a name. `session` None: it is of none, or several.

    `part` tells those of one source apart.
    """

    kind: str
    source: str
    session: str | None
    title: str
    text: str
    part: str = ""

    @property
    def document_id(self) -> str:
        """The same for as long as it stands at the same place."""
        return content_id(
            "document", self.kind, self.session or "", self.source, self.part
        )

    @property
    def sha256(self) -> str:
        """Of everything that it says."""
        said = [self.kind, self.source, self.session, self.title, self.text]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def shorten(text: str) -> str:
    """A text as a document holds it: one without end is cut off, and says so."""
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[: MOST_CHARACTERS - 1]}…"


def join_names(names: Iterable[str]) -> str:
    """The first of them in one line, a set by the alphabet, and how many more there are."""
    listed = sorted(names) if isinstance(names, set) else list(names)
    more = len(listed) - _MOST_NAMED
    shown = ", ".join(listed[:_MOST_NAMED])
    return f"{shown} and {more} more" if more > 0 else shown
