"""Every kind answers what the stages ask, and says which columns of a release are its own."""

from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pytest

from assets.kinds import KINDS, find_kind
from assets.tables.releases import hash_content
from assets.tables.schemas import TABLES
from models.task_names import DATASET_NAMES, TASK_NAMES
from models.types import Probabilities

ROW = {
    "frame_id": "f",
    "sha256": "s",
    "split": "train",
    "class_id": 1,
    "boxes_xyxy": [0.0, 1.0, 2.0, 3.0],
    "box_class_ids": [0],
    "mask_rles": ["04"],
    "mask_class_ids": [0],
    "mask_size_px": [2, 2],
    "keypoints": ["1 1 2"],
}
# of the row above with classes a and b: a release keeps its id as long as these stay
HASHES = {
    "recognition": "fed2bfe4473cb821",
    "detection": "a45ae11b0a317b20",
    "segmentation": "7fe33c081c59e8e7",
    "multilabel": "141e8d6177befed7",
    "pretraining": "40a61056172ad98c",
    "instances": "591c398ce4042569",
    "keypoints": "39473075203b532d",
}


def test_every_dataset_has_a_kind_and_every_kind_with_stored_answers_is_judged():
    assert {kind.name for kind in KINDS} == set(DATASET_NAMES)
    assert {kind.name for kind in KINDS if kind.is_judged} == set(TASK_NAMES)


def test_kinds_with_rows_of_their_exams_have_a_figure_that_leads():
    leading = {kind.name for kind in KINDS if kind.leading_metric}
    assert leading == {*TASK_NAMES, "instances", "keypoints"}


def test_a_kind_takes_stored_labels_and_keeps_its_target_in_columns_that_there_are():
    columns = {column.name for column in TABLES["release_frames"].columns}
    for kind in KINDS:
        assert (
            set(kind.label_tasks) <= set(TASK_NAMES) and set(kind.columns) <= columns
        ), kind.name


@pytest.mark.parametrize("task", DATASET_NAMES)
def test_what_a_kind_hashes_stays_the_same(task):
    rows = pa.Table.from_pylist([ROW], TABLES["release_frames"].schema)
    assert hash_content(task, ["a", "b"], rows)[:16] == HASHES[task]


def test_an_unknown_kind_is_refused_with_those_that_there_are():
    with pytest.raises(
        ValueError,
        match="no kind of label for 'depth': known are recognition, detection",
    ):
        find_kind("depth")


def test_answers_of_open_tasks_are_not_stored():
    with pytest.raises(
        ValueError, match="about multilabel are not stored: its task examines itself"
    ):
        find_kind("multilabel").list_answer(Probabilities(None), ["a"])
    with pytest.raises(ValueError, match="about instances are not stored"):
        find_kind("instances").pair([], [], ["a"])


def test_kinds_load_without_what_is_heavy():
    heavy = ("torch", "lance", "matplotlib", "faster_coco_eval", "dagster")
    code = f"import sys, assets.kinds; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == "[]"
