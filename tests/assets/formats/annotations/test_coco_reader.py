"""COCO datasets."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pycocotools import mask as reference

from assets.formats.annotations.mask_runs import (
    encode_polygons,
    encode_runs,
    encode_segmentation,
)
from models.masks import decode_counts, decode_mask, find_box
from tests.assets.formats.conftest import encode_turned

# pycocotools 2.0.11 decodes through an array interface that numpy 2 warns about
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)


def make_coco(annotations: list[dict], images: list[dict] | None = None) -> str:
    images = images or [{"id": 1, "file_name": "a.jpg", "width": 32, "height": 24}]
    return json.dumps(
        {
            "images": images,
            "annotations": annotations,
            "categories": [{"id": 7, "name": "cup"}],
        }
    )


def note(**changes: object) -> dict:
    return {"id": 1, "image_id": 1, "category_id": 7, "bbox": [2, 3, 10, 5]} | changes


def test_boxes_and_masks(write_files, read_session, make_image):
    square = [4, 4, 8, 4, 8, 8, 4, 8]
    root = write_files(
        {
            "annotations/instances_train2017.json": make_coco(
                [note(segmentation=[square]), note(bbox=[0, 0, 0, 4])]
            ),
            "train2017/a.jpg": make_image(),
            "train2017/b.jpg": make_image(1),
        }
    )
    reading = read_session(root)
    assert [p.reader for p in reading.plans] == ["coco"] and not reading.problems
    assert [label.box_xyxy for label in reading.labels] == [(2, 3, 12, 8), (0, 0, 0, 4)]
    assert {(f.source.path, f.split_hint) for f in reading.frames} == {
        ("train2017/a.jpg", "train"),
        ("train2017/b.jpg", "train"),
    }
    mask = reference.decode({"size": [24, 32], "counts": reading.labels[0].mask_rle})
    assert mask.sum() == 16 and mask[4:8, 4:8].all()
    assert reading.plans[0].notes["images without labels"] == "1: train2017/b.jpg"


def test_what_makes_no_sense_is_named_and_the_rest_read(
    write_files, read_session, make_image
):
    bad = [
        note(image_id=9),
        note(category_id=8),
        note(bbox=[1, 2, 3]),
        note(segmentation=[[1, 2, 3]]),
    ]
    bad.append(note(image_id=[1]))
    images = [
        {"id": 1, "file_name": "a.jpg", "width": 32, "height": 24},
        {"id": 2, "file_name": "gone.jpg"},
        {"id": None, "file_name": "b.jpg"},
    ]
    crowd_and_absent = [note(iscrowd=1), note(image_id=2)]
    root = write_files(
        {
            "x/_annotations.coco.json": make_coco(
                [*bad, *crowd_and_absent, note()], images
            ),
            "x/a.jpg": make_image(),
        }
    )
    reading = read_session(root)
    assert len(reading.labels) == 1 and len(reading.frames) == 1
    assert len(reading.problems) == len(bad) + 2
    assert (
        reading.plans[0].notes["not read from x/_annotations.coco.json: crowd regions"]
        == "1"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            '{"images": [], "annotations": [], "categories": NaN}',
            "NaN is not a JSON number",
        ),
        (
            '{"images": [], "images": [], "annotations": [], "categories": []}',
            "key 'images' appears twice",
        ),
        ('{"images": [], "annotations": []}', "no list of objects 'categories'"),
        (
            '{"images": [{"x": 1e999}], "annotations": [], "categories": []}',
            "too large for a number",
        ),
    ],
)
def test_doubtful_json_is_refused(write_files, read_session, make_image, text, reason):
    reading = read_session(
        write_files({"instances_val.json": text, "a.jpg": make_image()})
    )
    (problem,) = reading.problems
    assert reason in problem.reason and len(reading.frames) == 1


def test_two_splits_with_equal_file_names(write_files, read_session, make_image):
    root = write_files(
        {
            "train/_annotations.coco.json": make_coco([note()]),
            "train/a.jpg": make_image(1),
            "valid/_annotations.coco.json": make_coco(
                [note(), note(bbox=[1, 1, 9, 9])]
            ),
            "valid/a.jpg": make_image(2),
        }
    )
    reading = read_session(root)
    assert len(reading.plans) == 1 and not reading.problems
    assert [label.frame_path for label in reading.labels] == [
        "train/a.jpg",
        "valid/a.jpg",
        "valid/a.jpg",
    ]
    assert {f.split_hint for f in reading.frames} == {"train", "val"}


def test_other_json_is_left_over(write_files, read_session):
    (left,) = read_session(write_files({"settings.json": '{"a": 1}'})).leftovers
    assert (
        left.reason == "JSON of no form that a reader knows"
        and "COCO needs" in left.remedy
    )


def test_run_lengths_agree_with_pycocotools():
    rng = np.random.default_rng(5)
    for _ in range(20):
        mask = (rng.random((13, 17)) < 0.3).astype(np.uint8)
        counts = reference.encode(np.asfortranarray(mask))["counts"].decode()
        runs = decode_counts(counts)
        assert sum(runs) == 13 * 17 and sum(runs[1::2]) == mask.sum()
        assert encode_runs(runs, (17, 13)) == counts
        assert (
            encode_segmentation({"size": [13, 17], "counts": counts}, (17, 13))
            == counts
        )


def test_polygons_agree_with_pycocotools():
    polygon = [1.5, 2.0, 30.2, 4.4, 20.0, 22.9, 3.3, 18.0]
    expected = reference.merge(reference.frPyObjects([polygon], 24, 32))[
        "counts"
    ].decode()
    assert encode_polygons([polygon], (32, 24)) == expected


@pytest.mark.parametrize("counts", ["zzzz", "0", chr(200), "P" * 40])
def test_run_lengths_that_do_not_fill_the_image_are_refused(counts):
    with pytest.raises(ValueError):
        encode_segmentation({"size": [24, 32], "counts": counts}, (32, 24))


def test_a_polygon_far_outside_is_refused():
    with pytest.raises(ValueError, match="leaves the 32x24 image"):
        encode_polygons([[0, 0, 1e9, 0, 1e9, 1e9]], (32, 24))


def test_ids_are_told_by_their_sense(write_files, read_session, make_image):
    images = [{"id": "1", "file_name": "a.jpg", "width": 32.0, "height": "24"}]
    text = make_coco(
        [note(image_id=1.0, category_id="7", bbox=["2", 3.0, 10, 5])], images
    )
    reading = read_session(write_files({"instances.json": text, "a.jpg": make_image()}))
    assert [label.box_xyxy for label in reading.labels] == [
        (2, 3, 12, 8)
    ] and not reading.problems


@pytest.mark.parametrize(
    ("annotation", "box", "has_mask"),
    [
        ({"bbox": []}, (4, 4, 8, 9), True),
        ({"bbox": None}, (4, 4, 8, 9), True),
        ({"bbox": [0, 0, 0, 0]}, (4, 4, 8, 9), True),
        ({"bbox": [12, 8, -10, -5]}, (2, 3, 12, 8), True),
        ({"segmentation": [[1, 1, 2, 2]]}, (2, 3, 12, 8), False),
        ({"segmentation": [[]]}, (2, 3, 12, 8), False),
    ],
)
def test_boxes_by_their_sense(
    write_files, read_session, make_image, annotation, box, has_mask
):
    outline = {"segmentation": [[4, 4, 8, 4, 8, 9, 4, 9]]}
    reading = read_session(
        write_files(
            {
                "instances.json": make_coco([note(**outline | annotation)]),
                "a.jpg": make_image(),
            }
        )
    )
    (label,) = reading.labels
    assert (label.task, label.box_xyxy, label.mask_rle is not None) == (
        "detection",
        box,
        has_mask,
    )


def test_a_mask_without_a_box_is_a_detection_with_the_box_of_the_mask(
    write_files, read_session, make_image
):
    # columns 4 and 5, rows 4 to 8
    runs = {"size": [24, 32], "counts": [24 * 4 + 4, 5, 19, 5, 24 * 26 + 15]}
    annotation = {k: v for k, v in note(segmentation=runs).items() if k != "bbox"}
    for images in (
        [{"id": 1, "file_name": "a.jpg", "width": 32, "height": 24}],
        [{"id": 1, "file_name": "a.jpg"}],
    ):
        text = make_coco([annotation], images)
        (label,) = read_session(
            write_files({"instances.json": text, "a.jpg": make_image()})
        ).labels
        assert (label.task, label.box_xyxy) == ("detection", (4, 4, 6, 9))


def test_neither_box_nor_mask_is_a_label_of_the_image(
    write_files, read_session, make_image
):
    annotation = {"id": 1, "image_id": 1, "category_id": 7}
    reading = read_session(
        write_files({"instances.json": make_coco([annotation]), "a.jpg": make_image()})
    )
    assert [(label.task, label.box_xyxy) for label in reading.labels] == [
        ("recognition", None)
    ]
    assert not reading.looked_at(), "nobody looked for objects"


def test_who_was_looked_at_and_what_is_missing(write_files, read_session, make_image):
    names = ("full", "empty", "faulty", "crowd")
    images = [
        {"id": n, "file_name": f"{name}.jpg", "width": 32, "height": 24}
        for n, name in enumerate(names)
    ]
    notes = [
        note(image_id=0),
        note(image_id=2),
        note(image_id=2, category_id=9),
        note(image_id=3, iscrowd=1),
    ]
    files = {
        f"{name}.jpg": make_image(n) for n, name in enumerate((*names, "unlisted"))
    }
    reading = read_session(
        write_files(files | {"instances.json": make_coco(notes, images)})
    )
    assert reading.looked_at() == {
        "full.jpg": (1, 0, 0),
        "empty.jpg": (0, 0, 0),
        "faulty.jpg": (1, 1, 0),
        "crowd.jpg": (0, 0, 1),
    }
    assert (
        reading.plans[0].notes["images that no annotation names"] == "1: unlisted.jpg"
    )


def test_boxes_of_a_larger_original_are_refused(write_files, read_session, make_image):
    images = [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}]
    reading = read_session(
        write_files(
            {"instances.json": make_coco([note()], images), "a.jpg": make_image()}
        )
    )
    (problem,) = reading.problems
    assert "drawn on 64x48 px, a.jpg has 32x24" in problem.reason and not reading.labels
    assert reading.looked_at() == {"a.jpg": (0, 1, 0)}


@pytest.mark.parametrize(
    ("orientation", "stated", "box"),
    [
        (6, (24, 32), (3, 12, 8, 22)),  # x = y', y = 24 - x'
        (8, (24, 32), (24, 2, 29, 12)),  # x = 32 - y', y = x'
        (6, (32, 24), (2, 3, 12, 8)),  # the size says: as stored
        (3, (32, 24), (20, 16, 30, 21)),  # a half turn, upright as tools show it
        (2, (32, 24), (20, 3, 30, 8)),
        (6, None, (3, 12, 8, 22)),
    ],
)
def test_orientation(write_files, read_session, orientation, stated, box):
    size = {} if stated is None else {"width": stated[0], "height": stated[1]}
    images = [{"id": 1, "file_name": "a.jpg", **size}]
    reading = read_session(
        write_files(
            {
                "instances.json": make_coco([note()], images),
                "a.jpg": encode_turned(orientation),
            }
        )
    )
    assert [label.box_xyxy for label in reading.labels] == [box]


def test_half_turns_follow_what_the_sizes_of_other_pictures_say(
    write_files, read_session
):
    images = [
        {"id": n, "file_name": f"{n}.jpg", "width": 32, "height": 24} for n in (1, 2)
    ]
    files = {"1.jpg": encode_turned(6), "2.jpg": encode_turned(3)}
    text = make_coco([note(image_id=1), note(image_id=2)], images)
    reading = read_session(write_files(files | {"instances.json": text}))
    assert [label.box_xyxy for label in reading.labels] == [(2, 3, 12, 8)] * 2
    notes = [
        v for k, v in reading.plans[0].notes.items() if "taken as drawn as stored" in k
    ]
    assert notes == ["1 images", "1 images"]


def test_masks_and_keypoints_are_turned_with_their_box(write_files, read_session):
    """Upright 24 x 32: columns 4 and 5, rows 4 to 8. Stored: x = y', y = 24 - x'."""
    runs = {"size": [32, 24], "counts": [32 * 4 + 4, 5, 27, 5, 32 * 18 + 23]}
    annotation = note(
        bbox=[4, 4, 2, 5], segmentation=runs, keypoints=[4, 4, 2, 0, 0, 0]
    )
    images = [{"id": 1, "file_name": "a.jpg", "width": 24, "height": 32}]
    (label,) = read_session(
        write_files(
            {
                "instances.json": make_coco([annotation], images),
                "a.jpg": encode_turned(6),
            }
        )
    ).labels
    assert label.box_xyxy == (4, 18, 9, 20)
    assert find_box(decode_mask(label.mask_rle, 24, 32)) == (4, 18, 9, 20)
    assert dict(label.attributes)["keypoints"] == "4 20 2 0 0 0"


def test_attributes_and_track_of_an_annotation(write_files, read_session, make_image):
    annotation = note(attributes={"occluded": True, "track_id": 5, "color": "red"})
    (label,) = read_session(
        write_files({"a.json": make_coco([annotation]), "a.jpg": make_image()})
    ).labels
    assert label.track_id == 5 and dict(label.attributes)["occluded"] == "true"


def test_a_category_with_two_names_is_refused(write_files, read_session, make_image):
    text = json.loads(make_coco([note()]))
    text["categories"] += [{"id": 7, "name": "mug"}]
    reading = read_session(
        write_files({"instances.json": json.dumps(text), "a.jpg": make_image()})
    )
    assert not reading.labels and "two names" in reading.problems[0].reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            '[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.9}]',
            "predictions, no labels",
        ),
        (
            '{"version": "5.4", "shapes": [], "imagePath": "a.jpg", "imageHeight": 24}',
            "labelme",
        ),
        ('{"images": [], "info": {}}', "the reader coco came nearest"),
        ('{"_via_img_metadata": {}}', "VIA"),
    ],
)
def test_json_that_is_not_read_is_told_by_what_it_looks_like(
    write_files, read_session, text, words
):
    (left,) = read_session(write_files({"labels.json": text})).leftovers
    assert words in left.reason and left.remedy


def test_an_id_of_two_images_puts_labels_on_neither(
    write_files, read_session, make_image
):
    images = [
        {"id": n % 2, "file_name": f"{n}.jpg", "width": 32, "height": 24}
        for n in range(4)
    ]
    text = make_coco(
        [note(image_id=0), note(image_id=1), note(image_id=0, bbox=[1, 1, 4, 4])],
        images,
    )
    reading = read_session(
        write_files(
            {f"{n}.jpg": make_image(n) for n in range(4)} | {"instances.json": text}
        )
    )
    assert not reading.labels and reading.looked_at() == {
        f"{n}.jpg": (0, 1, 0) for n in range(4)
    }


@pytest.mark.parametrize(
    ("picture", "document", "num_labels"),
    [
        ("cam_a/a.jpg", "cam_b/annotations.json", 0),
        ("setA/images/a.jpg", "setB/annotations/instances.json", 0),
        ("images/cam_1/a.jpg", "annotations/cam_2.json", 0),
        ("images/cam_1/a.jpg", "annotations/cam_1.json", 1),
        ("photos/a.jpg", "export/instances.json", 1),
        ("monday/a.jpg", "labels/instances.json", 1),
    ],
)
def test_a_document_of_another_folder_is_of_its_images_only(
    write_files, read_session, make_image, picture, document, num_labels
):
    reading = read_session(
        write_files({picture: make_image(), document: make_coco([note()])})
    )
    assert len(reading.labels) == num_labels and bool(reading.problems) == (
        not num_labels
    )


def test_a_picture_in_lists_of_two_splits_has_none(
    write_files, read_session, make_image
):
    files = {
        f"annotations/{name}.json": make_coco([note()]) for name in ("train", "val")
    }
    reading = read_session(write_files(files | {"images/a.jpg": make_image()}))
    assert [f.split_hint for f in reading.frames] == [None] and len(reading.labels) == 1
    assert "another split lists too" in reading.problems[0].reason


def test_shares_in_place_of_pixels_are_refused(write_files, read_session, make_image):
    text = make_coco([note(bbox=[0.1, 0.1, 0.5, 0.5])])
    reading = read_session(write_files({"instances.json": text, "a.jpg": make_image()}))
    assert not reading.labels and "shares of the image" in reading.problems[0].reason


def test_a_list_of_images_without_annotations_is_no_broken_file(
    write_files, read_session, make_image
):
    text = json.dumps(
        {
            "images": [{"id": 1, "file_name": "a.jpg"}],
            "categories": [{"id": 7, "name": 7}],
        }
    )
    reading = read_session(
        write_files({"image_info_test2017.json": text, "a.jpg": make_image()})
    )
    assert not reading.problems and not reading.looked_at()
