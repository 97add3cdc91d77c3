"""Ask the documents a question: by words, by what it means, or by both, whose ranks are joined.

Each part ranks by itself, and a document's score is the sum of 1 / (60 + rank) over the parts that found it (reciprocal
rank fusion: Cormack, Clarke and Büttcher, 2009). So neither part needs a scale that fits the other's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.inference.sentences import NoSentences, SentenceEncoder
from assets.search.chosen import choose
from assets.search.plain_text import strip_marks
from assets.search.stored_documents import Numbers, Ranked, open_documents
from assets.search.word_index import WordIndex
from assets.tables.catalog import Catalog
from assets.tables.schemas.search import DOCUMENT_KINDS

BOTH, WORDS, MEANING = "both", "words", "meaning"
WAYS = (BOTH, WORDS, MEANING)
FUSED_RANK = 60
_CANDIDATES = 200  # of each part
_SNIPPET = 160  # characters
_WORD = re.compile(r"\w+")
_STEM = 5  # characters by which words are taken for one
Named = TypeVar("Named", int, str)


@dataclass(frozen=True)
class Hit:
    """A document that was found. `id` is what to follow: an id, a path, a name; `snippet` where it says so."""

    kind: str
    id: str
    session: str | None
    title: str
    snippet: str
    score: float


class Documents:
    """The newest documents: facts in memory, texts where they are stored. To be opened anew after a refresh."""

    def __init__(
        self, catalog: Catalog, cache: Path, encoder: SentenceEncoder | None
    ) -> None:
        self._cache = cache / "search"
        self._encoder = encoder
        self._stored = open_documents(catalog)

    def ask(
        self,
        text: str,
        limit: int = 10,
        kinds: Collection[str] = (),
        sessions: Sequence[str] = (),
        way: str = BOTH,
    ) -> list[Hit]:
        """What fits best, best first: of some kinds, and of some sessions by name or pattern, where any is
        named.

        Both ways are words alone where there is no net of sentences. Raises ValueError for a text without a letter or
        digit, an unknown kind or way, and NoSentences where meaning alone was asked for and there is no net.
        """
        _require(text, kinds, way)
        scores = self._score(text, way, self._choose(kinds, sessions))
        best = dict(islice(scores.items(), limit))
        rows = self._stored.read_texts(list(best))
        return [
            _to_hit(row, text, score)
            for row, score in zip(rows, best.values(), strict=True)
        ]

    def _choose(
        self, kinds: Collection[str], sessions: Sequence[str]
    ) -> NDArray[np.bool_]:
        """(N,) those that are asked about."""
        facts = self._stored.facts
        is_meant = choose(facts["session"], sessions)
        if kinds:
            wanted = pa.array(sorted(kinds), pa.string())
            is_meant &= pc.is_in(facts["kind"], value_set=wanted).to_numpy()
        return is_meant

    def _score(
        self, text: str, way: str, is_meant: NDArray[np.bool_]
    ) -> dict[int, float]:
        """Number -> score, best first, of those that are meant (N,)."""
        if way == MEANING and self._encoder is None:
            raise NoSentences
        parts: list[Ranked] = []
        if way in (BOTH, WORDS):
            parts.append(self._words.rank(text))
        if way in (BOTH, MEANING) and self._encoder is not None:
            numbers, vectors = self._stored.vectors
            parts.append((numbers, vectors @ self._encoder.encode([text])[0]))
        return fuse([_take_best(*part, is_meant) for part in parts])

    @cached_property
    def _words(self) -> WordIndex:
        return WordIndex(self._cache, self._stored)


def fuse(parts: Sequence[Sequence[Named]]) -> dict[Named, float]:
    """Names with their scores, best first, from names of each part, best first. Equal scores by the name."""
    scores: dict[Named, float] = {}
    for ranked in parts:
        for rank, found in enumerate(ranked, start=1):
            scores[found] = scores.get(found, 0.0) + 1 / (FUSED_RANK + rank)
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0])))


def _take_best(
    numbers: Numbers, scores: NDArray[np.float32], is_meant: NDArray[np.bool_]
) -> list[int]:
    """The first candidates of those that are meant (N,): what is not asked about takes no place of theirs. Best first,
    equal ones by their number."""
    meant = is_meant[numbers]
    numbers, scores = numbers[meant], scores[meant]
    if len(scores) > _CANDIDATES:
        is_near = scores >= np.partition(scores, -_CANDIDATES)[-_CANDIDATES]
        numbers, scores = numbers[is_near], scores[is_near]
    order = np.lexsort((numbers, -scores))[:_CANDIDATES]
    found: list[int] = numbers[order].tolist()
    return found


def cut_snippet(text: str, asked: str) -> str:
    """The part of a text that has most of the words that were asked for, on one line."""
    line = " ".join(text.split())
    wanted = {word[:_STEM].lower() for word in _WORD.findall(asked)}
    places = [m.start() for m in _WORD.finditer(line) if m[0][:_STEM].lower() in wanted]
    counts = [sum(0 <= p - start < _SNIPPET for p in places) for start in places]
    start = places[counts.index(max(counts))] if places else 0
    start = 0 if start + _SNIPPET // 4 < _SNIPPET else max(0, start - _SNIPPET // 4)
    part = line[start : start + _SNIPPET]
    before = "…" if start else ""
    return f"{before}{part}…" if start + _SNIPPET < len(line) else f"{before}{part}"


def require_word(text: str) -> None:
    """Raises ValueError for a text without a letter or digit."""
    if not _WORD.search(text):
        raise ValueError(f"{text!r} has no word to look for: ask with one")


def _require(text: str, kinds: Collection[str], way: str) -> None:
    require_word(text)
    unknown = sorted(set(kinds) - set(DOCUMENT_KINDS))
    if unknown:
        raise ValueError(
            f"there are no documents of kind '{unknown[0]}': the kinds are {', '.join(DOCUMENT_KINDS)}"
        )
    if way not in WAYS:
        raise ValueError(f"'{way}' is no way to search: it is one of {', '.join(WAYS)}")


def _to_hit(row: Mapping[str, str], text: str, score: float) -> Hit:
    show = strip_marks if row["kind"] == "page" else str
    return Hit(
        kind=row["kind"],
        id=row["source"],
        session=row["session"],
        title=show(row["title"]),
        snippet=cut_snippet(show(row["text"]), text),
        score=score,
    )
