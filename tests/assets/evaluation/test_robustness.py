"""Scores on spoilt pictures: of a recogniser that calls what is dark by one name, and how many may be asked about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from assets.evaluation.robustness import (
    MAX_FRAMES,
    MIN_FRAMES,
    choose_frames,
    count_affordable,
    list_conditions,
    score_corrupted,
)
from assets.inference.package import PackageFacts
from assets.inference.predict import PredictionFacts, StoredImages
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
from models.corruptions import CORRUPTIONS
from models.types import Image, Probabilities

Row = dict[str, Any]
NAMES = ("dark", "light")
FACTS = PredictionFacts("recognition", "ab" * 32, NAMES, "test")


def call_by_light(images: Sequence[Image]) -> list[Probabilities]:
    """Light from a grey level of 25 on."""
    shares = [0.9 if image.mean() >= 25 else 0.1 for image in images]
    return [Probabilities(np.float32([1 - share, share])) for share in shares]


@pytest.fixture
def frames(
    stored: tuple[Catalog, list[Row]], release_row: Callable[..., Row]
) -> list[Row]:
    """Five frames of grey level 10, 20 .. 50, with the class that they are called."""
    _, rows = stored
    return [
        release_row(str(n), int(10 * (n + 1) >= 25))
        | {"frame_id": row["frame_id"], "sha256": row["sha256"]}
        for n, row in enumerate(rows)
    ]


def test_what_makes_dark_makes_this_model_wrong(
    stored: tuple[Catalog, list[Row]], frames: list[Row]
):
    catalog, _ = stored
    rows = score_corrupted(StoredImages(catalog), frames, call_by_light, FACTS, {})
    value = {row["slice_value"]: row["value"] for row in rows}
    assert len(value) == len(list_conditions()) == 1 + 3 * len(CORRUPTIONS)
    assert value["none"] == 1.0
    # times 0.75: 50 and 40 stay at 25 or above, 30 does not; times 0.75^5: no one does
    assert value["dark 1"] == pytest.approx(4 / 5)
    assert value["dark 5"] == pytest.approx(2 / 5)
    # times 1.25 makes 20 light
    assert value["bright 1"] == pytest.approx(4 / 5)
    # one colour has nothing to blur
    assert value["blur 5"] == value["contrast 5"] == 1.0
    assert {row["slice_by"] for row in rows} == {"corruption"}
    assert {row["num_samples"] for row in rows} == {5}


def test_what_is_spoilt_has_an_interval_over_what_was_recorded_together(
    catalog: Catalog, frame_row: Callable[..., Row], release_row: Callable[..., Row]
):
    """Of eight frames of a grey level of 40 and one of 30, "dark 1" makes the one wrong."""
    shades = [*[40] * 8, 30]
    rows = [frame_row(f"shade {n}", shade) for n, shade in enumerate(shades)]
    catalog.merge("frames", to_table(TABLES["frames"], rows))
    frames = [
        release_row(str(n), 1) | {"frame_id": row["frame_id"], "sha256": row["sha256"]}
        for n, row in enumerate(rows)
    ]

    def ask(group_of: dict[str, str]) -> Row:
        images = StoredImages(catalog)
        found = score_corrupted(images, frames, call_by_light, FACTS, group_of)
        return next(row for row in found if row["slice_value"] == "dark 1")

    alone = ask({})
    assert alone["value"] == pytest.approx(8 / 9)
    assert (alone["num_units"], alone["high"]) == (9, 1.0)
    assert 0.5 < alone["low"] < 8 / 9
    # nine frames of three recordings are three draws, and three are too few
    together = ask({row["frame_id"]: str(n // 3) for n, row in enumerate(frames)})
    assert (together["low"], together["num_units"]) == (None, None)


def make_facts(num_epochs: int) -> PackageFacts:
    history = [{"epoch": n} for n in range(num_epochs)]
    return PackageFacts("recognition", "tiny", {}, NAMES, "1" * 32, 64, 0, "1", history)


def test_a_battery_costs_at_most_a_tenth_of_the_training():
    per_frame = len(list_conditions())
    for num_epochs, num_train in ((10, 100), (20, 200), (30, 40)):
        count = count_affordable(make_facts(num_epochs), num_train)
        # a step costs three answers; the champion is asked as well
        assert 2 * count * per_frame <= 0.1 * 3 * num_epochs * num_train
    assert count_affordable(make_facts(100), 10_000) == MAX_FRAMES
    assert count_affordable(make_facts(2), 30) == 0, "after a tiny training nobody asks"
    least = int(np.ceil(MIN_FRAMES * per_frame / 0.15))
    assert count_affordable(make_facts(1), least) == MIN_FRAMES


def test_the_same_frames_are_asked_about_each_time(frames: list[Row]):
    some = choose_frames(frames, 3)
    again = choose_frames(frames[::-1], 3)
    assert {row["frame_id"] for row in some} == {row["frame_id"] for row in again}
    assert len(some) == 3
