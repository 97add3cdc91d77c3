"""Releases: the id is the content's hash, what is left out is counted, and what was changed is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assets.curation.release import draft_release, write_release
from assets.kinds.instances import read_instances
from assets.kinds.masks import read_semantic_map
from assets.tables.catalog import is_in
from assets.tables.releases import hash_content, list_class_ids, open_release
from assets.tables.schemas import TABLES, content_id, to_table
from models.masks import encode_mask
from models.types import IGNORE


@pytest.fixture
def dataset(catalog, frame_rows):
    """Six published frames with a split each and one detection label, box (2, 3, 8, 9), class a, b, a, b, ..."""
    rows = frame_rows(6)
    ids = rows["frame_id"].to_pylist()
    store(catalog, "frames", rows)
    sides = ["train"] * 4 + ["val", "test"]
    store(
        catalog,
        "splits",
        to_table(
            TABLES["splits"],
            [
                {
                    "frame_id": f,
                    "capture_id": content_id("capture", "monday"),
                    "session": "monday",
                    "group_id": f,
                    "split": s,
                    "rule": "cluster",
                }
                for f, s in zip(ids, sides, strict=True)
            ],
        ),
    )
    store(
        catalog,
        "labels",
        labels([(f, "ab"[n % 2], (2, 3, 8, 9)) for n, f in enumerate(ids)]),
    )
    return ids


def labels(
    found: list[tuple[str, str, tuple[float, ...] | None]], task: str = "detection"
):
    rows = [
        {
            "label_id": content_id(task, n, frame_id, name, box),
            "frame_id": frame_id,
            "session": "monday",
            "task": task,
            "capture_id": content_id("capture", "monday"),
            "class_name": name,
            "origin": "imported",
            "source_path": "l.json",
            "source_offset": 0,
            **dict(
                zip(
                    ("x_min", "y_min", "x_max", "y_max"), box or [None] * 4, strict=True
                )
            ),
        }
        for n, (frame_id, name, box) in enumerate(found)
    ]
    return to_table(TABLES["labels"], rows)


def store(catalog, name: str, rows) -> None:
    catalog.publish(name, "monday", catalog.merge(name, rows).version)


def test_the_id_is_the_hash_of_the_content(catalog, dataset):
    release_id = write_release(catalog, draft_release(catalog, "detection"))
    release = open_release(catalog, release_id)
    content = hash_content("detection", ["a", "b"], release.frames)
    assert (release_id, release.content_sha256, release.class_names) == (
        content[:32],
        content,
        ("a", "b"),
    )
    first = release.frames.to_pylist()[0]
    assert (first["boxes_xyxy"], first["class_id"]) == ([2, 3, 8, 9], None)
    assert sorted(release.frames["frame_id"].to_pylist()) == sorted(dataset)


def test_the_same_content_has_the_same_id_at_any_version(catalog, dataset, frame_rows):
    draft = draft_release(catalog, "detection")
    first = write_release(catalog, draft)
    store(catalog, "frames", frame_rows(1, seed=50))  # a frame without labels
    again = draft_release(catalog, "detection")
    assert again.row["frames_version"] > draft.row["frames_version"]
    assert write_release(catalog, again) == first
    assert [len(catalog.read_latest(n)) for n in ("releases", "release_frames")] == [
        1,
        6,
    ]
    assert open_release(catalog, first).frames_version == draft.row["frames_version"]


@pytest.mark.parametrize("change", ["class", "box", "split"])
def test_other_content_has_another_id(catalog, dataset, change):
    first = draft_release(catalog, "detection").row["release_id"]
    if change == "split":
        rows = catalog.read_latest("splits").to_pylist()
        catalog.upsert(
            "splits", to_table(TABLES["splits"], [rows[0] | {"split": "test"}])
        )
        catalog.publish("splits", "monday", catalog.latest_version("splits"))
    else:
        store(
            catalog,
            "labels",
            labels([(dataset[0], "c" if change == "class" else "a", (0, 0, 1, 1))]),
        )
    assert draft_release(catalog, "detection").row["release_id"] != first


def test_boxes_without_area_in_the_image_are_counted_and_their_picture_stays_out(
    catalog, dataset
):
    store(
        catalog,
        "labels",
        labels(
            [
                (dataset[0], "a", box)
                for box in ((5, 5, 5, 9), (5, 5, 9, 5), (20, 0, 30, 9), (-9, 0, 0, 9))
            ]
        ),
    )
    draft = draft_release(catalog, "detection")
    assert draft.excluded == {
        "box without area in the image": 4,
        "frame with an object that has no label": 1,
        "labels on frames with an object that has no label": 1,  # the box that has area
    }
    assert draft.row["num_labels"] == 5 and dataset[0] not in [
        r["frame_id"] for r in draft.frames.to_pylist()
    ]


def test_a_box_that_leaves_the_image_is_cut_to_it_and_opens_again(catalog, dataset):
    store(catalog, "labels", labels([(dataset[0], "a", (-4, -5, 99, 99))]))
    release = open_release(
        catalog, write_release(catalog, draft_release(catalog, "detection"))
    )
    row = next(r for r in release.frames.to_pylist() if r["frame_id"] == dataset[0])
    assert sorted(row["boxes_xyxy"][i : i + 4] for i in (0, 4)) == [
        [0, 0, 16, 12],
        [2, 3, 8, 9],
    ]


def test_what_is_left_out_is_counted_by_reason(catalog, dataset, frame_rows):
    store(catalog, "frames", frame_rows(2, seed=50))
    extra = frame_rows(2, seed=50)["frame_id"].to_pylist()
    # labelled, and dropped by the splits
    store(catalog, "labels", labels([(extra[0], "a", (0, 0, 4, 4))]))
    assert draft_release(catalog, "detection").excluded == {
        "frame without labels": 1,
        "near-duplicate frame": 1,
        "labels on near-duplicate frames": 1,
    }


def test_a_train_part_of_nearly_one_picture_is_a_warning_that_no_gate_asks_about(
    catalog, dataset
):
    draft = draft_release(catalog, "detection")
    num_train = draft.facts["parts"]["train"]
    assert not draft.excluded and "near-duplicates" not in str(draft.facts["warnings"])
    still = replace(draft, excluded={"near-duplicate frame": 18 * num_train})
    (told,) = [w for w in still.facts["warnings"] if "near-duplicates" in w]
    assert told.startswith(
        f"the train part has {num_train} frames: {18 * num_train} of {19 * num_train} frames are near-duplicates"
    )
    assert told not in still.row["weaknesses"]


def test_a_frame_with_two_classes_is_left_out_of_recognition(catalog, dataset):
    named = [(f, "ab"[n % 2], None) for n, f in enumerate(dataset)]
    store(catalog, "labels", labels([*named, (dataset[0], "b", None)], "recognition"))
    draft = draft_release(catalog, "recognition")
    assert (draft.excluded, draft.row["num_labels"]) == (
        {"frame with two classes": 1},
        5,
    )
    release = open_release(catalog, write_release(catalog, draft))
    assert {r["frame_id"]: r["class_id"] for r in release.frames.to_pylist()} == {
        f: n % 2 for n, f in enumerate(dataset) if n
    }


def test_pretraining_takes_frames_without_labels_and_keeps_the_classes_that_are_known(
    catalog, dataset
):
    # the second shows two classes
    named = [(dataset[0], "b", None), (dataset[1], "a", None), (dataset[1], "b", None)]
    store(catalog, "labels", labels(named, "recognition"))
    draft = draft_release(catalog, "pretraining")
    release = open_release(catalog, write_release(catalog, draft))
    class_ids = {r["frame_id"]: r["class_id"] for r in release.frames.to_pylist()}
    assert class_ids == {f: 1 if n == 0 else None for n, f in enumerate(dataset)}
    assert release.class_names == ("a", "b") and not draft.excluded


def test_pretraining_needs_no_label_at_all(catalog, dataset):
    draft = draft_release(catalog, "pretraining")
    assert (
        draft.row["num_labels"],
        draft.row["class_names"],
        draft.row["num_frames"],
    ) == (0, [], 6)
    assert open_release(catalog, write_release(catalog, draft)).class_names == ()


def test_multilabel_takes_every_class_that_labels_and_boxes_name(catalog, dataset):
    store(
        catalog,
        "labels",
        labels([(dataset[0], "c", None), (dataset[0], "a", None)], "recognition"),
    )
    store(catalog, "labels", labels([(dataset[1], "c", (0, 0, 4, 4))]))
    draft = draft_release(catalog, "multilabel")
    release = open_release(catalog, write_release(catalog, draft))
    shown = {r["frame_id"]: r["box_class_ids"] for r in release.frames.to_pylist()}
    assert (
        shown[dataset[0]] == [0, 2]
        and shown[dataset[1]] == [1, 2]
        and shown[dataset[2]] == [0]
    )
    assert all(r["boxes_xyxy"] == [] for r in release.frames.to_pylist())


def test_labels_that_are_held_are_not_released(catalog, dataset):
    catalog.hold("labels", "monday", catalog.latest_version("labels"), "boxes outside")
    with pytest.raises(ValueError, match="no published detection labels"):
        draft_release(catalog, "detection")


def test_splits_that_are_held_are_said_to_be_missing(catalog, dataset):
    catalog.hold("splits", "monday", catalog.latest_version("splits"), "torn")
    with pytest.raises(ValueError, match="no published splits: materialise"):
        draft_release(catalog, "detection")


def test_nothing_left_is_said_with_the_counts(catalog, dataset):
    store(
        catalog,
        "labels",
        labels([(f, c, None) for f in dataset for c in "ab"], "recognition"),
    )
    with pytest.raises(
        ValueError, match=r"no frame is left .*: frame with two classes: 6"
    ):
        draft_release(catalog, "recognition")


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("release_frames", {"split": "test"}),
        ("release_frames", {"boxes_xyxy": [2.0, 3.0, 8.0, 10.0]}),
        ("release_frames", {"sha256": "0" * 64}),
        ("release_frames", {"box_class_ids": [1]}),
        ("release_frames", {"session": "tuesday"}),
        ("releases", {"class_names": ["a", "c"]}),
        ("releases", {"num_frames": 5}),
        ("releases", {"sessions": ["tuesday"]}),
        ("releases", {"content_sha256": "0" * 64}),
    ],
)
def test_a_changed_row_is_refused(catalog, dataset, table, change):
    release_id = write_release(catalog, draft_release(catalog, "detection"))
    row = catalog.read_latest(
        table,
        where="split = 'train' AND box_class_ids[1] = 0" if "frames" in table else None,
    ).to_pylist()[0]
    catalog.upsert(table, to_table(TABLES[table], [row | change]))
    for columns in (None, ["capture_id"]):
        with pytest.raises(ValueError, match=f"release {release_id} has changed"):
            open_release(catalog, release_id, columns)


def test_of_an_opened_release_the_asked_columns_are_there_beside_the_proof(
    catalog, dataset
):
    release_id = write_release(catalog, draft_release(catalog, "detection"))
    whole = open_release(catalog, release_id).frames
    some = open_release(catalog, release_id, ["capture_id"]).frames
    assert some == whole.select(some.column_names)
    assert "capture_id" in some.column_names
    assert not {"row_id", "release_id", "sensor"} & set(some.column_names)


def test_the_hash_of_a_release_knows_no_order_and_no_batches(
    catalog, dataset, monkeypatch
):
    draft = draft_release(catalog, "detection")
    monkeypatch.setattr("assets.tables.releases._HASHED", 2)
    turned = draft.frames.take(list(range(len(draft.frames)))[::-1])
    names = draft.row["class_names"]
    assert hash_content("detection", names, turned) == draft.row["content_sha256"]


def test_a_missing_row_is_refused(catalog, dataset):
    release_id = write_release(catalog, draft_release(catalog, "detection"))
    catalog.delete("release_frames", f"frame_id = '{dataset[0]}'")
    with pytest.raises(ValueError, match="has changed"):
        open_release(catalog, release_id)


def test_an_unknown_release_is_refused(catalog):
    with pytest.raises(ValueError, match="there is no release abc"):
        open_release(catalog, "abc")


def test_a_release_pins_its_frames(catalog, dataset):
    draft = draft_release(catalog, "detection")
    release_id = write_release(catalog, draft)
    assert (
        catalog.dataset("frames").tags.list()[f"release-{release_id}"]["version"]
        == draft.row["frames_version"]
    )


def masks(catalog, found):
    """Labels of segmentation: (frame id, class name, rows and columns of a rectangle, or the text of a mask)."""
    sizes = {
        r["frame_id"]: (r["height_px"], r["width_px"])
        for r in catalog.read_latest("frames").to_pylist()
    }
    texts = []
    for frame_id, _, where in found:
        mask = np.zeros(sizes[frame_id], bool)
        if not isinstance(where, str):
            mask[where] = True
        texts.append(where if isinstance(where, str) else encode_mask(mask))
    table = labels(
        [(frame_id, name, None) for frame_id, name, _ in found], "segmentation"
    )
    return table.set_column(
        table.column_names.index("mask_rle"), table.schema.field("mask_rle"), [texts]
    )


def test_a_release_of_maps_holds_one_mask_a_class_and_its_own_hash(catalog, dataset):
    top = np.s_[:4, :]
    left = np.s_[:, :3]
    said = [
        (dataset[0], "sky", top),
        (dataset[0], "tree", left),
        (dataset[1], "sky", top),
        (dataset[1], "sky", left),
    ]
    store(catalog, "labels", masks(catalog, said))
    draft = draft_release(catalog, "segmentation")
    release = open_release(catalog, write_release(catalog, draft))
    assert release.class_names == ("sky", "tree") and draft.excluded == {
        "frame without labels": 4
    }
    rows = {r["frame_id"]: r for r in release.frames.to_pylist()}
    assert (
        draft.row["num_labels"]
        == 3
        == sum(len(list_class_ids(r)) for r in rows.values())
    )
    both = read_semantic_map(rows[dataset[0]]).class_ids
    one = read_semantic_map(rows[dataset[1]]).class_ids
    assert (both[:4, 3:] == 0).all() and (both[4:, :3] == 1).all()
    assert (both[:4, :3] == IGNORE).all(), "two classes claim these pixels"
    assert (both[4:, 3:] == IGNORE).all(), "nobody labelled these"
    assert (
        (one[:4] == 0).all()
        and (one[:, :3] == 0).all()
        and (one[4:, 3:] == IGNORE).all()
    )


def test_another_mask_is_another_release_and_one_that_does_not_fit_is_left_out(
    catalog, dataset
):
    store(
        catalog,
        "labels",
        masks(
            catalog, [(dataset[0], "sky", np.s_[:4, :]), (dataset[1], "sky", "0221O")]
        ),
    )
    draft = draft_release(catalog, "segmentation")
    assert (
        draft.excluded["mask that does not fit its image"] == 1
        and len(draft.frames) == 1
    )
    store(catalog, "labels", masks(catalog, [(dataset[2], "sky", np.s_[4:, :])]))
    assert (
        draft_release(catalog, "segmentation").row["release_id"]
        != draft.row["release_id"]
    )


def instances(catalog, found):
    """Labels of detection with masks: (frame id, class name, rows and columns, or the text of a mask, or None)."""
    texts = masks(catalog, [(f, name, where or np.s_[:0]) for f, name, where in found])[
        "mask_rle"
    ].to_pylist()
    texts = [
        None if where is None else text
        for text, (_, _, where) in zip(texts, found, strict=True)
    ]
    table = labels([(f, name, (n, 1, 9, 9)) for n, (f, name, _) in enumerate(found)])
    # the boxes without masks of these frames
    catalog.delete("labels", is_in("frame_id", [f for f, _, _ in found]))
    return table.set_column(
        table.column_names.index("mask_rle"), table.schema.field("mask_rle"), [texts]
    )


def test_a_release_of_instances_holds_a_mask_a_box_and_counts_each_object_once(
    catalog, dataset
):
    said = [
        (dataset[0], "a", np.s_[2:6, 1:9]),
        (dataset[0], "b", np.s_[4:9, 3:9]),
        (dataset[3], "a", np.s_[:4, :4]),
    ]
    store(catalog, "labels", instances(catalog, said))
    draft = draft_release(catalog, "instances")
    release = open_release(catalog, write_release(catalog, draft))
    rows = {r["frame_id"]: r for r in release.frames.to_pylist()}
    assert draft.row["num_labels"] == 3 and rows.keys() == {dataset[0], dataset[3]}
    assert draft.excluded == {
        "label without a mask": 4,
        "frame with an object that has no label": 4,
    }  # the others
    found = read_instances(rows[dataset[0]])
    assert found.masks.shape == (2, 12, 16) and sorted(found.class_ids) == [0, 1]
    for class_id, box, mask in zip(
        found.class_ids, found.boxes_xyxy, found.masks, strict=True
    ):
        wanted = np.zeros((12, 16), bool)
        wanted[said[class_id][2]] = True
        np.testing.assert_array_equal(mask, wanted)
        assert box.tolist() == [class_id, 1, 9, 9]  # the label's own
    assert list_class_ids(rows[dataset[0]]) == rows[dataset[0]]["box_class_ids"]


def test_frames_of_which_an_object_has_no_mask_to_use_stay_out_by_reason(
    catalog, dataset
):
    """Each would teach that the object is background."""
    said = [
        (dataset[0], "a", np.s_[2:6, 1:9]),
        (dataset[0], "a", "0221O"),
        (dataset[1], "a", "not run lengths"),
        (dataset[2], "a", np.s_[:0]),
        (dataset[3], "a", np.s_[2:6, 1:9]),
        (dataset[3], "a", None),
        (dataset[4], "a", np.s_[2:6, 1:9]),
    ]
    store(catalog, "labels", instances(catalog, said))
    draft = draft_release(catalog, "instances")
    assert draft.excluded == {
        "label without a mask": 2,  # of the fourth frame, and of the sixth
        "mask that does not fit its image": 2,
        "mask without a pixel": 1,
        "frame with an object that has no label": 5,
        "labels on frames with an object that has no label": 2,
    }
    assert [row["frame_id"] for row in draft.frames.to_pylist()] == [dataset[4]]


def test_boxes_alone_make_no_release_of_instances(catalog, dataset):
    with pytest.raises(
        ValueError,
        match=r"release of instances: label without a mask: 6, .*; give objects polygons",
    ):
        draft_release(catalog, "instances")


@pytest.mark.parametrize(
    "change",
    [{"mask_rles": ["0P4P2"]}, {"mask_size_px": [16, 12]}, {"box_class_ids": [1]}],
)
def test_a_release_of_instances_whose_masks_changed_is_refused(
    catalog, dataset, change
):
    store(
        catalog,
        "labels",
        instances(
            catalog,
            [(dataset[0], "a", np.s_[2:6, 1:9]), (dataset[1], "b", np.s_[2:6, 1:9])],
        ),
    )
    release_id = write_release(catalog, draft_release(catalog, "instances"))
    row = catalog.read_latest(
        "release_frames", where=f"frame_id = '{dataset[0]}'"
    ).to_pylist()[0]
    catalog.upsert("release_frames", to_table(TABLES["release_frames"], [row | change]))
    with pytest.raises(ValueError, match=f"release {release_id} has changed"):
        open_release(catalog, release_id)
