"""A session of two recordings in which one object walks to the right, and what a detector found of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pyarrow as pa
import pytest

from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, content_id, to_table
from bench.synthetic_home import plain_row

SHA = "c" * 64
RELEASE = "b" * 32
FRAMES = 12


@pytest.fixture(scope="session")
def answer() -> Callable[..., dict]:
    """answer(frame, [(left, score)]): a row of `predictions` with cups 6 x 8 px."""
    return make_answer


@pytest.fixture
def session(catalog: Catalog, frame_rows) -> Callable[..., list[dict]]:
    """session(FRAMES, lost={5, 6}): frames of monday in two recordings, stored and published with their answers."""
    return partial(store_walks, catalog, frame_rows)


def make_answer(frame: dict, found: list, name: str = "cup") -> dict:
    return {
        "prediction_id": content_id("answer", frame["frame_id"]),
        "frame_id": frame["frame_id"],
        "session": frame["session"],
        "sensor": frame["sensor"],
        "task": "detection",
        "model_sha256": SHA,
        "purpose": "monitoring",
        "boxes_xyxy": [v for left, _ in found for v in (left, 2.0, left + 6, 10.0)],
        "class_names": [name for _ in found],
        "scores": [score for _, score in found],
        "mask_rles": None,
        "code_version": "1",
    }


def store_walks(
    catalog: Catalog, frame_rows, num_frames: int = FRAMES, lost=frozenset()
) -> list[dict]:
    rows = []
    for capture in ("first", "second"):
        made = frame_rows(num_frames, capture_id=content_id(capture)).to_pylist()
        rows += [
            row | {"frame_id": content_id(capture, row["sequence"])} for row in made
        ]
    said = [
        make_answer(
            row, [] if row["sequence"] in lost else [(0.5 * row["sequence"], 0.9)]
        )
        for row in rows
    ]
    captures = [_make_capture(content_id(name)) for name in ("first", "second")]
    publish(catalog, "frames", to_table(TABLES["frames"], rows))
    publish(catalog, "predictions", to_table(TABLES["predictions"], said))
    publish(catalog, "captures", to_table(TABLES["captures"], captures))
    return rows


def publish(catalog: Catalog, table: str, rows: pa.Table) -> None:
    catalog.publish(table, "monday", catalog.upsert(table, rows).version)


def _make_capture(capture_id: str) -> dict:
    given = {"capture_id": capture_id, "session": "monday", "num_frames": FRAMES}
    return plain_row("captures", given)
