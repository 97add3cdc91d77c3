"""Ask the documents a question: by words, by what it means, or by both, whose ranks are joined.

Each part ranks by itself, and a document's score is the sum of 1 / (60 + rank) over the parts that found it (reciprocal
rank fusion: Cormack, Clarke and Büttcher, 2009). So neither part needs a scale that fits the other's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.inference.sentences import NoSentences, SentenceEncoder
from assets.search.chosen import choose
from assets.search.plain_text import strip_marks
from assets.search.word_index import WordIndex
from assets.tables.catalog import Catalog
from assets.tables.schemas.search import DOCUMENT_KINDS, SENTENCE_DIM

BOTH, WORDS, MEANING = "both", "words", "meaning"
WAYS = (BOTH, WORDS, MEANING)
FUSED_RANK = 60
_CANDIDATES = 200  # of each part
_SNIPPET = 160  # characters
_WORD = re.compile(r"\w+")
_STEM = 5  # characters by which words are taken for one
_COLUMNS = ("document_id", "kind", "source", "session", "title", "text", "input_sha256")


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
    """The newest documents, read once. To be opened anew after a refresh."""

    def __init__(
        self, catalog: Catalog, cache: Path, encoder: SentenceEncoder | None
    ) -> None:
        self._catalog = catalog
        self._cache = cache / "search"
        self._encoder = encoder
        self.rows = catalog.read_latest("documents", list(_COLUMNS))

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
        meant = self._choose(kinds, sessions)
        scores = self._score(text, way, {*meant["document_id"].to_pylist()})
        best = dict(islice(scores.items(), limit))
        wanted = pa.array(list(best), pa.string())
        rows = meant.filter(pc.is_in(meant["document_id"], value_set=wanted))
        row_of = {row["document_id"]: row for row in rows.to_pylist()}
        return [_to_hit(row_of[name], text, score) for name, score in best.items()]

    def _choose(self, kinds: Collection[str], sessions: Sequence[str]) -> pa.Table:
        """Those that are asked about."""
        is_meant = choose(self.rows["session"], sessions)
        if kinds:
            wanted = pa.array(sorted(kinds), pa.string())
            is_meant &= pc.is_in(self.rows["kind"], value_set=wanted).to_numpy()
        return self.rows.filter(pa.array(is_meant))

    def _score(self, text: str, way: str, meant: Collection[str]) -> dict[str, float]:
        """document_id -> score, best first, of those that are meant."""
        if way == MEANING and self._encoder is None:
            raise NoSentences
        parts: list[Iterable[str]] = []
        if way in (BOTH, WORDS):
            parts.append(self._words.rank(text, len(self.rows)))
        if way in (BOTH, MEANING) and self._encoder is not None:
            parts.append(self._rank_by_meaning(text))
        return fuse([_take(ranked, meant) for ranked in parts])

    @cached_property
    def _words(self) -> WordIndex:
        return WordIndex(self._cache, self.rows)

    @cached_property
    def _vectors(self) -> tuple[list[str], np.ndarray]:
        rows = self._catalog.read_latest(
            "documents", ["document_id", "vector"], "vector IS NOT NULL"
        )
        flat = rows["vector"].combine_chunks().flatten().to_numpy()
        return rows["document_id"].to_pylist(), flat.reshape(-1, SENTENCE_DIM)

    def _rank_by_meaning(self, text: str) -> list[str]:
        assert self._encoder is not None
        ids, vectors = self._vectors
        cosines = vectors @ self._encoder.encode([text])[0]
        return [ids[at] for at in np.argsort(-cosines, kind="stable")]


def fuse(parts: Sequence[Sequence[str]]) -> dict[str, float]:
    """Ids with their scores, best first, from ids of each part, best first. Equal scores by the id."""
    scores: dict[str, float] = {}
    for ranked in parts:
        for rank, found in enumerate(ranked, start=1):
            scores[found] = scores.get(found, 0.0) + 1 / (FUSED_RANK + rank)
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0])))


def _take(ranked: Iterable[str], meant: Collection[str]) -> list[str]:
    """The first candidates of those that are meant: what is not asked about takes no place of theirs."""
    return list(islice((name for name in ranked if name in meant), _CANDIDATES))


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
