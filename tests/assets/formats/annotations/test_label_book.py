"""One label a thing, however many files speak of it."""

from __future__ import annotations

from dataclasses import replace

from assets.formats.annotations.label_book import LabelBook
from assets.formats.observations import (
    AnnotationObservation,
    LabelObservation,
    Problem,
    Source,
)
from assets.formats.protocol import CapturePlan

BOX = (10.0, 20.0, 30.0, 40.0)


def label(
    file: str = "a.json", box=BOX, name: str = "cup", **rest: object
) -> LabelObservation:
    return LabelObservation(
        "p.png", "detection", name, Source(file), box_xyxy=box, **rest
    )  # type: ignore[arg-type]


def close(
    *labels: LabelObservation,
) -> tuple[list[LabelObservation], list[Problem], AnnotationObservation, dict]:
    plan = CapturePlan("coco", "", (), is_container=False)
    book = LabelBook(plan)
    for one in labels:
        book.add(one)
    found = list(book.close())
    (looked,) = [o for o in found if isinstance(o, AnnotationObservation)]
    kept = [o for o in found if isinstance(o, LabelObservation)]
    return kept, [o for o in found if isinstance(o, Problem)], looked, plan.notes


def shifted(by_px: float) -> tuple[float, float, float, float]:
    return (BOX[0] + by_px, BOX[1], BOX[2], BOX[3])


def test_rows_that_repeat_are_one_and_near_ones_of_a_file_are_two():
    kept, conflicts, looked, notes = close(
        label(), label(index=1), label(box=shifted(0.5), index=2)
    )
    assert [one.index for one in kept] == [0, 2] and not conflicts
    assert looked.num_labels == 2 and notes == {
        "a.json: labels that are in itself already": "1"
    }


def test_boxes_of_two_files_are_one_within_a_pixel():
    kept, conflicts, looked, notes = close(label(), label("b.json", shifted(0.9)))
    assert (
        [one.box_xyxy for one in kept] == [BOX]
        and not conflicts
        and looked.num_missing == 0
    )
    assert notes == {"b.json: labels that are in a.json already": "1"}


def test_what_only_one_file_says_of_an_object_is_kept():
    posed = label(
        "b.json",
        mask_rle="m",
        track_id=3,
        attributes=(("keypoints", "1 2 2"), ("color", "red")),
    )
    (kept,), _, _, _ = close(label(attributes=(("color", "blue"),)), posed)
    assert (kept.mask_rle, kept.track_id) == ("m", 3)
    assert kept.attributes == (("color", "blue"), ("keypoints", "1 2 2"))


def test_where_two_files_draw_an_object_otherwise_the_first_stands_and_the_picture_is_marked():
    # 20 x 20 px moved by 5: 300 of 500 px are common, 0.6
    kept, (problem,), looked, _ = close(
        label(), label("b.json", (15.0, 20.0, 35.0, 40.0))
    )
    assert [one.box_xyxy for one in kept] == [BOX]
    assert (looked.num_labels, looked.num_missing) == (1, 1)
    assert problem.source.path == "b.json"
    assert problem.reason == (
        "label files disagree on 'p.png', detection, of a.json and b.json "
        "only a.json has 1, such as 'cup' at (10, 20, 30, 40); "
        "only b.json has 1, such as 'cup' at (15, 20, 35, 40)"
    )


FAR = (100.0, 100.0, 140.0, 150.0)


def test_an_object_that_only_one_of_two_files_of_a_class_has_marks_the_picture():
    """Without it the picture would hold what neither file says."""
    # b has an object more
    kept, (problem,), looked, _ = close(label(), label("b.json"), label("b.json", FAR))
    assert [one.box_xyxy for one in kept] == [BOX]
    assert (looked.num_labels, looked.num_missing) == (1, 1)
    assert "only b.json has 1" in problem.reason
    # a has it, which stands
    kept, (problem,), looked, _ = close(label(), label(box=FAR), label("b.json"))
    assert [one.box_xyxy for one in kept] == [BOX, FAR]
    assert (looked.num_labels, looked.num_missing) == (2, 1)


def test_files_of_two_classes_share_the_work_beside_two_that_disagree():
    """Of cups the first file stands, and the file of tables alone speaks of tables."""
    table = label("c.json", (0.0, 0.0, 90.0, 90.0), "table")
    kept, problems, looked, _ = close(label(), label("b.json", FAR), table)
    assert [one.source.path for one in kept] == ["a.json", "c.json"]
    assert len(problems) == 1 and looked.num_missing == 1


def test_a_class_that_a_file_has_on_another_picture_is_a_class_of_that_file():
    plan = CapturePlan("coco", "", (), is_container=False)
    book = LabelBook(plan)
    book.add(replace(label("a.json", name="pen"), frame_path="q.png"))
    for one in (label("a.json"), label("b.json"), label("b.json", FAR, "pen")):
        book.add(one)
    found = list(book.close())
    (problem,) = [o for o in found if isinstance(o, Problem)]
    assert "only b.json has 1, such as 'pen'" in problem.reason
    missing = {
        o.frame_path: o.num_missing
        for o in found
        if isinstance(o, AnnotationObservation)
    }
    assert missing == {"q.png": 0, "p.png": 1}


def test_tags_of_two_files_that_differ_are_a_conflict():
    first, second = label(box=None, name="cat"), label("b.json", None, "dog")
    also = replace(label("b.json", None, "cat"), frame_path="q.png")
    third = replace(label("a.json", None, "dog"), frame_path="r.png")
    book = LabelBook(CapturePlan("coco", "", (), is_container=False))
    for one in (first, second, also, third):
        book.add(one)
    found = list(book.close())
    kept = [o.class_name for o in found if isinstance(o, LabelObservation)]
    assert kept == ["cat", "cat", "dog"]
    assert sum(isinstance(o, Problem) for o in found) == 1


def test_one_object_in_two_classes_is_a_conflict_between_files_and_none_within_one():
    for box in (BOX, shifted(2.0)):
        kept, conflicts, looked, _ = close(label(), label("b.json", box, name="mug"))
        assert [one.class_name for one in kept] == ["cup"]
        assert len(conflicts) == 1 and looked.num_missing == 1
    assert not close(label(), label(name="mug"))[1]


def test_other_objects_of_another_file_are_no_conflict():
    kept, conflicts, _, _ = close(
        label(), label("b.json", (11.0, 20.0, 60.0, 90.0), "table")
    )
    assert len(kept) == 2 and not conflicts


def test_tracks_tell_equal_boxes_apart():
    assert len(close(label(track_id=1), label(track_id=2, index=1))[0]) == 2
