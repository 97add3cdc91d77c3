"""The score from which on answers count is one of the validation part, whatever the test part shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from assets.evaluation.operating import choose_operating_score
from assets.inference.predict import PredictionFacts, StoredImages
from assets.kinds import find_kind
from assets.tables.catalog import Catalog
from assets.tables.frame_scores import collect_scores
from assets.tables.releases import Release
from assets.tables.schemas import TABLES, to_table
from assets.workspace import Workspace
from models.types import Detections, Image

Row = dict[str, Any]
NAMES = ("ball",)
BOX = [0.0, 0.0, 4.0, 4.0]
FACTS = PredictionFacts("detection", "ab" * 32, NAMES, "test")


def find_by_light(images: Sequence[Image]) -> list[Detections]:
    """A box in every picture, the surer the lighter: a grey level of 10 is 0.1."""
    return [
        Detections(
            np.array([BOX], np.float32),
            np.array([image.mean() / 100], np.float32),
            np.zeros(1, np.int64),
        )
        for image in images
    ]


def make_release(
    rows: list[Row], release_row: Callable[..., Row], parts: Sequence[str]
) -> Release:
    """Frames of grey level 10, 20 .. 50: an object in those from 40 on."""
    frames = [
        release_row(
            str(n),
            boxes=BOX if n >= 3 else None,
            ids=[0] if n >= 3 else None,
            split=part,
        )
        | {"frame_id": row["frame_id"], "sha256": row["sha256"]}
        for n, (row, part) in enumerate(zip(rows, parts, strict=True))
    ]
    table: pa.Table = to_table(TABLES["release_frames"], frames)
    return Release("1" * 32, "detection", NAMES, 1, "0" * 64, table)


def choose(catalog: Catalog, release: Release, facts: PredictionFacts) -> float | None:
    return choose_operating_score(
        release,
        StoredImages(catalog),
        lambda _: find_by_light,
        facts,
        Workspace(Path(catalog.uri).parent),
    )


@pytest.mark.usefixtures("one_thread")
def test_the_validation_part_tells_and_not_the_test_part(
    stored: tuple[Catalog, list[Row]], release_row: Callable[..., Row]
):
    catalog, rows = stored
    # val: nothing at 0.2, an object at 0.5; test: nothing at 0.1 and 0.3, an object at 0.4
    parts = ["test", "val", "test", "test", "val"]
    release = make_release(rows, release_row, parts)
    chosen = choose(catalog, release, FACTS)
    assert chosen == pytest.approx(0.5, abs=0.01)
    test = [r for r in release.frames.to_pylist() if r["split"] == "test"]
    said = [
        {
            **{"frame_id": row["frame_id"], "model_sha256": FACTS.model_sha256},
            **{"boxes_xyxy": BOX, "class_names": ["ball"], "mask_rles": None},
            "scores": [score],
        }
        for row, score in zip(test, (0.1, 0.3, 0.4), strict=True)
    ]
    pairs = find_kind("detection").pair(said, test, NAMES).at(chosen)  # type: ignore[arg-type]
    figures = {
        r["metric"]: r["value"] for r in pairs.score({}) if r["slice_by"] == "all"
    }
    # the one object is found at 0.4, which does not count from 0.5 on; chosen here it would
    assert (figures["operating_score"], figures["recall50"]) == (chosen, 0.0)
    assert figures["precision50"] is None
    frames, objects = pairs.list_frames(test, {})
    assert {row["operating_score"] for row in frames} == {chosen}
    assert [row["is_matched"] for row in objects] == [False]
    kept = collect_scores(frames, NAMES).figures()
    assert (kept["operating_score"], kept["recall50"]) == (chosen, 0.0)
    assert pairs.at(None).choose_operating_score() == pytest.approx(0.4)


@pytest.mark.usefixtures("one_thread")
def test_without_a_validation_part_nothing_is_learnt_from_the_test_part(
    stored: tuple[Catalog, list[Row]], release_row: Callable[..., Row]
):
    catalog, rows = stored
    release = make_release(rows, release_row, ["test"] * 5)
    assert choose(catalog, release, FACTS) == 0.5
    classes = PredictionFacts("recognition", "ab" * 32, NAMES, "test")
    assert choose(catalog, release, classes) is None
