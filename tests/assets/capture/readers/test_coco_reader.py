"""COCO datasets."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pycocotools import mask as reference

from assets.capture.readers.mask_runs import encode_polygons, encode_runs, encode_segmentation
from models.masks import decode_counts

# pycocotools 2.0.11 decodes through an array interface that numpy 2 warns about
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def make_coco(annotations: list[dict], images: list[dict] | None = None) -> str:
    images = images or [{"id": 1, "file_name": "a.jpg", "width": 32, "height": 24}]
    return json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 7, "name": "cup"}]})


def note(**changes: object) -> dict:
    return {"id": 1, "image_id": 1, "category_id": 7, "bbox": [2, 3, 10, 5]} | changes


def test_boxes_and_masks(write_files, read_session, make_image):
    square = [4, 4, 8, 4, 8, 8, 4, 8]
    root = write_files(
        {"annotations/instances_train2017.json": make_coco([note(segmentation=[square]), note(bbox=[0, 0, 0, 4])]),
         "train2017/a.jpg": make_image(), "train2017/b.jpg": make_image(1)}
    )  # fmt: skip
    reading = read_session(root)
    assert [p.reader for p in reading.plans] == ["coco"] and not reading.problems
    assert [label.box_xyxy for label in reading.labels] == [(2, 3, 12, 8), (0, 0, 0, 4)]
    assert {(f.source.path, f.split_hint) for f in reading.frames} == {
        ("train2017/a.jpg", "train"), ("train2017/b.jpg", "train"),
    }  # fmt: skip
    mask = reference.decode({"size": [24, 32], "counts": reading.labels[0].mask_rle})
    assert mask.sum() == 16 and mask[4:8, 4:8].all()
    assert reading.plans[0].notes["images without labels"] == "1: train2017/b.jpg"


def test_what_makes_no_sense_is_named_and_the_rest_read(write_files, read_session, make_image):
    bad = [note(image_id=9), note(category_id=8), note(bbox=[1, 2, 3]), note(segmentation=[[1, 2]]), note(image_id=[1])]
    images = [
        {"id": 1, "file_name": "a.jpg", "width": 32, "height": 24}, {"id": 2, "file_name": "gone.jpg"},
        {"id": 1, "file_name": "b.jpg"},
    ]  # fmt: skip
    crowd_and_absent = [note(iscrowd=1), note(image_id=2)]
    root = write_files(
        {"x/_annotations.coco.json": make_coco([*bad, *crowd_and_absent, note()], images), "x/a.jpg": make_image()}
    )
    reading = read_session(root)
    assert len(reading.labels) == 1 and len(reading.frames) == 1
    assert len(reading.problems) == len(bad) + 2
    assert reading.plans[0].notes["not read from x/_annotations.coco.json: crowd regions"] == "1"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"images": [], "annotations": [], "categories": NaN}', "NaN is not a JSON number"),
        ('{"images": [], "images": [], "annotations": [], "categories": []}', "key 'images' appears twice"),
        ('{"images": [], "annotations": []}', "no list of objects 'categories'"),
        ('{"images": [{"x": 1e999}], "annotations": [], "categories": []}', "too large for a number"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_doubtful_json_is_refused(write_files, read_session, make_image, text, reason):
    reading = read_session(write_files({"instances_val.json": text, "a.jpg": make_image()}))
    (problem,) = reading.problems
    assert reason in problem.reason and len(reading.frames) == 1


def test_two_splits_with_equal_file_names(write_files, read_session, make_image):
    root = write_files(
        {"train/_annotations.coco.json": make_coco([note()]), "train/a.jpg": make_image(1),
         "valid/_annotations.coco.json": make_coco([note(), note()]), "valid/a.jpg": make_image(2)}
    )  # fmt: skip
    reading = read_session(root)
    assert len(reading.plans) == 1 and not reading.problems
    assert [label.frame_path for label in reading.labels] == ["train/a.jpg", "valid/a.jpg", "valid/a.jpg"]
    assert {f.split_hint for f in reading.frames} == {"train", "val"}


def test_other_json_is_left_over(write_files, read_session):
    (left,) = read_session(write_files({"settings.json": '{"a": 1}'})).leftovers
    assert left.reason == "no reader for .json yet"


def test_run_lengths_agree_with_pycocotools():
    rng = np.random.default_rng(5)
    for _ in range(20):
        mask = (rng.random((13, 17)) < 0.3).astype(np.uint8)
        counts = reference.encode(np.asfortranarray(mask))["counts"].decode()
        runs = decode_counts(counts)
        assert sum(runs) == 13 * 17 and sum(runs[1::2]) == mask.sum()
        assert encode_runs(runs, (17, 13)) == counts
        assert encode_segmentation({"size": [13, 17], "counts": counts}, (17, 13)) == counts


def test_polygons_agree_with_pycocotools():
    polygon = [1.5, 2.0, 30.2, 4.4, 20.0, 22.9, 3.3, 18.0]
    expected = reference.merge(reference.frPyObjects([polygon], 24, 32))["counts"].decode()
    assert encode_polygons([polygon], (32, 24)) == expected


@pytest.mark.parametrize("counts", ["zzzz", "0", chr(200), "P" * 40])
def test_run_lengths_that_do_not_fill_the_image_are_refused(counts):
    with pytest.raises(ValueError):
        encode_segmentation({"size": [24, 32], "counts": counts}, (32, 24))


def test_a_polygon_far_outside_is_refused():
    with pytest.raises(ValueError, match="leaves the 32x24 image"):
        encode_polygons([[0, 0, 1e9, 0, 1e9, 1e9]], (32, 24))
