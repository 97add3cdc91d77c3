"""Panoptic files of COCO: segments become objects and maps."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from assets.formats.annotations import coco_panoptic
from assets.formats.observations import AnnotationObservation
from models.masks import decode_mask

CATEGORIES = [
    {"id": 1, "name": "person", "isthing": 1},
    {"id": 7, "name": "grass", "isthing": 0},
]
# ids of 32 x 24 pixels: grass, two persons and a crowd of them, and pixels of which nobody knows
GRASS, ANNA, OTTO, CROWD = 70_000, 3, 257, 9


def draw() -> np.ndarray:
    ids = np.full((24, 32), GRASS, np.uint32)
    ids[2:6, 4:10] = ANNA
    ids[2:6, 10:12] = OTTO
    ids[10:14, 0:3] = CROWD
    ids[20:, :] = 0
    return ids


def png_of(ids: np.ndarray) -> bytes:
    colours = np.stack([ids & 255, ids >> 8 & 255, ids >> 16], axis=2).astype(np.uint8)
    target = io.BytesIO()
    Image.fromarray(colours).save(target, "PNG")
    return target.getvalue()


def infos() -> list[dict[str, object]]:
    said = [(GRASS, 7, 0), (ANNA, 1, 0), (OTTO, 1, 0), (CROWD, 1, 1)]
    return [{"id": i, "category_id": c, "iscrowd": w} for i, c, w in said]


def document(*names: str, segments: list[dict[str, object]] | None = None) -> str:
    images = [
        {"id": n, "file_name": f"{x}.jpg", "width": 32, "height": 24}
        for n, x in enumerate(names)
    ]
    told = [
        {
            "image_id": n,
            "file_name": f"{x}.png",
            "segments_info": infos() if segments is None else segments,
        }
        for n, x in enumerate(names)
    ]
    return json.dumps({"images": images, "annotations": told, "categories": CATEGORIES})


def tallies(reading) -> dict[tuple[str, str], tuple[int, int, int]]:
    return {
        (a.frame_path, a.task): (a.num_labels, a.num_missing, a.num_ignored)
        for a in reading.of(AnnotationObservation)
    }


@pytest.mark.parametrize(
    "folder", ["annotations/panoptic_val2017", "panoptic_val2017", "annotations/masks"]
)
def test_things_are_objects_and_every_class_is_a_map(
    write_files, read_session, make_image, folder
):
    files = {
        "annotations/panoptic_val2017.json": document("a"),
        f"{folder}/a.png": png_of(draw()),
        "val2017/a.jpg": make_image(),
    }
    reading = read_session(write_files(files))
    assert not reading.problems and not reading.leftovers
    assert [f.source.path for f in reading.frames] == ["val2017/a.jpg"], (
        "label images are no frames"
    )
    anna, otto = (x for x in reading.labels if x.task == "detection")
    assert (anna.class_name, anna.box_xyxy, otto.box_xyxy) == (
        "person",
        (4, 2, 10, 6),
        (10, 2, 12, 6),
    )
    assert np.array_equal(decode_mask(anna.mask_rle, 24, 32), draw() == ANNA)
    assert np.array_equal(decode_mask(otto.mask_rle, 24, 32), draw() == OTTO)
    maps = {
        x.class_name: decode_mask(x.mask_rle, 24, 32)
        for x in reading.labels
        if x.task == "segmentation"
    }
    assert maps.keys() == {"person", "grass"}
    assert np.array_equal(maps["person"], np.isin(draw(), (ANNA, OTTO, CROWD)))
    assert np.array_equal(maps["grass"], draw() == GRASS)
    assert tallies(reading) == {
        ("val2017/a.jpg", "segmentation"): (2, 0, 0),
        ("val2017/a.jpg", "detection"): (2, 0, 1),
    }


def test_objects_of_an_instances_file_are_said_once(
    write_files, read_session, make_image
):
    whole = {
        "id": 1,
        "image_id": 0,
        "category_id": 1,
        "bbox": [4, 2, 8, 4],
        "iscrowd": 0,
    }
    instances = {
        "images": json.loads(document("a"))["images"],
        "annotations": [whole],
        "categories": CATEGORIES,
    }
    files = {
        "annotations/instances_val.json": json.dumps(instances),
        "annotations/panoptic_val.json": document("a"),
        "annotations/panoptic_val/a.png": png_of(draw()),
        "val/a.jpg": make_image(),
    }
    reading = read_session(write_files(files))
    assert not reading.problems
    assert [x.box_xyxy for x in reading.labels if x.task == "detection"] == [
        (4, 2, 12, 6)
    ]
    assert tallies(reading) == {
        ("val/a.jpg", "segmentation"): (2, 0, 0),
        ("val/a.jpg", "detection"): (1, 0, 0),
    }


@pytest.mark.parametrize(
    ("segments", "reason"),
    [
        (infos()[1:], "1 segments that segments_info does not list: [70000]"),
        ([*infos(), {"id": 5, "category_id": 1}], "segments that have no pixel: [5]"),
        (
            [*infos(), {"id": 3, "category_id": 1}],
            "the id 3: none, or one that is taken",
        ),
        (
            [{**infos()[0], "category_id": 8}, *infos()[1:]],
            "category_id 8 is not among",
        ),
        ("none", "no list of objects"),
    ],
)
def test_a_file_that_contradicts_its_label_image_costs_this_picture(
    write_files, read_session, make_image, segments, reason
):
    said = json.loads(document("a", "b"))
    said["annotations"][0]["segments_info"] = segments
    files = {"panoptic.json": json.dumps(said)}
    for n, x in enumerate("ab"):
        files |= {f"panoptic/{x}.png": png_of(draw()), f"images/{x}.jpg": make_image(n)}
    reading = read_session(write_files(files))
    (problem,) = reading.problems
    assert reason in problem.reason and "images/a.jpg" in problem.reason
    assert {x.frame_path for x in reading.labels} == {"images/b.jpg"}
    assert tallies(reading)["images/a.jpg", "detection"] == (0, 1, 0)
    assert tallies(reading)["images/a.jpg", "segmentation"] == (0, 1, 0)


def test_label_images_that_are_none_and_pictures_that_are_not_here(
    write_files, read_session, make_image
):
    files = {
        "panoptic.json": document("a", "b", "c", "d"),
        "panoptic/a.png": png_of(draw()[:12]),
        "panoptic/b.png": png_of(draw())[:90],
        "panoptic/d.png": png_of(draw()),
        **{f"images/{x}.jpg": make_image(n) for n, x in enumerate("abc")},
    }
    reading = read_session(write_files(files))
    assert not reading.labels
    told = [p.reason for p in reading.problems]
    assert len(told) == 4
    for reason, said in zip(
        told,
        (
            "there is no image 'd.jpg'",
            "images/a.jpg: labels were drawn on 32x12 px",
            "images/b.jpg: a label image that cannot be decoded",
            "images/c.jpg: there is no label image 'c.png'",
        ),
        strict=True,
    ):
        assert said in reason
    assert tallies(reading)["images/c.jpg", "segmentation"] == (0, 1, 0)


def test_a_turned_picture_gets_its_segments_as_it_is_stored(write_files, read_session):
    target = io.BytesIO()
    picture = Image.fromarray(np.zeros((24, 32, 3), np.uint8))
    exif = picture.getexif()
    exif[0x112] = 6
    picture.save(target, "JPEG", exif=exif)
    ids = np.full((32, 24), GRASS, np.uint32)
    ids[0, 0:2] = ANNA
    said = [infos()[0], infos()[1]]
    files = {
        "panoptic.json": document("a", segments=said),
        "panoptic/a.png": png_of(ids),
        "a.jpg": target.getvalue(),
    }
    reading = read_session(write_files(files))
    (anna,) = (x for x in reading.labels if x.task == "detection")
    # upright (x, y) is stored (y, 24 - x)
    assert anna.box_xyxy == (0, 22, 1, 24)
    assert np.argwhere(decode_mask(anna.mask_rle, 24, 32)).tolist() == [
        [22, 0],
        [23, 0],
    ]


def test_segments_of_one_picture_have_a_limit(
    write_files, read_session, make_image, lower
):
    files = {
        "panoptic.json": document("a"),
        "panoptic/a.png": png_of(draw()),
        "a.jpg": make_image(),
    }
    root = write_files(files)
    assert len(read_session(root).labels) == 4
    lower(coco_panoptic, MAX_SEGMENT_PIXELS=100)
    (problem,) = read_session(root).problems
    assert "more than 100 px together" in problem.reason
