"""Boxes without area, outside of their image or said twice, labels that deny each other, classes nobody knows, labels
without a frame."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest

from assets.privacy.blanks import hash_blank
from assets.tables.schemas import TABLES, content_id, to_table
from checks.labels import (
    boxes_are_not_doubled,
    boxes_have_area,
    boxes_lie_inside_image,
    classes_are_known,
    empty_pictures_have_no_labels_elsewhere,
    every_label_has_a_frame,
    labels_do_not_contradict,
    labels_have_a_class,
    marked_objects_are_labels,
    masks_match_their_image,
)

FRAME = content_id("frame")
NO_LABELS = TABLES["labels"].schema.empty_table()
NO_FRAMES = TABLES["frames"].schema.empty_table()


def boxes(rows_of, corners, **columns):
    sides = dict(
        zip(
            ("x_min", "y_min", "x_max", "y_max"),
            map(list, zip(*corners, strict=True)),
            strict=True,
        )
    )
    return rows_of(
        "labels", len(corners), task="detection", frame_id=FRAME, **sides, **columns
    )


def test_two_flat_boxes_of_many_are_named_and_do_not_block(rows_of):
    corners = [(0, 0, 5, 5)] * 98 + [(3, 3, 3, 8), (3, 8, 9, 8)]  # no width; no height
    labels = boxes(rows_of, corners, class_name="RBC")
    verdict = boxes_have_area(labels)
    assert not verdict.passed and not verdict.stops
    assert verdict.figures == {"num_offending": 2, "share_offending": 0.02}
    assert verdict.examples[0].startswith(
        f"{labels['label_id'][98].as_py()} (RBC) on frame {FRAME}: (3, 3, 3, 8)"
    )


def test_more_than_one_flat_box_in_twenty_blocks(rows_of):
    assert not boxes_have_area(
        boxes(rows_of, [(0, 0, 5, 5)] * 19 + [(3, 3, 3, 8)])
    ).stops
    assert boxes_have_area(boxes(rows_of, [(0, 0, 5, 5)] * 18 + [(3, 3, 3, 8)])).stops


def test_a_box_turned_inside_out_and_one_that_lacks_a_side_have_no_area(rows_of):
    verdict = boxes_have_area(boxes(rows_of, [(5, 0, 1, 5), (0, 0, None, 5)]))
    assert verdict.figures["num_offending"] == 2


def test_class_labels_alone_pass_and_say_so(rows_of):
    labels = rows_of("labels", 2)
    for verdict in (
        boxes_have_area(labels),
        boxes_lie_inside_image(labels, rows_of("frames", 1)),
    ):
        assert (
            verdict.passed
            and verdict.summary == "no rows: no label of this session has a box"
        )


def test_a_box_may_touch_the_edge_and_reach_a_pixel_over_it(rows_of):
    frames = rows_of("frames", 1, frame_id=FRAME, width_px=640, height_px=480)
    assert boxes_lie_inside_image(
        boxes(rows_of, [(0, 0, 640, 480), (-1, -1, 641, 481)]), frames
    ).passed
    outside = boxes(rows_of, [(0, 0, 642, 480), (0, -2, 9, 9), (0, 0, 9, 9)])
    assert boxes_lie_inside_image(outside, frames).figures["num_offending"] == 2


def test_a_box_on_an_unknown_frame_is_not_inside(rows_of):
    assert not boxes_lie_inside_image(
        boxes(rows_of, [(0, 0, 1, 1)]), rows_of("frames", 1)
    ).passed


def test_a_blank_class_blocks(rows_of):
    assert labels_have_a_class(rows_of("labels", 2, class_name=["cup", " "])).stops


def test_the_first_session_of_a_task_makes_its_classes_known(rows_of):
    verdict = classes_are_known(rows_of("labels", 2), NO_LABELS)
    assert verdict.passed and "first labels for recognition" in verdict.summary


def test_a_new_class_is_told_and_never_blocks(rows_of):
    before = rows_of("labels", 2, class_name=["cup", "ball"])
    verdict = classes_are_known(
        rows_of("labels", 3, class_name=["cup", "mug", "mug"]), before
    )
    assert not verdict.passed and not verdict.stops
    assert verdict.examples == ("mug (recognition): 2 labels",)
    assert verdict.summary.endswith("appear for the first time: mug (recognition)")
    assert classes_are_known(rows_of("labels", 1, class_name="ball"), before).passed


def test_a_new_class_that_is_a_known_one_in_another_spelling_is_told(rows_of):
    before = rows_of("labels", 2, class_name=["Car", "ball"])
    verdict = classes_are_known(rows_of("labels", 2, class_name=["car", "mug"]), before)
    assert verdict.summary.endswith("one in two spellings: Car and car?")


def test_a_class_of_another_task_is_not_known(rows_of):
    before = rows_of("labels", 2, class_name="cup", task=["recognition", "detection"])
    assert not classes_are_known(
        rows_of("labels", 1, class_name="ball", task="detection"), before
    ).passed


def test_a_label_without_its_frame_blocks(rows_of):
    labels = rows_of("labels", 2, frame_id=[FRAME, content_id("lost")])
    verdict = every_label_has_a_frame(labels, rows_of("frames", 1, frame_id=FRAME))
    assert verdict.stops and verdict.examples == (labels["label_id"][1].as_py(),)


def masks(rows_of, texts, task="segmentation"):
    return rows_of(
        "labels",
        len(texts),
        task=task,
        frame_id=FRAME,
        mask_rle=texts,
        class_name="road",
    )


def test_masks_of_all_pixels_pass_and_others_block(rows_of):
    frames = rows_of("frames", 1, frame_id=FRAME, width_px=3, height_px=2)
    # 2, 2, 1, 1 px
    assert masks_match_their_image(masks(rows_of, ["221O"]), frames).passed
    verdict = masks_match_their_image(masks(rows_of, ["221O", "22", "~", None]), frames)
    assert verdict.stops and verdict.figures["num_offending"] == 3
    assert [example.split(": ")[1] for example in verdict.examples] == [
        "covers 4 of 6 px",
        "characters that are no run-length code",
        "has no mask",
    ]


def test_labels_without_masks_are_in_order_but_for_segmentation(rows_of):
    frames = rows_of("frames", 1, frame_id=FRAME)
    verdict = masks_match_their_image(masks(rows_of, [None], "detection"), frames)
    assert (
        verdict.passed
        and verdict.summary == "no rows: no label of this session has a mask"
    )


def spread(count: int) -> list[tuple[float, float, float, float]]:
    return [(3.0 * n, 0, 3.0 * n + 9, 9) for n in range(count)]


def test_boxes_that_repeat_another_are_named_and_one_in_twenty_blocks(rows_of):
    # 1 of 21
    labels = boxes(rows_of, [*spread(20), (0.5, 0.5, 8.5, 9.5)], class_name="cup")
    verdict = boxes_are_not_doubled(labels)
    assert (
        not verdict.passed
        and not verdict.stops
        and verdict.figures["num_offending"] == 1
    )
    assert (
        labels["label_id"][0].as_py() in verdict.examples[0]
        and labels["label_id"][20].as_py() in verdict.examples[0]
    )
    assert boxes_are_not_doubled(
        boxes(rows_of, [*spread(18), (0, 0, 9, 9)], class_name="cup")
    ).stops  # 1 of 19
    assert boxes_are_not_doubled(boxes(rows_of, spread(20), class_name="cup")).passed


def test_equal_boxes_of_another_class_task_or_frame_are_not_doubled(rows_of):
    labels = boxes(rows_of, [(0, 0, 9, 9)] * 2, class_name=["cup", "jug"])
    assert boxes_are_not_doubled(labels).passed
    corners = dict(zip(("x_min", "y_min", "x_max", "y_max"), (0, 0, 9, 9), strict=True))
    assert boxes_are_not_doubled(
        rows_of(
            "labels",
            2,
            task="detection",
            class_name="cup",
            **corners,
            frame_id=[FRAME, content_id("other")],
        )
    ).passed
    assert boxes_are_not_doubled(rows_of("labels", 2)).empty_reason


def judge_contradictions(
    labels, frames=NO_FRAMES, published_labels=NO_LABELS, published_frames=NO_FRAMES
):
    return labels_do_not_contradict(labels, frames, published_labels, published_frames)


def test_one_box_of_two_classes_is_named_and_more_than_one_in_twenty_block(rows_of):
    corners = [*spread(20), (0, 0, 9, 9.5)]
    verdict = judge_contradictions(
        boxes(rows_of, corners, class_name=["cup"] * 20 + ["jug"])
    )
    assert not verdict.passed and not verdict.stops
    assert verdict.examples == (f"frame {FRAME}: one box is cup and jug",)
    assert judge_contradictions(
        boxes(rows_of, corners[:1] + corners[20:], class_name=["cup", "jug"])
    ).stops
    # doubled, not denied
    assert judge_contradictions(boxes(rows_of, corners, class_name="cup")).passed
    beside = [(0, 0, 9, 9), (0, 0, 9, 11)]
    assert judge_contradictions(
        boxes(rows_of, beside, class_name=["cup", "jug"])
    ).passed


def test_several_tags_of_one_picture_are_named_and_never_block(rows_of):
    verdict = judge_contradictions(
        rows_of("labels", 2, frame_id=FRAME, class_name=["cat", "dog"])
    )
    assert not verdict.passed and not verdict.stops
    assert verdict.examples == (f"frame {FRAME} is cat and dog",)
    assert judge_contradictions(
        rows_of("labels", 2, frame_id=FRAME, class_name="cat")
    ).passed


COPIES = [content_id("copy", n) for n in range(3)]


def judge_copies(rows_of, box, class_name="cup", task="detection"):
    """A frame of this session, labelled as a cup at (0, 0, 9, 9), against one of equal bytes in another session."""
    corners = (
        dict(zip(("x_min", "y_min", "x_max", "y_max"), (0, 0, 9, 9), strict=True))
        if box
        else {}
    )
    theirs = (
        dict(zip(("x_min", "y_min", "x_max", "y_max"), box, strict=True)) if box else {}
    )
    mine = rows_of(
        "labels", 1, task=task, frame_id=COPIES[0], class_name="cup", **corners
    )
    other = rows_of(
        "labels",
        1,
        task=task,
        frame_id=COPIES[1],
        class_name=class_name,
        session="tuesday",
        **theirs,
    )
    frames = rows_of("frames", 1, frame_id=COPIES[0], sha256="0" * 64)
    others = rows_of(
        "frames", 2, frame_id=COPIES[1:], sha256=["0" * 64, "1" * 64], session="tuesday"
    )
    return judge_contradictions(mine, frames, other, others)


def test_equal_pictures_with_other_labels_are_named_with_their_session_and_never_block(
    rows_of,
):
    assert judge_copies(rows_of, (0, 0.5, 9, 9)).passed
    assert judge_copies(rows_of, (0, 2, 9, 9)).passed  # 63 / 81, drawn by another hand
    assert judge_copies(rows_of, (20, 0, 29, 9)).passed  # another object
    for box, class_name in (((0, 0, 9, 12), "cup"), ((0, 0, 9, 9), "jug")):
        verdict = judge_copies(rows_of, box, class_name)
        assert (
            not verdict.passed
            and not verdict.stops
            and verdict.figures["num_copies_with_other_labels"] == 1
        )
        assert (
            f"frame {COPIES[0]} shows what frame {COPIES[1]} of session tuesday shows"
            in verdict.examples[0]
        )
        assert verdict.summary == (
            "1 of 1 labelled pictures (100 %) have labels that contradict each other, or those of an equal picture; "
            "1 of them, and their equals, go into no release of the task: mend the labels, or take out a session that "
            "is not meant: `daguerre forget monday` or `daguerre forget tuesday`"
        )
    assert judge_copies(rows_of, None, "cup", "recognition").passed
    assert not judge_copies(rows_of, None, "dog", "recognition").passed


def test_equal_pictures_of_one_session_are_compared_too(rows_of):
    labels = boxes(rows_of, [(0, 0, 9, 9), (0, 0, 9, 12)], class_name="cup").to_pylist()
    rows = [row | {"frame_id": copy} for row, copy in zip(labels, COPIES, strict=False)]
    frames = rows_of("frames", 2, frame_id=COPIES[:2], sha256="0" * 64)
    verdict = judge_contradictions(to_table(TABLES["labels"], rows), frames)
    assert (
        verdict.figures["num_copies_with_other_labels"] == 2
        and verdict.num_checked == 2
    )
    assert verdict.summary.endswith(
        "take one copy out with `daguerre forget monday/PATH`"
    )


def test_pictures_that_are_blank_under_a_policy_are_no_copies_of_each_other(rows_of):
    """All of one size have the same bytes until they are covered."""
    labels = boxes(rows_of, [(0, 0, 9, 9), (0, 0, 9, 12)], class_name="cup").to_pylist()
    rows = [row | {"frame_id": copy} for row, copy in zip(labels, COPIES, strict=False)]
    size = {"kind": "color", "width_px": 64, "height_px": 48}
    blank = hash_blank(**size)
    frames = rows_of("frames", 2, frame_id=COPIES[:2], sha256=blank, **size)
    verdict = judge_contradictions(to_table(TABLES["labels"], rows), frames)
    assert verdict.passed and verdict.figures["num_copies_with_other_labels"] == 0
    others = rows_of("frames", 2, frame_id=COPIES[:2], sha256="0" * 64, **size)
    assert not judge_contradictions(to_table(TABLES["labels"], rows), others).passed


def judge_empties(rows_of, counts, other_counts):
    mine = rows_of(
        "annotated_frames", 1, frame_id=COPIES[0], task="detection", **counts
    )
    other = rows_of(
        "annotated_frames",
        1,
        frame_id=COPIES[1],
        task="detection",
        session="tuesday",
        **other_counts,
    )
    frames, others = (
        rows_of("frames", 1, frame_id=copy, sha256="0" * 64) for copy in COPIES[:2]
    )
    return empty_pictures_have_no_labels_elsewhere(mine, frames, other, others)


def test_a_picture_that_is_empty_for_one_side_alone_is_named_and_never_blocks(rows_of):
    empty, labelled, crowded = (
        {"num_labels": a, "num_missing": 0, "num_ignored": b}
        for a, b in ((0, 0), (2, 0), (0, 1))
    )
    for pair in ((empty, labelled), (labelled, empty)):
        verdict = judge_empties(rows_of, *pair)
        assert (
            not verdict.passed
            and not verdict.stops
            and "one side calls it empty" in verdict.examples[0]
        )
    for pair in (
        (empty, empty),
        (labelled, labelled),
        (empty, crowded),
        (crowded, labelled),
    ):
        assert judge_empties(rows_of, *pair).passed


def test_marked_objects_that_became_no_labels_are_counted_and_never_block(rows_of):
    rows = rows_of(
        "annotated_frames", 2, num_labels=3, num_missing=[0, 2], frame_id=COPIES[:2]
    )
    verdict = marked_objects_are_labels(rows)
    assert not verdict.passed and not verdict.stops
    assert (verdict.figures["num_marked"], verdict.figures["num_missing"]) == (8, 2)


@pytest.mark.parametrize("kind", ["apart", "equal", "shifted"])
def test_a_frame_with_thousands_of_boxes_is_judged_quickly(kind):
    """All pairs of them are 200 million."""
    count = 20_000
    corners = np.arange(count) * {"apart": 4.0, "equal": 0.0, "shifted": 0.5}[kind]
    schema = TABLES["labels"].schema
    columns = {
        "label_id": [f"{n:032x}" for n in range(count)],
        "frame_id": [COPIES[0]] * count,
        "session": ["monday"] * count,
        "task": ["detection"] * count,
        "class_name": [("cup", "jug")[n % 2] for n in range(count)],
        "x_min": corners,
        "x_max": corners + 3,
        "y_min": np.zeros(count),
        "y_max": np.full(count, 9.0),
    }
    labels = pa.table(
        {f.name: columns.get(f.name, pa.nulls(count, f.type)) for f in schema}
    )
    started_s = time.process_time()
    assert boxes_are_not_doubled(labels).passed == (kind == "apart")
    copy = labels.set_column(1, "frame_id", [[COPIES[1]] * count])
    size = {"kind": ["color"] * 2, "width_px": [64] * 2, "height_px": [48] * 2}
    frames = pa.table({"frame_id": COPIES[:2], "sha256": ["0" * 64] * 2, **size})
    assert judge_contradictions(
        labels, frames.slice(0, 1), copy, frames.slice(1)
    ).passed == (kind == "apart")
    assert time.process_time() - started_s < 60
