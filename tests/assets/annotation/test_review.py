"""The calls of a review: what stands is changed label by label, and the second of two people is told."""

from __future__ import annotations

import numpy as np
import pytest

from assets.annotation.labels import Answer, Author, Marked, Overtaken, record_answers
from assets.annotation.review import (
    Change,
    confirm,
    correct,
    look,
    reject,
    require_seen,
    write,
)
from assets.tables.schemas import TABLES, content_id, to_table
from models.masks import encode_mask

ANNA, BEN = Author("person", "Anna"), Author("person", "Ben")
BOX = (10.0, 10.0, 30.0, 40.0)


@pytest.fixture
def labelled(stored):
    """A frame with two imported boxes: a cup and a mug."""
    catalog, rows = stored
    frame = rows[0]
    labels = [
        {
            "label_id": content_id(name),
            "frame_id": frame["frame_id"],
            "capture_id": frame["capture_id"],
            "session": "monday",
            "task": "detection",
            "class_name": name,
            "mask_rle": encode_mask(np.ones((48, 64), bool)),
            "origin": "imported",
            "source_path": "l.json",
            "source_offset": 0,
            **dict(zip(("x_min", "y_min", "x_max", "y_max"), BOX, strict=True)),
        }
        for name in ("cup", "mug")
    ]
    catalog.merge("labels", to_table(TABLES["labels"], labels))
    return catalog, frame["frame_id"]


def list_objects(catalog, frame_id):
    seen = look(catalog, frame_id)
    return {m.class_name: (m.box_xyxy, m.label_id) for m in seen.marked}


@pytest.mark.parametrize(
    ("change", "objects"),
    [
        (Change(content_id("cup"), "bowl"), {"bowl": BOX, "mug": BOX}),
        (
            Change(content_id("cup")[:8], box_xyxy=(1, 2, 3, 4)),
            {"cup": (1, 2, 3, 4), "mug": BOX},
        ),
        (Change(content_id("mug"), is_removed=True), {"cup": BOX}),
        (
            Change(None, "fork", (5, 6, 7, 8)),
            {"cup": BOX, "mug": BOX, "fork": (5, 6, 7, 8)},
        ),
    ],
    ids=["class", "box", "removed", "added"],
)
def test_one_label_is_corrected_and_the_others_stay_as_they_are(
    labelled, change, objects
):
    catalog, frame_id = labelled
    seen = look(catalog, frame_id)
    version = write(catalog, seen, correct(seen, [change]), ANNA)
    found = list_objects(catalog, frame_id)
    assert {name: box for name, (box, _) in found.items()} == objects
    assert (version["number"], version["act"], version["author"]) == (
        1,
        "correct",
        "Anna",
    )
    for name in {"cup", "mug"} & found.keys():
        assert found[name][1] == content_id(name)


def test_a_moved_box_has_no_mask_of_the_old_place_and_a_new_mask_stays(labelled):
    catalog, frame_id = labelled
    seen = look(catalog, frame_id)
    moved = correct(seen, [Change(content_id("cup"), box_xyxy=(1, 2, 3, 4))])
    assert {m.class_name: m.mask_rle is None for m in moved.marked} == {
        "cup": True,
        "mug": False,
    }
    drawn = encode_mask(np.eye(48, 64, dtype=bool))
    redrawn = correct(seen, [Change(content_id("cup"), mask_rle=drawn)])
    assert drawn in [m.mask_rle for m in redrawn.marked]


def test_the_second_of_two_is_told_who_was_first(labelled):
    catalog, frame_id = labelled
    seen_by_both = look(catalog, frame_id)
    write(catalog, seen_by_both, confirm(seen_by_both), ANNA)
    change = correct(seen_by_both, [Change(content_id("cup"), "bowl")])
    with pytest.raises(Overtaken, match="Anna was first with version 1"):
        write(catalog, seen_by_both, change, BEN)
    with pytest.raises(Overtaken, match="Anna was first"):
        require_seen(look(catalog, frame_id), 0)
    assert {"cup", "mug"} == list_objects(catalog, frame_id).keys()
    again = look(catalog, frame_id)
    write(catalog, again, correct(again, [Change(content_id("cup"), "bowl")]), BEN)
    assert {"bowl", "mug"} == list_objects(catalog, frame_id).keys()


def test_two_equal_boxes_of_one_file_are_two_objects_and_of_two_files_one(stored):
    catalog, rows = stored
    one, other, unlabelled = rows[0], rows[1], content_id("labels alone")
    stated = [
        (one, one["capture_id"], 2),
        (other, unlabelled, 1),
        (other, content_id("labels again"), 2),
    ]
    labels = [
        {
            "label_id": content_id("cup", frame["frame_id"], capture_id, number),
            "frame_id": frame["frame_id"],
            "capture_id": capture_id,
            "session": "monday",
            "task": "detection",
            "class_name": "cup",
            "origin": "imported",
            "source_path": "l.json",
            "source_offset": number,
            **dict(zip(("x_min", "y_min", "x_max", "y_max"), BOX, strict=True)),
        }
        for frame, capture_id, count in stated
        for number in range(count)
    ]
    catalog.merge("labels", to_table(TABLES["labels"], labels))
    for frame in (one, other):
        seen = look(catalog, frame["frame_id"])
        assert [m.class_name for m in seen.marked] == ["cup", "cup"]


def test_who_corrects_settles_what_two_answered_differently(labelled):
    catalog, frame_id = labelled
    for author, name in ((ANNA, "cup"), (BEN, "mug")):
        answer = Answer(frame_id, "detection", (Marked(name, BOX),))
        record_answers(catalog, [answer], author)
    seen = look(catalog, frame_id)
    mug = next(m for m in seen.marked if m.class_name == "mug")
    answer = correct(seen, [Change(mug.label_id, is_removed=True)])
    write(catalog, seen, answer, Author("person", "Carla"))
    assert list_objects(catalog, frame_id).keys() == {"cup"}
    assert len(look(catalog, frame_id).said.versions) == 3


def test_rejected_labels_stand_no_more_and_are_missing(labelled):
    catalog, frame_id = labelled
    seen = look(catalog, frame_id)
    write(catalog, seen, reject(seen), ANNA)
    now = look(catalog, frame_id)
    assert (now.marked, now.said.num_missing) == ((), 2)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (Change("ffff", "bowl"), "no label begins with 'ffff'; those of the frame are"),
        (Change("", "bowl"), "several labels begin with ''"),
        (Change(None, is_removed=True), "name the label that is to go"),
        (Change(content_id("cup"), "cup"), "nothing would change"),
    ],
)
def test_a_change_of_nothing_that_is_there_is_refused(labelled, change, reason):
    catalog, frame_id = labelled
    with pytest.raises(ValueError, match=reason):
        correct(look(catalog, frame_id), [change])


def test_a_frame_that_is_gone_or_has_no_labels_is_refused_with_the_remedy(
    stored, labelled
):
    catalog, frame_id = labelled
    with pytest.raises(ValueError, match="no frame begins with"):
        look(catalog, "0" * 32)
    with pytest.raises(ValueError, match="has no labels: name one with --task"):
        look(catalog, stored[1][1]["frame_id"])
    seen = look(catalog, frame_id)
    catalog.upsert(
        "frames", to_table(TABLES["frames"], [stored[1][0] | {"sha256": "0" * 64}])
    )
    with pytest.raises(ValueError, match="label the picture that is there now"):
        write(catalog, seen, confirm(seen), ANNA)


def test_the_label_says_which_task_is_meant(labelled):
    catalog, frame_id = labelled
    (cup, *_) = catalog.read_latest("labels").to_pylist()
    whole = {"label_id": content_id("whole"), "task": "recognition", "mask_rle": None}
    corners = dict.fromkeys(("x_min", "y_min", "x_max", "y_max"))
    catalog.merge("labels", to_table(TABLES["labels"], [cup | whole | corners]))
    with pytest.raises(ValueError, match="name one with --task"):
        look(catalog, frame_id)
    assert look(catalog, frame_id, None, content_id("cup")[:12]).task == "detection"
    assert look(catalog, frame_id, None, content_id("whole")).task == "recognition"
