"""Scores of frames and objects as tables hold them: by hand, and the totals made of them again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from assets.evaluation.interval import measure_interval
from assets.kinds import find_kind
from assets.tables.catalog import Catalog
from assets.tables.frame_scores import read_frame_scores, read_object_scores
from assets.tables.schemas import TABLES, content_id, to_table
from models.metrics.resampling import MIN_UNITS

Row = dict[str, Any]
Make = Callable[..., Row]
NAMES = ("cat", "dog")
BOX = [0.0, 0.0, 40.0, 40.0]
HALF = [0.0, 0.0, 40.0, 24.0]
FAR = [200.0, 200.0, 300.0, 300.0]
MODEL_SHA256 = "ab" * 32
RELEASE_ID = content_id("release")


@pytest.fixture
def store(catalog: Catalog) -> Callable[..., dict[str, float | None]]:
    """store(task, frames, predictions, groups): an exam's rows are in the tables; the totals over all, by metric."""

    def write(
        task: str,
        frames: list[Row],
        predictions: list[Row],
        group_of: dict[str, str] | None = None,
        names: tuple[str, ...] = NAMES,
    ) -> dict[str, float | None]:
        release: Row = {
            "release_id": RELEASE_ID,
            "task": task,
            "class_names": list(names),
            "num_frames": len(frames),
            "num_labels": 1,
            "content_sha256": "0" * 64,
            "frames_version": 1,
            "code_version": "1",
            "sessions": ["monday"],
        }
        catalog.upsert("releases", to_table(TABLES["releases"], [release]))
        pairs = find_kind(task).pair(predictions, frames, names)
        of_frames, objects = pairs.list_frames(frames, group_of or {})
        catalog.upsert("frame_scores", to_table(TABLES["frame_scores"], of_frames))
        catalog.upsert("object_scores", to_table(TABLES["object_scores"], objects))
        return {r["metric"]: r["value"] for r in pairs.score({}) if _is_whole(r)}

    return write


def _is_whole(row: Row) -> bool:
    return row["slice_by"] == "all"


def read_rows(catalog: Catalog, table: str) -> dict[str, Row]:
    found = catalog.read_latest(table).to_pylist()
    return {row["frame_id"]: row for row in found}


def test_a_recognised_frame_is_right_or_not_with_its_surprise(
    catalog: Catalog, store: Make, release_row: Make, prediction_row: Make
):
    frames = [release_row("a", 0), release_row("b", 0, session="tuesday")]
    said = [
        prediction_row("a", ["cat", "dog"], [0.75, 0.25]),
        prediction_row("b", ["dog", "cat"], [0.75, 0.25]),
    ]
    store("recognition", frames, said)
    rows = read_rows(catalog, "frame_scores")
    right, wrong = rows[content_id("a")], rows[content_id("b")]
    assert (right["value"], right["true_class"], right["found_class"]) == (
        1.0,
        "cat",
        "cat",
    )
    assert right["log_loss"] == pytest.approx(-np.log(0.75))
    assert (wrong["value"], wrong["found_class"]) == (0.0, "dog")
    assert (wrong["confidence"], wrong["session"]) == (0.75, "tuesday")
    assert wrong["log_loss"] == pytest.approx(-np.log(0.25))
    assert read_object_scores(catalog, MODEL_SHA256, RELEASE_ID) == []


def test_objects_are_matched_missed_and_taken_for_another(
    catalog: Catalog, store: Make, release_row: Make, prediction_row: Make
):
    """a: a cat that is found at an overlap of 0.6, and one that is missed; b: a cat that is called a dog; c: empty."""
    frames = [
        release_row("a", boxes=BOX + FAR, ids=[0, 0]),
        release_row("b", boxes=BOX, ids=[0]),
        release_row("c"),
    ]
    said = [
        prediction_row("a", ["cat"], [0.9], HALF),
        prediction_row("b", ["dog"], [0.95], BOX),
        prediction_row("c", ["dog", "cat"], [0.92, 0.1], FAR + BOX),
    ]
    store("detection", frames, said)
    rows = read_rows(catalog, "frame_scores")
    counts = {
        name: tuple(
            rows[content_id(name)][f"num_{what}"]
            for what in ("matched", "missed", "false", "confused")
        )
        for name in "abc"
    }
    # the best F1 is where the one hit counts: from 0.9 on
    assert [row["operating_score"] for row in rows.values()] == [np.float32(0.9)] * 3
    assert counts == {"a": (1, 1, 0, 0), "b": (0, 0, 0, 1), "c": (0, 0, 1, 0)}
    # a: one of two objects, of one answer: 2 / 3
    assert [rows[content_id(n)]["value"] for n in "abc"] == [
        pytest.approx(2 / 3),
        0,
        0,
    ]
    assert rows[content_id("a")]["found_hits"] == [0b111], "0.50, 0.55 and 0.60"
    objects = read_object_scores(catalog, MODEL_SHA256, RELEASE_ID)
    told = {
        (row["frame_id"], row["is_object"], row["place"]): (
            row["class_name"],
            row["found_class"],
            round(row["iou"], 6),
            row["is_matched"],
            row["size"],
        )
        for row in objects
    }
    assert told == {
        (content_id("a"), True, 0): ("cat", "cat", 0.6, True, "medium"),
        (content_id("a"), True, 1): ("cat", None, 0.0, False, "large"),
        (content_id("b"), True, 0): ("cat", "dog", 1.0, False, "medium"),
        (content_id("c"), False, 0): ("dog", "dog", 0.0, False, "large"),
    }
    assert [row["confidence"] is None for row in objects if row["is_object"]].count(
        True
    ) == 1


def test_an_empty_frame_of_which_nothing_is_said_is_right(
    catalog: Catalog, store: Make, release_row: Make, prediction_row: Make
):
    frames = [release_row("a", boxes=BOX, ids=[0]), release_row("b")]
    said = [prediction_row("a", ["cat"], [0.9], BOX), prediction_row("b", [], [], [])]
    store("detection", frames, said)
    row = read_rows(catalog, "frame_scores")[content_id("b")]
    assert (row["value"], row["num_false"], row["confidence"]) == (1.0, 0, None)


def test_regions_of_a_map_are_its_objects(
    catalog: Catalog, store: Make, map_rows: Callable[..., tuple[Row, Row]]
):
    """Of four pixels three are of a cat, two are called so, and the other two a dog; one of these nobody labelled."""
    frame, said = map_rows("a", [[0, 0, 0, 255]], [[0, 0, 1, 1]], NAMES)
    store("segmentation", [frame], [said])
    (row,) = catalog.read_latest("frame_scores").to_pylist()
    assert (row["class_hits_px"], row["class_truth_px"]) == ([2, 0], [3, 0])
    assert row["class_found_px"] == [2, 1]
    assert (row["value"], row["confidence"]) == (pytest.approx(2 / 3), 0.9)
    cat, dog = read_object_scores(catalog, MODEL_SHA256, RELEASE_ID)
    assert (cat["class_name"], cat["is_object"], cat["is_matched"]) == (
        "cat",
        True,
        True,
    )
    assert (cat["iou"], cat["area_px2"]) == (pytest.approx(2 / 3), 3)
    assert (dog["class_name"], dog["is_object"], dog["iou"]) == ("dog", False, 0)


def draw_detection(
    release_row: Make, prediction_row: Make, num_frames: int
) -> tuple[list[Row], list[Row]]:
    rng = np.random.default_rng(2)
    frames, said = [], []
    for n in range(num_frames):
        corner = rng.uniform(0, 200, (3, 2))
        boxes = np.concatenate([corner, corner + rng.uniform(20, 90, (3, 2))], 1)
        ids = rng.integers(0, 2, 3)
        found = (boxes + rng.normal(0, 4, boxes.shape)).astype(np.float32)
        classes = np.where(rng.random(3) < 0.8, ids, 1 - ids)
        scores = np.sort(rng.random(3).astype(np.float32))[::-1]
        frames.append(
            release_row(str(n), boxes=boxes.ravel().tolist(), ids=ids.tolist())
        )
        names = [NAMES[c] for c in classes]
        said.append(
            prediction_row(str(n), names, scores.tolist(), found.ravel().tolist())
        )
    return frames, said


def draw_recognition(
    release_row: Make, prediction_row: Make, num_frames: int
) -> tuple[list[Row], list[Row]]:
    rng = np.random.default_rng(3)
    frames = [release_row(str(n), int(rng.integers(2))) for n in range(num_frames)]
    surely = rng.uniform(0.5, 1, num_frames)
    said = [
        prediction_row(
            str(n),
            list(NAMES) if rng.random() < 0.8 else list(NAMES[::-1]),
            [p, 1 - p],
        )
        for n, p in enumerate(surely.tolist())
    ]
    return frames, said


@pytest.mark.parametrize(
    "task, draw", [("detection", draw_detection), ("recognition", draw_recognition)]
)
def test_totals_follow_from_the_rows_of_frames(
    catalog: Catalog,
    store: Make,
    release_row: Make,
    prediction_row: Make,
    task: str,
    draw: Callable[..., tuple[list[Row], list[Row]]],
):
    frames, said = draw(release_row, prediction_row, 24)
    totals = store(task, frames, said)
    scores = read_frame_scores(catalog, MODEL_SHA256, RELEASE_ID)
    assert scores is not None and len(scores) == 24
    figures = scores.figures()
    assert totals.keys() <= figures.keys()
    for name, value in totals.items():
        assert figures[name] == pytest.approx(value, abs=1e-9), name
    if task == "recognition":
        assert np.nanmean(scores.values) == pytest.approx(totals["accuracy"])


@pytest.mark.parametrize(
    "task, draw, metric",
    [
        ("detection", draw_detection, "ap50"),
        ("recognition", draw_recognition, "recall"),
    ],
)
def test_one_class_alone_has_the_figure_of_that_class(
    catalog: Catalog,
    store: Make,
    release_row: Make,
    prediction_row: Make,
    task: str,
    draw: Callable[..., tuple[list[Row], list[Row]]],
    metric: str,
):
    frames, said = draw(release_row, prediction_row, 24)
    store(task, frames, said)
    scores = read_frame_scores(catalog, MODEL_SHA256, RELEASE_ID)
    assert scores is not None
    expected = {
        row["slice_value"]: row["value"]
        for row in find_kind(task).pair(said, frames, NAMES).score({})  # type: ignore[arg-type]
        if row["slice_by"] == "class" and row["metric"] == metric
    }
    for class_id, name in enumerate(NAMES):
        alone = scores.take_classes([class_id])
        (value,) = alone.weigh(np.ones((1, len(alone)), np.int64))
        assert value == pytest.approx(expected[name], abs=1e-9), name


def test_totals_of_maps_follow_from_the_rows_of_frames(
    catalog: Catalog, store: Make, map_rows: Callable[..., tuple[Row, Row]]
):
    rng = np.random.default_rng(4)
    pairs = []
    for n in range(5):
        truth = rng.integers(0, 2, (12, 16))
        found = np.where(rng.random(truth.shape) < 0.7, truth, 1 - truth)
        pairs.append(map_rows(str(n), truth, found, NAMES))
    totals = store("segmentation", [f for f, _ in pairs], [p for _, p in pairs])
    scores = read_frame_scores(catalog, MODEL_SHA256, RELEASE_ID)
    assert scores is not None
    figures = scores.figures()
    for name in ("miou", "image_miou", "boundary_miou", "pixel_accuracy", "ece"):
        assert figures[name] == pytest.approx(totals[name]), name
    assert np.nanmean(scores.values) == pytest.approx(totals["image_miou"])


def test_an_interval_draws_recordings_not_frames(
    catalog: Catalog, store: Make, release_row: Make, prediction_row: Make
):
    """Eight recordings of three frames each that are all right or all wrong; frames of their own would be surer."""
    frames = [release_row(str(n), 0) for n in range(3 * MIN_UNITS)]
    said = [
        prediction_row(
            str(n), list(NAMES) if n // 3 % 2 else list(NAMES[::-1]), [0.9, 0.1]
        )
        for n in range(len(frames))
    ]
    groups = {f["frame_id"]: f"group {n // 3}" for n, f in enumerate(frames)}
    store("recognition", frames, said, groups)
    wide = measure_interval(catalog, MODEL_SHA256, RELEASE_ID)
    assert wide is not None and wide.num_units == MIN_UNITS
    store("recognition", frames, said)
    narrow = measure_interval(catalog, MODEL_SHA256, RELEASE_ID)
    assert narrow is not None and narrow.num_units == len(frames)
    assert wide.high - wide.low > 1.4 * (narrow.high - narrow.low)


def test_an_exam_that_nobody_sat_has_no_frames(catalog: Catalog):
    assert read_frame_scores(catalog, MODEL_SHA256, RELEASE_ID) is None
    assert measure_interval(catalog, MODEL_SHA256, RELEASE_ID) is None
