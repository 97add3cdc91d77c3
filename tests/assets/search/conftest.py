"""A small home that somebody asks about: two sessions with labels, a file in quarantine, a promotion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from assets.search.run_records import RunRecords
from assets.tables.catalog import Catalog
from assets.tables.schemas import EMBEDDING_DIM, TABLES, content_id, to_table
from tests.checks.conftest import rows_of as rows_of

FRAMES = [content_id(f"frame {n}") for n in range(6)]
SESSIONS = ["monday"] * 3 + ["tuesday"] * 3


class Meanings:
    """Stands for the net of sentences, which is not installed here: texts that share one of these words are alike."""

    def __init__(self, *words: Sequence[str]) -> None:
        self.words = words
        self.num_texts = 0

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        self.num_texts += len(texts)
        found = np.zeros((len(texts), 384), np.float32)
        for row, text in enumerate(texts):
            for at, alike in enumerate(self.words):
                found[row, at] = any(word in text.lower() for word in alike)
            found[row, -1] = 0.1
        return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.fixture
def asked(catalog: Catalog, rows_of) -> Catalog:
    """Frames 0 to 2 of monday and 3 to 5 of tuesday; a mug in 0, 1 and 3, a blue one in 3, a bicycle in 5."""
    frames = rows_of(
        "frames", 6, frame_id=FRAMES, session=SESSIONS, sensor="front", kind="color"
    )
    catalog.merge("frames", frames)
    for session in ("monday", "tuesday"):
        catalog.publish("frames", session, catalog.latest_version("frames"))
    catalog.merge(
        "captures",
        rows_of(
            "captures",
            2,
            session=["monday", "tuesday"],
            path=["kitchen.mcap", "street.mcap"],
            notes=None,
        ),
    )
    catalog.merge(
        "labels",
        rows_of(
            "labels",
            4,
            frame_id=[FRAMES[0], FRAMES[1], FRAMES[3], FRAMES[5]],
            session=["monday", "monday", "tuesday", "tuesday"],
            class_name=["mug", "mug", "mug", "bicycle"],
            attributes=[None, None, '[["colour", "blue"]]', None],
        ),
    )
    catalog.merge(
        "quarantine",
        rows_of(
            "quarantine",
            1,
            session="tuesday",
            reader="mcap",
            reason="the file ends without the magic bytes",
            remedy="let the upload end",
            source_path="broken.mcap",
        ),
    )
    return catalog


@pytest.fixture
def records(tmp_path: Path) -> RunRecords:
    """Of a home without a run."""
    return RunRecords(tmp_path / "dagster")


@pytest.fixture
def embed(catalog: Catalog, rows_of) -> Callable[..., Catalog]:
    """embed(vectors): frames and their vectors that readers see, frame n of session n % 2."""

    def store(vectors: np.ndarray, encoder: str = "1") -> Catalog:
        count = len(vectors)
        ids = [content_id(f"frame {n}") for n in range(count)]
        sessions = [("monday", "tuesday")[n % 2] for n in range(count)]
        catalog.upsert(
            "frames",
            rows_of("frames", count, frame_id=ids, session=sessions, kind="color"),
        )
        rows = [
            {
                "frame_id": content_id(f"frame {n}"),
                "session": ("monday", "tuesday")[n % 2],
                "vector": vector,
                "input_sha256": "0" * 64,
                "code_version": encoder,
            }
            for n, vector in enumerate(vectors)
        ]
        catalog.upsert("frame_embeddings", to_table(TABLES["frame_embeddings"], rows))
        for name in ("frames", "frame_embeddings"):
            for session in ("monday", "tuesday"):
                catalog.publish(name, session, catalog.latest_version(name))
        return catalog

    return store


def draw_vectors(count: int, num_groups: int = 20, seed: int = 0) -> np.ndarray:
    """(N, 1280) of unit length, in groups, as pictures of few scenes are."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(num_groups, EMBEDDING_DIM))
    vectors = centres[rng.integers(0, num_groups, count)]
    vectors = vectors + 0.7 * rng.normal(size=vectors.shape)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
