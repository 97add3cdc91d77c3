"""Boxes without area or outside of their image, classes nobody knows, labels without a frame."""

from __future__ import annotations

from assets.tables.schemas import TABLES, content_id
from checks.labels import (
    boxes_have_area,
    boxes_lie_inside_image,
    classes_are_known,
    every_label_has_a_frame,
    labels_have_a_class,
    masks_match_their_image,
)

FRAME = content_id("frame")
NO_LABELS = TABLES["labels"].schema.empty_table()


def boxes(rows_of, corners, **columns):
    sides = dict(zip(("x_min", "y_min", "x_max", "y_max"), map(list, zip(*corners, strict=True)), strict=True))
    return rows_of("labels", len(corners), task="detection", frame_id=FRAME, **sides, **columns)


def test_two_flat_boxes_of_many_are_named_and_do_not_block(rows_of):
    corners = [(0, 0, 5, 5)] * 98 + [(3, 3, 3, 8), (3, 8, 9, 8)]  # no width; no height
    labels = boxes(rows_of, corners, class_name="RBC")
    verdict = boxes_have_area(labels)
    assert not verdict.passed and not verdict.stops
    assert verdict.figures == {"num_offending": 2, "share_offending": 0.02}
    assert verdict.examples[0].startswith(f"{labels['label_id'][98].as_py()} (RBC) on frame {FRAME}: (3, 3, 3, 8)")


def test_more_than_one_flat_box_in_twenty_blocks(rows_of):
    assert not boxes_have_area(boxes(rows_of, [(0, 0, 5, 5)] * 19 + [(3, 3, 3, 8)])).stops
    assert boxes_have_area(boxes(rows_of, [(0, 0, 5, 5)] * 18 + [(3, 3, 3, 8)])).stops


def test_a_box_turned_inside_out_and_one_that_lacks_a_side_have_no_area(rows_of):
    verdict = boxes_have_area(boxes(rows_of, [(5, 0, 1, 5), (0, 0, None, 5)]))
    assert verdict.figures["num_offending"] == 2


def test_class_labels_alone_pass_and_say_so(rows_of):
    labels = rows_of("labels", 2)
    for verdict in (boxes_have_area(labels), boxes_lie_inside_image(labels, rows_of("frames", 1))):
        assert verdict.passed and verdict.summary == "no rows: no label of this session has a box"


def test_a_box_may_touch_the_edge_and_reach_a_pixel_over_it(rows_of):
    frames = rows_of("frames", 1, frame_id=FRAME, width_px=640, height_px=480)
    assert boxes_lie_inside_image(boxes(rows_of, [(0, 0, 640, 480), (-1, -1, 641, 481)]), frames).passed
    outside = boxes(rows_of, [(0, 0, 642, 480), (0, -2, 9, 9), (0, 0, 9, 9)])
    assert boxes_lie_inside_image(outside, frames).figures["num_offending"] == 2


def test_a_box_on_an_unknown_frame_is_not_inside(rows_of):
    assert not boxes_lie_inside_image(boxes(rows_of, [(0, 0, 1, 1)]), rows_of("frames", 1)).passed


def test_a_blank_class_blocks(rows_of):
    assert labels_have_a_class(rows_of("labels", 2, class_name=["cup", " "])).stops


def test_the_first_session_of_a_task_makes_its_classes_known(rows_of):
    verdict = classes_are_known(rows_of("labels", 2), NO_LABELS)
    assert verdict.passed and "first labels for recognition" in verdict.summary


def test_a_new_class_is_told_and_never_blocks(rows_of):
    before = rows_of("labels", 2, class_name=["cup", "ball"])
    verdict = classes_are_known(rows_of("labels", 3, class_name=["cup", "mug", "mug"]), before)
    assert not verdict.passed and not verdict.stops
    assert verdict.examples == ("mug (recognition): 2 labels",)
    assert classes_are_known(rows_of("labels", 1, class_name="ball"), before).passed


def test_a_class_of_another_task_is_not_known(rows_of):
    before = rows_of("labels", 2, class_name="cup", task=["recognition", "detection"])
    assert not classes_are_known(rows_of("labels", 1, class_name="ball", task="detection"), before).passed


def test_a_label_without_its_frame_blocks(rows_of):
    labels = rows_of("labels", 2, frame_id=[FRAME, content_id("lost")])
    verdict = every_label_has_a_frame(labels, rows_of("frames", 1, frame_id=FRAME))
    assert verdict.stops and verdict.examples == (labels["label_id"][1].as_py(),)


def masks(rows_of, texts, task="segmentation"):
    return rows_of("labels", len(texts), task=task, frame_id=FRAME, mask_rle=texts, class_name="road")


def test_masks_of_all_pixels_pass_and_others_block(rows_of):
    frames = rows_of("frames", 1, frame_id=FRAME, width_px=3, height_px=2)
    assert masks_match_their_image(masks(rows_of, ["221O"]), frames).passed  # 2, 2, 1, 1 px
    verdict = masks_match_their_image(masks(rows_of, ["221O", "22", "~", None]), frames)
    assert verdict.stops and verdict.figures["num_offending"] == 3
    assert [example.split(": ")[1] for example in verdict.examples] == [
        "covers 4 of 6 px", "characters that are no run-length code", "has no mask",
    ]  # fmt: skip


def test_labels_without_masks_are_in_order_but_for_segmentation(rows_of):
    frames = rows_of("frames", 1, frame_id=FRAME)
    verdict = masks_match_their_image(masks(rows_of, [None], "detection"), frames)
    assert verdict.passed and verdict.summary == "no rows: no label of this session has a mask"
