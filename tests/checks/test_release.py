"""Releases that changed, lack targets, lack a side, or know a class only by name."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from assets.tables.releases import hash_content
from assets.tables.schemas import content_id
from checks.release import (
    every_class_is_in_train,
    every_release_split_has_frames,
    release_matches_its_hash,
    release_targets_are_whole,
)
from models.masks import encode_mask

SIDES = ["train", "val", "test"]
BOX = [0.0, 0.0, 5.0, 5.0]
MASK, EMPTY = (encode_mask(np.full((6, 8), is_object)) for is_object in (True, False))
OBJECTS = {
    "boxes_xyxy": [BOX] * 3,
    "box_class_ids": [[0]] * 3,
    "mask_rles": [[MASK]] * 3,
    "mask_size_px": [[6, 8]] * 3,
}


@pytest.fixture
def freeze(rows_of):
    """freeze(task, class_names, **columns of release_frames): the rows of one release of three frames."""

    def build(
        task: str, class_names: list[str], **columns
    ) -> tuple[pa.Table, pa.Table]:
        columns = {
            "split": SIDES,
            "frame_id": [content_id(i) for i in range(3)],
        } | columns
        content = hash_content(
            task, class_names, rows_of("release_frames", 3, **columns)
        )
        frames = rows_of("release_frames", 3, release_id=content[:32], **columns)
        ids = frames["box_class_ids"].to_pylist()
        num_labels = sum(map(len, ids)) if task in ("detection", "instances") else 3
        release = rows_of(
            "releases",
            1,
            release_id=content[:32],
            content_sha256=content,
            task=task,
            num_frames=3,
            class_names=[class_names],
            num_labels=num_labels,
        )
        return release, frames

    return build


def test_a_release_as_frozen_passes_everything(freeze):
    for task, columns in (
        ("recognition", {"class_id": 0}),
        ("detection", {"boxes_xyxy": [BOX] * 3, "box_class_ids": [[0]] * 3}),
        ("instances", OBJECTS),
    ):
        releases, frames = freeze(task, ["cup"], **columns)
        assert release_matches_its_hash(releases, frames).passed
        for rule in (
            release_targets_are_whole,
            every_release_split_has_frames,
            every_class_is_in_train,
        ):
            assert rule(frames, releases).passed, rule


def test_a_row_that_moved_to_another_split_breaks_the_hash(freeze, rows_of):
    releases, frames = freeze("recognition", ["cup"], class_id=0)
    rows = frames.to_pylist()
    rows[2]["split"] = "train"
    verdict = release_matches_its_hash(
        releases, pa.Table.from_pylist(rows, frames.schema)
    )
    assert verdict.stops and "its 3 rows hash to" in verdict.examples[0]


def test_a_row_that_is_gone_breaks_the_hash(freeze):
    releases, frames = freeze("recognition", ["cup"], class_id=0)
    assert release_matches_its_hash(releases, frames.slice(0, 2)).stops


def test_a_count_that_is_off_is_found(freeze):
    releases, frames = freeze("recognition", ["cup"], class_id=0)
    index = releases.schema.get_field_index("num_labels")
    wrong = releases.set_column(index, releases.schema.field(index), pa.array([4]))
    assert (
        "its row says 3 frames and 4 labels"
        in release_matches_its_hash(wrong, frames).examples[0]
    )


@pytest.mark.parametrize(
    ("task", "columns", "fault"),
    [
        ("recognition", {"class_id": [0, None, 0]}, "has no class"),
        ("recognition", {"class_id": [0, 1, 0]}, "class ids [1] of 1 classes"),
        (
            "detection",
            {"boxes_xyxy": [BOX, BOX[:3], BOX], "box_class_ids": [[0]] * 3},
            "3 numbers for 1 boxes",
        ),
        (
            "detection",
            {
                "boxes_xyxy": [BOX, [1.0, 1.0, 1.0, 4.0], BOX],
                "box_class_ids": [[0]] * 3,
            },
            "box without area",
        ),
        (
            "detection",
            {"boxes_xyxy": [BOX] * 3, "box_class_ids": [[0], [7], [0]]},
            "class ids [7] of 1 classes",
        ),
        (
            "multilabel",
            {"boxes_xyxy": [[], BOX, []], "box_class_ids": [[0]] * 3},
            "has no class",
        ),
        ("pretraining", {"boxes_xyxy": [[], BOX, []], "class_id": None}, "has boxes"),
        (
            "instances",
            {**OBJECTS, "mask_rles": [[MASK], [], [MASK]]},
            "0 masks for 1 boxes",
        ),
        (
            "instances",
            {**OBJECTS, "mask_rles": [[MASK], ["0221O"], [MASK]]},
            "mask runs cover",
        ),
        (
            "instances",
            {**OBJECTS, "mask_rles": [[MASK], [EMPTY], [MASK]]},
            "an object without a pixel",
        ),
        (
            "instances",
            {**OBJECTS, "box_class_ids": [[0], [7], [0]]},
            "class ids [7] of 1 classes",
        ),
    ],
)
def test_a_target_that_cannot_be_used_blocks(task, columns, fault, freeze):
    releases, frames = freeze(task, ["cup"], **columns)
    verdict = release_targets_are_whole(frames, releases)
    assert verdict.stops and len(verdict.examples) == 1 and fault in verdict.examples[0]


def test_a_frame_without_objects_is_a_target_of_detection(freeze):
    releases, frames = freeze(
        "detection", ["cup"], boxes_xyxy=[BOX, [], BOX], box_class_ids=[[0], [], [0]]
    )
    assert release_targets_are_whole(frames, releases).passed


@pytest.mark.parametrize(
    ("task", "columns"),
    [
        ("multilabel", {"boxes_xyxy": [[]] * 3, "box_class_ids": [[0], [], [0]]}),
        (
            "instances",
            {
                "boxes_xyxy": [BOX, [], BOX],
                "box_class_ids": [[0], [], [0]],
                "mask_rles": [[MASK], [], [MASK]],
                "mask_size_px": [[6, 8]] * 3,
            },
        ),
    ],
)
def test_a_picture_that_shows_no_object_is_a_target_of_the_tasks_of_objects(
    task, columns, freeze
):
    releases, frames = freeze(task, ["cup"], **columns)
    assert release_targets_are_whole(frames, releases).passed


def test_a_picture_without_a_mask_is_no_target_of_segmentation(freeze):
    masks = {
        "mask_rles": [[MASK], [], [MASK]],
        "mask_class_ids": [[0], [], [0]],
        "mask_size_px": [[6, 8]] * 3,
    }
    releases, frames = freeze("segmentation", ["cup"], **masks)
    verdict = release_targets_are_whole(frames, releases)
    assert (
        verdict.stops
        and len(verdict.examples) == 1
        and "has no mask" in verdict.examples[0]
    )


def test_pretraining_needs_no_class(freeze):
    releases, frames = freeze("pretraining", [], boxes_xyxy=[[]] * 3, class_id=None)
    assert release_targets_are_whole(frames, releases).passed
    verdict = every_class_is_in_train(frames, releases)
    assert verdict.passed and verdict.empty_reason == "pretraining learns no class"


def test_a_side_without_frames_blocks(freeze):
    releases, frames = freeze(
        "recognition", ["cup"], class_id=0, split=["train", "train", "test"]
    )
    verdict = every_release_split_has_frames(frames, releases)
    assert verdict.stops and verdict.examples[0].endswith(": val")


def test_a_class_seen_only_in_test_is_told_and_a_fifth_of_them_blocks(freeze):
    names = [str(i) for i in range(6)]
    boxes = {
        "boxes_xyxy": [BOX * 5, BOX, BOX],
        "box_class_ids": [[0, 1, 2, 3, 4], [0], [5]],
    }
    releases, frames = freeze("detection", names, **boxes)
    verdict = every_class_is_in_train(frames, releases)  # 1 of 6
    assert (
        not verdict.passed
        and not verdict.stops
        and verdict.examples == ("detection: 5",)
    )
    releases, frames = freeze(
        "detection",
        names[1:],
        boxes_xyxy=[BOX * 3, BOX, BOX],
        box_class_ids=[[0, 1, 2], [3], [4]],
    )
    assert every_class_is_in_train(frames, releases).stops  # 2 of 5
