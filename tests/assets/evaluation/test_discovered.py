"""Regions of stored vectors that score worse become slices of an exam, with their frames marked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from assets.evaluation.regions import discover, mark_regions
from assets.kinds import find_kind
from assets.tables.catalog import Catalog
from assets.tables.frame_scores import collect_scores
from assets.tables.schemas import EMBEDDING_DIM, TABLES, to_table

Row = dict[str, Any]
NAMES = ("cat", "dog")
NUM_FRAMES = 60


@pytest.fixture
def exam(
    catalog: Catalog,
    release_row: Callable[..., Row],
    prediction_row: Callable[..., Row],
) -> tuple[Catalog, Any, list[Row], dict[str, dict[str, str]]]:
    """Sixty frames of as many recordings, in two places of the space: dark cats, which are called dogs, and dogs."""
    rng = np.random.default_rng(0)
    frames, said, vectors = [], [], []
    for n in range(NUM_FRAMES):
        is_cat = n % 3 == 0
        frame = release_row(str(n), 0 if is_cat else 1)
        frames.append(frame)
        # one dog in ten is wrong, too
        is_wrong = is_cat or n % 10 == 1
        order = NAMES if is_wrong != is_cat else NAMES[::-1]
        said.append(prediction_row(str(n), list(order), [0.9, 0.1]))
        vector = rng.normal(0, 0.05, EMBEDDING_DIM)
        vector[0] = 1 if is_cat else -1
        vectors.append(
            {
                "frame_id": frame["frame_id"],
                "session": "monday",
                "vector": (vector / np.linalg.norm(vector)).tolist(),
                "input_sha256": "0" * 64,
                "code_version": "1",
            }
        )
    catalog.merge("frame_embeddings", to_table(TABLES["frame_embeddings"], vectors))
    slices = {
        f["frame_id"]: {
            "session": "monday",
            "brightness": "dark" if f["class_id"] == 0 else "bright",
        }
        for f in frames
    }
    pairs = find_kind("recognition").pair(said, frames, NAMES)
    return catalog, pairs, frames, slices


def test_a_region_is_a_slice_with_its_p_value_and_a_name_of_what_it_shares(exam):
    catalog, pairs, frames, slices = exam
    of_frames, _ = pairs.list_frames(frames, {})
    scores = collect_scores(of_frames, NAMES)
    (row,), region_of = discover(catalog, pairs.subject, scores, slices, [], "accuracy")
    assert row["slice_by"] == "discovered"
    assert row["slice_value"] == "dark cat"
    assert (row["value"], row["num_samples"]) == (0.0, NUM_FRAMES // 3)
    assert row["p_value"] < 0.01
    cats = {f["frame_id"] for f in frames if f["class_id"] == 0}
    assert region_of.keys() == cats
    marked = mark_regions(of_frames, region_of)
    catalog.upsert("frame_scores", to_table(TABLES["frame_scores"], marked))
    stored = catalog.read_latest("frame_scores", where="region IS NOT NULL")
    assert set(stored["frame_id"].to_pylist()) == cats


def test_frames_without_a_vector_have_no_regions(exam):
    catalog, pairs, frames, slices = exam
    catalog.delete("frame_embeddings", "session = 'monday'")
    of_frames, _ = pairs.list_frames(frames, {})
    scores = collect_scores(of_frames, NAMES)
    assert discover(catalog, pairs.subject, scores, slices, [], "accuracy") == ([], {})
