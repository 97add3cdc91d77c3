"""Equal pictures and what is said of them, pictures without an object, and objects without a label, in releases."""

from __future__ import annotations

import numpy as np
import pytest

from assets.curation.release import draft_release, write_release
from assets.samples import ReleaseImages, read_release
from assets.tables.catalog import is_in
from assets.tables.releases import open_release
from assets.tables.schemas import TABLES, content_id, to_table
from models.masks import encode_mask

BOX = (2, 3, 8, 9)
OTHER_BOX = (9, 1, 15, 5)
SIDES = ["train"] * 4 + ["val", "test"]


@pytest.fixture
def land(catalog, frame_rows):
    """land("tuesday"): six published frames, equal to those of other sessions, each with a split where `has_split`."""

    def add(
        session: str = "monday", has_split: bool = True, seed: int = 0
    ) -> list[str]:
        rows = frame_rows(6, seed, session)
        ids = rows["frame_id"].to_pylist()
        catalog.publish("frames", session, catalog.merge("frames", rows).version)
        if has_split:
            splits = [
                {
                    "frame_id": f,
                    "capture_id": content_id("capture", session),
                    "session": session,
                    "group_id": f,
                    "split": s,
                    "rule": "cluster",
                }
                for f, s in zip(ids, SIDES, strict=True)
            ]
            catalog.publish(
                "splits",
                None,
                catalog.merge("splits", to_table(TABLES["splits"], splits)).version,
            )
        return ids

    return add


def targets(draft) -> dict[str, tuple[list[float], list[int]]]:
    return {
        r["frame_id"]: (r["boxes_xyxy"], r["box_class_ids"])
        for r in draft.frames.to_pylist()
    }


# ---- equal pictures --------------------------------------------------------------------------------------------------


def test_equal_pictures_are_one_with_the_labels_of_all(catalog, land, label):
    here = land()
    there = land("tuesday")
    label("detection", [(i, "cup", BOX) for i in here])
    label(
        "detection",
        [(i, "cup", (2.5, 3, 8, 9.5)) for i in there] + [(there[0], "jug", OTHER_BOX)],
        "tuesday",
    )
    draft = draft_release(catalog, "detection")
    assert (draft.row["num_frames"], draft.row["num_labels"]) == (6, 7)
    assert draft.excluded == {"copy of a picture": 6}
    assert there[0] in targets(draft) and here[0] not in targets(draft), (
        "the one with most labels stays"
    )
    assert sorted(targets(draft)[there[0]][1]) == [0, 1]


def test_labels_of_a_copy_that_has_no_split_are_carried_by_the_one_that_has(
    catalog, land, label
):
    here = land()
    there = land("tuesday", has_split=False)
    label("detection", [(i, "cup", BOX) for i in there], "tuesday")
    label("detection", [(here[0], "jug", OTHER_BOX)])
    draft = draft_release(catalog, "detection")
    assert draft.row["num_labels"] == 7 and set(targets(draft)) == set(here)
    assert draft.excluded == {"copy of a picture": 6}


def test_labels_of_pictures_that_have_no_split_at_all_are_counted(catalog, land, label):
    here = land()
    there = land("tuesday", has_split=False, seed=50)
    label("detection", [(here[0], "jug", BOX)])
    label(
        "detection",
        [(i, "cup", box) for i in there for box in (BOX, OTHER_BOX)],
        "tuesday",
    )
    assert draft_release(catalog, "detection").excluded == {
        "frame without labels": 5,
        "near-duplicate frame": 6,
        "labels on near-duplicate frames": 12,
    }


@pytest.mark.parametrize(
    ("said", "other"),
    [
        (
            [("cup", BOX)],
            [("cup", (2, 3, 8, 11.5))],
        ),  # 36 / 51: the same object, another box
        ([("cup", BOX)], [("jug", (2, 3, 8, 12))]),  # 36 / 54
        ([("cup", BOX)], [("jug", BOX)]),
        ([("cup", BOX), ("jug", OTHER_BOX)], [("cup", BOX), ("pot", (9.5, 1, 15, 5))]),
        ([("cup", BOX)], [("cup", BOX), ("jug", BOX)]),
    ],
)
def test_a_picture_whose_copies_differ_on_an_object_stays_out(
    catalog, land, label, said, other
):
    here = land()
    there = land("tuesday")
    label(
        "detection",
        [(i, "cup", BOX) for i in here[1:]] + [(here[0], *one) for one in said],
    )
    label("detection", [(there[0], *one) for one in other], "tuesday")
    draft = draft_release(catalog, "detection")
    assert draft.row["num_frames"] == 5
    assert draft.excluded["copy of a picture with other labels"] == 2
    assert draft.excluded["labels on copies with other labels"] >= 1
    assert draft_release(catalog, "multilabel").row["num_frames"] == 5


@pytest.mark.parametrize(
    ("said", "other", "num_labels"),
    [
        ([("cup", BOX)], [("cup", OTHER_BOX)], 2),  # another object of the class
        ([("cup", BOX)], [("jug", (4, 6, 12, 12))], 2),  # 12 / 72: beside it
        (
            [("cup", BOX), ("cup", (3, 3, 9, 9.5))],
            [("cup", BOX)],
            2,
        ),  # a crowd in one export alone
        (
            [("cup", BOX), ("cup", (2, 3, 8, 12))],
            [("cup", (2, 3, 8, 12)), ("cup", BOX)],
            2,
        ),
        (
            [("cup", BOX), ("jug", BOX)],
            [("cup", BOX), ("jug", BOX)],
            2,
        ),  # both name both
    ],
)
def test_what_completes_is_no_conflict(catalog, land, label, said, other, num_labels):
    here = land()
    there = land("tuesday")
    label(
        "detection",
        [(i, "pot", BOX) for i in here[1:]] + [(here[0], *one) for one in said],
    )
    label("detection", [(there[0], *one) for one in other], "tuesday")
    draft = draft_release(catalog, "detection")
    assert draft.row["num_frames"] == 6 and draft.row["num_labels"] == 5 + num_labels


TIGHT = (2, 4.5, 8, 9)  # 27 / 36 of BOX, and 1.5 px lower


@pytest.mark.parametrize("is_turned", [False, True])
def test_an_object_that_two_sessions_draw_differently_is_one_with_the_tighter_box(
    catalog, land, label, is_turned
):
    """Both draw two cups side by side and one draws a jug: no object is lost, whichever session comes first."""
    drawn = [[BOX, (9, 1, 15, 8)], [TIGHT, (9, 1, 15, 7.5)]]  # 42 / 42, 39 / 42
    sides = [land(), land("tuesday")]
    for n, boxes in enumerate(reversed(drawn) if is_turned else drawn):
        session = ("monday", "tuesday")[n]
        said = [("cup", box) for box in boxes]
        said += [("jug", (0, 0, 2, 2))] * (boxes is drawn[0])
        label("detection", [(i, *one) for i in sides[n] for one in said], session)
    draft = draft_release(catalog, "detection")
    assert (draft.row["num_frames"], draft.row["num_labels"]) == (6, 18)
    assert draft.excluded == {"copy of a picture": 6}
    for boxes_xyxy, class_ids in targets(draft).values():
        boxes = [tuple(boxes_xyxy[n : n + 4]) for n in range(0, 12, 4)]
        assert sorted(zip(class_ids, boxes, strict=True)) == [
            (0, TIGHT),
            (0, (9, 1, 15, 7.5)),
            (1, (0, 0, 2, 2)),
        ]


@pytest.mark.parametrize("with_mask", ["monday", "tuesday"])
def test_the_box_of_a_mask_stays_though_a_bare_one_is_tighter(
    catalog, land, label, with_mask
):
    mask = encode_mask(np.indices((12, 16))[1] < 8)
    sides = {"monday": land(), "tuesday": land("tuesday")}
    for session, ids in sides.items():
        has_mask = session == with_mask
        box = BOX if has_mask else TIGHT
        masks = [mask if has_mask else None] * 6
        label("detection", [(i, "cup", box) for i in ids], session, masks)
    for task in ("instances", "detection"):
        rows = draft_release(catalog, task).frames.to_pylist()
        assert [tuple(row["boxes_xyxy"]) for row in rows] == [BOX] * 6
        assert [row.get("mask_rles") for row in rows] == (
            [[mask]] * 6 if task == "instances" else [None] * 6
        )


def test_masks_of_boxes_that_are_drawn_differently_are_compared(catalog, land, label):
    here = land()
    there = land("tuesday")
    mask, other = (encode_mask(np.indices((12, 16))[1] < width) for width in (8, 4))
    label("detection", [(i, "cup", BOX) for i in here], masks=[mask] * 6)
    label("detection", [(there[0], "cup", TIGHT)], "tuesday", [other])
    assert draft_release(catalog, "detection").row["num_frames"] == 6
    assert draft_release(catalog, "instances").row["num_frames"] == 5


def test_an_object_that_three_sessions_draw_is_one(catalog, land, label):
    for session, box in (
        ("monday", (0, 0, 12, 10)),
        ("tuesday", (0, 0, 12, 10.5)),
        ("friday", (0, 0, 12, 11.5)),  # 120 / 138 of the first, 1.5 px away
    ):
        label("detection", [(i, "cup", box) for i in land(session)], session)
    draft = draft_release(catalog, "detection")
    assert draft.row["num_labels"] == 6 and draft.excluded == {"copy of a picture": 12}
    assert {tuple(box) for box, _ in targets(draft).values()} == {(0, 0, 12, 10)}


def test_two_classes_of_recognition_on_equal_pictures_are_a_conflict_and_not_for_multilabel(
    catalog, land, label
):
    here = land()
    there = land("tuesday")
    label("recognition", [(i, "cat", None) for i in here])
    label("recognition", [(there[0], "dog", None), (there[1], "cat", None)], "tuesday")
    draft = draft_release(catalog, "recognition")
    assert draft.row["num_frames"] == 5 == draft.row["num_labels"]
    assert draft.excluded == {
        "copy of a picture with other labels": 2,
        "labels on copies with other labels": 2,
        "copy of a picture": 1,
        "frame without labels": 4,
    }
    both = draft_release(catalog, "multilabel")
    assert both.row["num_frames"] == 6 and both.row["num_labels"] == 7
    classes = [
        r["class_id"] for r in draft_release(catalog, "pretraining").frames.to_pylist()
    ]
    assert sorted(map(str, classes)) == ["0"] * 5 + ["None"]


def test_a_copy_brings_the_masks_that_the_others_lack(catalog, land, label):
    here = land()
    there = land("tuesday")
    mask, other = (encode_mask(np.indices((12, 16))[1] < width) for width in (8, 4))
    label("detection", [(i, "cup", BOX) for i in here])
    label("detection", [(i, "cup", BOX) for i in there[:4]], "tuesday", [mask] * 4)
    label("detection", [(there[0], "cup", (2, 3, 8, 9.5))], "tuesday", [other])
    draft = draft_release(catalog, "instances")
    assert (
        draft.excluded["label without a mask"]
        == 2
        == draft.excluded["frame with an object that has no label"]
    )
    rows = [r for r in draft.frames.to_pylist() if r["mask_rles"] == [mask]]
    # two boxes of one copy are two: the first has both masks
    assert len(rows) == 4 - 1 and draft.row["num_labels"] == 5
    label("detection", [(here[1], "jug", OTHER_BOX)], masks=[None])
    assert draft_release(catalog, "instances").row["num_frames"] == 3


def test_masks_that_show_other_pixels_are_a_conflict_of_instances_alone(
    catalog, land, label
):
    here = land()
    there = land("tuesday")
    mask, other = (encode_mask(np.indices((12, 16))[1] < width) for width in (8, 4))
    label("detection", [(i, "cup", BOX) for i in here], masks=[mask] * 6)
    label("detection", [(there[0], "cup", BOX)], "tuesday", [other])
    assert draft_release(catalog, "detection").row["num_labels"] == 6
    draft = draft_release(catalog, "instances")
    assert (
        draft.row["num_frames"] == 5
        and draft.excluded["copy of a picture with other labels"] == 2
    )


def test_maps_of_equal_pictures_are_joined_and_contradict_each_other_by_most_of_their_pixels(
    catalog, land, label
):
    here = land()
    there = land("tuesday")
    top, bottom = (
        encode_mask((np.indices((12, 16))[0] < 6) == is_top) for is_top in (True, False)
    )
    label("segmentation", [(i, "sky", None) for i in here], masks=[top] * 6)
    label(
        "segmentation",
        [(there[0], "sea", None), (there[1], "sea", None)],
        "tuesday",
        [bottom, top],
    )
    draft = draft_release(catalog, "segmentation")
    assert draft.row["num_frames"] == 5 and draft.row["num_labels"] == 6
    assert draft.excluded["copy of a picture with other labels"] == 2


def test_a_worse_export_of_the_same_work_does_not_cost_the_picture(
    catalog, land, label, look
):
    here = land()
    there = land("tuesday")
    label("detection", [(i, "cup", BOX) for i in here] + [(here[0], "jug", OTHER_BOX)])
    label(
        "detection", [(there[0], "cup", BOX), (there[1], "jug", OTHER_BOX)], "tuesday"
    )
    look(there[:3], "tuesday", num_labels=1, num_missing=1)
    draft = draft_release(catalog, "detection")
    assert draft.row["num_frames"] == 5, (
        "the second has a label that the whole export lacks"
    )
    assert draft.excluded["frame with an object that has no label"] == 2


# ---- pictures without an object --------------------------------------------------------------------------------------


def test_pictures_that_somebody_found_empty_are_released_and_others_are_not(
    catalog, land, label, look
):
    ids = land()
    label("detection", [(ids[0], "cup", BOX), (ids[4], "cup", BOX)])
    look(ids[:1], num_labels=1)
    look([ids[1], ids[5]])
    for task in ("detection", "multilabel"):
        draft = draft_release(catalog, task)
        assert (draft.row["num_frames"], draft.row["num_labels"], draft.num_empty) == (
            4,
            2,
            2,
        )
        assert targets(draft)[ids[1]] == ([], []) and draft.excluded == {
            "frame without labels": 2
        }
        assert {r["frame_id"]: r["split"] for r in draft.frames.to_pylist()}[
            ids[5]
        ] == "test"
        assert len(open_release(catalog, write_release(catalog, draft)).frames) == 4
    assert (
        "4 frames, 2 of them without an object, 2 labels"
        in draft_release(catalog, "detection").summary
    )


def test_empty_pictures_are_samples_with_no_objects(catalog, land, label, look):
    ids = land()
    mask = encode_mask(np.indices((12, 16))[1] < 8)
    label("detection", [(ids[0], "cup", BOX), (ids[4], "cup", BOX)], masks=[mask] * 2)
    look([ids[1], ids[5]])
    for task in ("detection", "instances", "multilabel"):
        release_id = write_release(catalog, draft_release(catalog, task))
        release = read_release(catalog, release_id, task)
        for long_side_px in (None, 8):
            (sample,) = ReleaseImages(catalog, release, "test", long_side_px)
            if task == "multilabel":
                assert sample.target == frozenset()
            else:
                assert (
                    sample.target.boxes_xyxy.shape == (0, 4)
                    and sample.target.class_ids.dtype == np.int64
                )
            if task == "instances":
                assert sample.target.masks.shape == (0, *sample.image_rgb.shape[:2])


@pytest.mark.parametrize(
    "counts", [{"num_ignored": 2}, {"num_missing": 1}, {"num_labels": 1}]
)
def test_pictures_with_something_on_them_are_not_empty(
    catalog, land, label, look, counts
):
    """A crowd; an object that was refused; labels that are not published."""
    ids = land()
    label("detection", [(ids[0], "cup", BOX)])
    look(ids[1:2], **counts)
    draft = draft_release(catalog, "detection")
    assert [r["frame_id"] for r in draft.frames.to_pylist()] == ids[:1]
    reason = {
        "num_ignored": "frame with nothing but crowds, points or lines",
        "num_missing": "frame with an object that has no label",
    }.get(next(iter(counts)))
    assert draft.excluded == (
        {reason: 1, "frame without labels": 4}
        if reason
        else {"frame without labels": 5}
    )


def test_crowds_beside_labels_do_not_cost_the_picture(catalog, land, label, look):
    ids = land()
    label("detection", [(ids[0], "cup", BOX)])
    look(ids[:1], num_labels=1, num_ignored=3)
    assert draft_release(catalog, "detection").row["num_frames"] == 1


def test_there_is_no_release_of_empty_pictures_alone(catalog, land, label, look):
    ids = land()
    look(ids)
    with pytest.raises(ValueError, match="no published detection labels"):
        draft_release(catalog, "detection")
    label("detection", [(ids[0], "cup", (5, 5, 5, 9))])
    with pytest.raises(
        ValueError,
        match=r"no frame is left for a release of detection: box without area",
    ):
        draft_release(catalog, "detection")


@pytest.mark.parametrize("task", ["recognition", "segmentation"])
def test_a_picture_without_a_class_or_a_mask_is_none_for_recognition_and_segmentation(
    catalog, land, label, look, task
):
    ids = land()
    mask = encode_mask(np.indices((12, 16))[1] < 8)
    label(
        task, [(ids[0], "cup", None)], masks=[mask if task == "segmentation" else None]
    )
    look(ids[1:], task=task)
    draft = draft_release(catalog, task)
    assert draft.row["num_frames"] == 1 and draft.excluded == {
        "frame without labels": 5
    }


def test_empty_for_one_side_and_labelled_by_another_is_a_conflict(
    catalog, land, label, look
):
    here = land()
    there = land("tuesday")
    label("detection", [(i, "cup", BOX) for i in here[:3]])
    look(there[:1], "tuesday")
    look(there[3:5], "tuesday")
    look(here[3:4])
    draft = draft_release(catalog, "detection")
    assert (draft.row["num_frames"], draft.num_empty) == (4, 2)
    assert draft.excluded == {
        "copy of a picture with other labels": 2,
        "labels on copies with other labels": 1,
        "copy of a picture": 1,
        "frame without labels": 12 - 7,
    }


def test_files_of_one_capture_complete_each_other(catalog, land, label, look):
    """One file a class: that of persons calls a picture of a dog empty."""
    ids = land()
    label("detection", [(ids[0], "dog", BOX)])
    look(ids[:1])
    look(ids[:1], num_labels=1)
    draft = draft_release(catalog, "detection")
    assert draft.row["num_labels"] == 1 and draft.num_empty == 0


@pytest.mark.parametrize("table", ["labels", "annotated_frames"])
def test_where_labels_are_held_nothing_is_empty_and_the_other_way_round(
    catalog, land, label, look, table
):
    here = land()
    there = land("tuesday", seed=50)
    for ids, session in ((here, "monday"), (there, "tuesday")):
        label("detection", [(ids[0], "cup", BOX)], session)
        look(ids[1:], session)
    assert draft_release(catalog, "detection").row["num_frames"] == 12
    catalog.hold(table, "tuesday", catalog.latest_version(table), "boxes outside")
    assert {
        r["session"] for r in draft_release(catalog, "detection").frames.to_pylist()
    } == {"monday"}


# ---- objects without a label -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["detection", "instances", "multilabel"])
def test_a_picture_of_which_an_object_was_refused_stays_out(
    catalog, land, label, look, task
):
    ids = land()
    mask = encode_mask(np.indices((12, 16))[1] < 8)
    label("detection", [(i, "cup", BOX) for i in ids], masks=[mask] * 6)
    look(ids[:1], num_labels=1, num_missing=1)
    look(ids[1:2], task="recognition", num_missing=1)
    draft = draft_release(catalog, task)
    if task == "multilabel":  # takes the labels of both
        assert draft.row["num_frames"] == 4
    else:
        assert draft.row["num_frames"] == 5 and draft.excluded == {
            "frame with an object that has no label": 1,
            "labels on frames with an object that has no label": 1,
        }


def test_every_colour_frame_is_in_the_release_or_counted_once(
    catalog, land, label, look
):
    here = land()
    there = land("tuesday")
    catalog.delete("splits", is_in("frame_id", [here[5], there[5]]))
    catalog.publish("splits", None, catalog.latest_version("splits"))
    label(
        "detection",
        [(here[0], "cup", BOX), (here[1], "cup", (5, 5, 5, 9)), (here[2], "cup", BOX)],
    )
    label(
        "detection",
        [(there[0], "cup", BOX), (there[2], "jug", BOX), (there[5], "jug", BOX)],
        "tuesday",
    )
    look(here[3:4])
    look(here[4:5], num_ignored=1)
    draft = draft_release(catalog, "detection")
    of_frames = {
        "copy of a picture",
        "copy of a picture with other labels",
        "frame with an object that has no label",
        "frame with nothing but crowds, points or lines",
        "frame without labels",
        "near-duplicate frame",
    }
    counted = sum(
        count for reason, count in draft.excluded.items() if reason in of_frames
    )
    assert draft.row["num_frames"] + counted == 12
    assert of_frames <= draft.excluded.keys()
    assert (
        catalog.read(
            "frames", ["frame_id"], is_in("session", ["monday", "tuesday"])
        ).num_rows
        == 12
    )
