"""Exams of instances and keypoints as rows of frames, objects and slices, which slices and comparisons read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assets.comparison.models import compare_models
from assets.comparison.pair import pair_models
from assets.evaluation.exam import examine_open_on
from assets.evaluation.open_exam import OpenAnswers, list_open_rows
from assets.retrieval.slices import list_slices
from assets.samples import ReleaseFacts, read_release
from assets.tables.catalog import Catalog, is_in
from assets.tables.frame_scores import read_frame_scores, read_object_scores
from assets.workspace import Workspace
from bench.cluster import store_model
from models.metrics.matching import JudgedImage
from models.types import BoxSet, Detections
from tests.assets.training.conftest import store_release as store_release

pytestmark = pytest.mark.usefixtures("one_thread")
TASKS = {"keypoints": "oks_map50", "instances": "map50"}
NAMES = ("cup", "plate")
SPLITS = ["train", "train", "val", "test", "test", "test"]
MODEL = "ab" * 32
Store = Callable[..., tuple[Catalog, str]]


@pytest.fixture(params=sorted(TASKS))
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def released(task: str, store_release: Store) -> tuple[Catalog, ReleaseFacts]:
    catalog, release_id = store_release(task, SPLITS, NAMES)
    return catalog, read_release(catalog, release_id, task)


def judge(class_id: int, answers: list[tuple[int, float, float]]) -> JudgedImage:
    """One object, and answers: class, score, how well each fits it. Boxes are the same: they are not what counts."""
    ids, scores, fits = (np.array(part) for part in zip(*answers, strict=True))
    box = np.float32([[0, 0, 40, 40]])
    return JudgedImage(
        BoxSet(box, np.array([class_id])),
        Detections(
            np.repeat(box, len(ids), 0), scores.astype(np.float32), ids.astype(np.int64)
        ),
        fits[None].astype(np.float64),
    )


# of three test frames: found, missed since the fit is poor, called a plate
IMAGES = (
    judge(0, [(0, 0.9, 0.8), (0, 0.2, 0.1)]),
    judge(0, [(0, 0.8, 0.4)]),
    judge(0, [(1, 0.7, 0.9)]),
)


def write(catalog: Catalog, task: str, release: ReleaseFacts, sha256: str) -> None:
    answers = OpenAnswers({TASKS[task]: 0.25, "box_map50": 0.5}, IMAGES, 0.5)
    home = Path(catalog.uri).parent
    list_open_rows(catalog, home, task, release, sha256, answers).write(catalog)


def test_frames_and_objects_are_rows_by_what_the_task_compares(
    task: str, released: tuple[Catalog, ReleaseFacts]
):
    catalog, release = released
    write(catalog, task, release, MODEL)
    frames = sorted(
        catalog.read_latest("frame_scores").to_pylist(), key=lambda r: r["frame_id"]
    )
    test = release.split("test")["frame_id"].to_pylist()
    assert [row["frame_id"] for row in frames] == test
    told = [
        tuple(row[f"num_{what}"] for what in ("matched", "missed", "false", "confused"))
        for row in frames
    ]
    assert told == [(1, 0, 0, 0), (0, 1, 1, 0), (0, 0, 0, 1)]
    assert {row["task"] for row in frames} == {task} and frames[0]["found_hits"] == [
        0b1111111,
        0,
    ]
    objects = read_object_scores(catalog, MODEL, release.release_id)
    assert [
        (row["is_object"], row["found_class"], row["iou"], row["is_matched"])
        for row in objects
    ] == [
        (True, "cup", 0.8, True),
        (True, None, 0.4, False),
        (False, "cup", 0.4, False),
        (True, "plate", 0.9, False),
    ]


def test_totals_are_those_of_the_task_and_slices_follow_from_the_rows(
    task: str, released: tuple[Catalog, ReleaseFacts]
):
    catalog, release = released
    write(catalog, task, release, MODEL)
    scores = read_frame_scores(catalog, MODEL, release.release_id)
    assert scores is not None
    metric = TASKS[task]
    # of three cups one is found first of all answers: 34 of 101 recall levels
    assert scores.figures()[metric] == pytest.approx(34 / 101)
    rows = catalog.read_latest("scores").to_pylist()
    value_of = {
        (r["slice_by"], r["slice_value"], r["metric"]): r["value"] for r in rows
    }
    assert value_of["all", "all", metric] == 0.25, "what the task itself found"
    assert value_of["all", "all", "box_map50"] == 0.5
    assert value_of["all", "all", "recall50"] == pytest.approx(1 / 3)
    assert value_of["all", "all", "operating_score"] == 0.5
    assert value_of["class", "cup", "ap50"] == pytest.approx(34 / 101)
    assert value_of["class", "plate", "ap50"] is None, "no frame shows one"
    session = frames_session(catalog)
    assert value_of["session", session, metric] == pytest.approx(34 / 101)
    assert value_of["object_size", "medium", "recall50"] == pytest.approx(1 / 3)
    sliced = {(one.slice_by, one.metric) for one in list_slices(rows, task)}
    assert {("session", metric), ("class", "ap50"), ("class", "recall50")} <= sliced


def frames_session(catalog: Catalog) -> str:
    (session,) = set(catalog.read_latest("frame_scores")["session"].to_pylist())
    return str(session)


def test_a_real_model_sits_the_exam_and_is_compared_with_another(
    task: str, released: tuple[Catalog, ReleaseFacts], tmp_path: Path
):
    catalog, release = released
    home = tmp_path / "home"
    sha256 = store_model(catalog, home, task, release.release_id)["model_sha256"]
    (rows,) = examine_open_on(
        catalog, Workspace(home), task, release.release_id, [sha256]
    )
    rows.write(catalog)
    assert {row["model_sha256"] for row in rows.frames} == {sha256}
    assert len(rows.frames) == 3 and sum(r["is_object"] for r in rows.objects) == 3
    assert rows.scores[0]["code_version"] is not None
    found = read_model(catalog, sha256)
    other = {**found, "model_sha256": MODEL}
    lacking = pair_models(catalog, found, other).lacking
    assert [model["model_sha256"] for model in lacking] == [MODEL]
    write(catalog, task, release, MODEL)
    assert pair_models(catalog, found, other).lacking == ()
    compared = compare_models(catalog, sha256, MODEL, release.release_id)
    assert compared is not None and compared.metric == TASKS[task]
    assert compared.whole.second == pytest.approx(34 / 101)
    assert {one.name for one in compared.slices} >= {"class = cup"}


def read_model(catalog: Catalog, sha256: str):
    mine = is_in("model_sha256", [sha256])
    (row,) = catalog.read_latest("models", where=mine).to_pylist()
    return row


def test_an_exam_sat_again_leaves_no_object_of_before(
    task: str, released: tuple[Catalog, ReleaseFacts]
):
    catalog, release = released
    write(catalog, task, release, MODEL)
    quiet = tuple(
        replace(
            image,
            found=replace(image.found, scores=image.found.scores * np.float32(0.1)),
        )
        for image in IMAGES
    )
    answers = OpenAnswers({TASKS[task]: 0.25}, quiet, 0.5)
    rows = list_open_rows(
        catalog, Path(catalog.uri).parent, task, release, MODEL, answers
    )
    rows.write(catalog)
    left = read_object_scores(catalog, MODEL, release.release_id)
    assert [row["is_object"] for row in left] == [True] * 3
