"""LabelMe: shapes, groups, flags, and which picture they are of."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from assets.formats.observations import AnnotationObservation
from models.masks import decode_mask


def shape(
    kind: str | None, points: list[list[float]], label: object = "cup", **more: object
) -> dict[str, object]:
    return {"label": label, "points": points, "shape_type": kind, "flags": {}} | more


def sheet(
    *shapes: dict[str, object],
    image: str = "a.jpg",
    size: tuple[int, int] | None = (32, 24),
    **more: object,
) -> str:
    sizes = {"imageWidth": size[0], "imageHeight": size[1]} if size else {}
    return json.dumps(
        {
            "version": "5.5.0",
            "flags": {},
            "shapes": shapes,
            "imagePath": image,
            "imageData": None,
        }
        | sizes
        | more
    )


def png_of(mask: np.ndarray) -> str:
    target = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8)).save(target, "PNG")
    return base64.b64encode(target.getvalue()).decode()


BOX = shape("rectangle", [[10, 12], [4, 2.5]])


@pytest.fixture
def read_sheet(write_files, read_session, make_image):
    def read(*shapes: dict[str, object]):
        return read_session(
            write_files({"a.jpg": make_image(), "a.json": sheet(*shapes)})
        )

    return read


def look(reading) -> tuple[int, int, int]:
    (seen,) = reading.of(AnnotationObservation)
    return seen.num_labels, seen.num_missing, seen.num_ignored


def test_corners_in_any_order_are_a_box_without_a_mask(read_sheet):
    reading = read_sheet(BOX, shape("rectangle", [[1, 2], [5, 2], [5, 6], [1, 6]]))
    assert [p.reader for p in reading.plans] == ["labelme"] and not reading.problems
    assert [x.box_xyxy for x in reading.labels] == [(4, 2.5, 10, 12), (1, 2, 5, 6)]
    assert {x.mask_rle for x in reading.labels} == {None}


def test_polygon_circle_and_mask_cover_their_pixels(read_sheet):
    window = np.zeros((3, 4), bool)
    window[1, 1:3] = True
    reading = read_sheet(
        shape("polygon", [[2, 3], [8, 3], [8, 7], [2, 7]]),
        shape(None, [[2, 3], [8, 3], [8, 7]], label="old"),
        shape("circle", [[16, 12], [16, 7]], label="ball"),
        shape("mask", [[20, 5], [23, 7]], label="spot", mask=png_of(window)),
    )
    assert not reading.problems
    square, old, ball, spot = reading.labels
    pixels = decode_mask(square.mask_rle, 24, 32)
    assert (
        square.box_xyxy == (2, 3, 8, 7)
        and pixels.sum() == 24
        and pixels[3:7, 2:8].all()
    )
    assert old.box_xyxy == (2, 3, 8, 7)
    assert np.allclose(ball.box_xyxy, (11, 7, 21, 17))
    assert abs(decode_mask(ball.mask_rle, 24, 32).sum() - np.pi * 25) < 3
    assert spot.box_xyxy == (21, 6, 23, 7)
    assert np.argwhere(decode_mask(spot.mask_rle, 24, 32)).tolist() == [
        [6, 21],
        [6, 22],
    ]


def test_shapes_of_a_label_and_a_group_are_one_object(read_sheet):
    reading = read_sheet(
        shape("polygon", [[0, 0], [4, 0], [4, 4], [0, 4]], group_id=1),
        shape("polygon", [[8, 8], [12, 8], [12, 12], [8, 12]], group_id=1),
        shape("polygon", [[8, 8], [12, 8], [12, 12], [8, 12]], group_id=2),
        shape("polygon", [[20, 0], [24, 0], [24, 4], [20, 4]], label="mug", group_id=1),
        shape(
            "polygon", [[20, 8], [24, 8], [24, 12], [20, 12]], label="jug", group_id=7
        ),
        shape("rectangle", [[20, 16], [24, 20]], label="jug", group_id=7),
    )
    whole, single, mug, jug = reading.labels
    assert whole.box_xyxy == (0, 0, 12, 12)
    assert decode_mask(whole.mask_rle, 24, 32).sum() == 32
    assert single.box_xyxy == (8, 8, 12, 12) and mug.class_name == "mug"
    assert jug.box_xyxy == (20, 8, 24, 20) and jug.mask_rle is None
    assert whole.attributes == (("group_id", "1"),)
    assert look(reading) == (4, 0, 0)


def test_points_and_lines_are_no_object_and_unknown_shapes_are_missing(read_sheet):
    reading = read_sheet(
        BOX,
        shape("point", [[1, 1]]),
        shape("linestrip", [[1, 1], [2, 2], [3, 3]]),
        shape("cuboid", [[1, 1], [2, 2]]),
    )
    assert look(reading) == (1, 1, 2) and not reading.problems
    assert reading.plans[0].notes["labels not read: point"] == "1"
    assert reading.plans[0].notes["labels not read: cuboid"] == "1"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (shape("rectangle", [[1, 1]]), "a rectangle of 1 points"),
        (shape("polygon", [[1, 1], [2, 2]]), "a polygon of 4 numbers"),
        (shape("circle", [[1, 1], [1, 1]]), "radii"),
        (shape("rectangle", [[1, 1], ["2", 2]]), "no list of x and y"),
        (shape("rectangle", [[1, 1], [4, 4]], label=""), "no label"),
        (
            shape("mask", [[0, 0], [3, 3]], mask=png_of(np.ones((3, 4)))),
            "for a window of 4x4",
        ),
        (
            shape("mask", [[30, 0], [33, 2]], mask=png_of(np.ones((3, 4)))),
            "leaves the 32x24",
        ),
        (shape("mask", [[0, 0], [3, 2]], mask="no base64!"), "base64"),
        (shape("mask", [[0, 0], [3, 2]], mask="AAAA"), "no PNG"),
    ],
)
def test_a_shape_that_is_wrong_takes_its_picture_along(read_sheet, wrong, reason):
    reading = read_sheet(BOX, wrong)
    (problem,) = reading.problems
    assert problem.reason.startswith("shape 1: ") and reason in problem.reason
    assert look(reading) == (1, 1, 0)


def test_what_is_said_of_shapes_and_pictures(write_files, read_session, make_image):
    said = shape(
        "rectangle",
        [[1, 1], [4, 4]],
        flags={"occluded": True, "cut": False},
        description=" behind ",
    )
    files = {
        "a.jpg": make_image(0),
        "b.jpg": make_image(1),
        "a.json": sheet(said, flags={"indoor": True, "night": False}),
        "b.json": sheet(image="b.jpg"),
    }
    reading = read_session(write_files(files))
    flag, box = sorted(reading.labels, key=lambda x: x.task, reverse=True)
    assert (flag.task, flag.class_name, flag.box_xyxy) == (
        "recognition",
        "indoor",
        None,
    )
    assert box.attributes == (("occluded", "1"), ("description", "behind"))
    looked = {
        (a.frame_path, a.task): a.num_labels for a in reading.of(AnnotationObservation)
    }
    assert looked == {
        ("a.jpg", "detection"): 1,
        ("a.jpg", "recognition"): 1,
        ("b.jpg", "detection"): 0,
    }


def test_a_data_set_of_flags_alone_looks_for_no_objects(
    write_files, read_session, make_image
):
    files = {
        "a.jpg": make_image(0),
        "b.jpg": make_image(1),
        "a.json": sheet(flags={"cat": True}),
        "b.json": sheet(image="b.jpg", flags={"cat": False}),
    }
    reading = read_session(write_files(files))
    assert [(x.task, x.class_name) for x in reading.labels] == [("recognition", "cat")]
    assert {a.task for a in reading.of(AnnotationObservation)} == {"recognition"}


def test_labels_land_on_the_picture_at_the_stated_place_or_on_none(
    write_files, read_session, make_image
):
    files = {
        "cam_a/a.jpg": make_image(0),
        "cam_b/a.jpg": make_image(1),
        "cam_a/labels/a.json": sheet(BOX, image="..\\a.jpg"),
        "cam_b/labels/a.json": sheet(BOX, image="../a.jpg"),
        "cam_c/labels/a.json": sheet(BOX, image="../a.jpg"),
    }
    reading = read_session(write_files(files))
    assert {(x.frame_path, x.source.path) for x in reading.labels} == {
        ("cam_a/a.jpg", "cam_a/labels/a.json"),
        ("cam_b/a.jpg", "cam_b/labels/a.json"),
    }
    told = [p.source.path for p in reading.problems]
    told += [left.file.path for left in reading.leftovers]
    assert told == ["cam_c/labels/a.json"]


def test_a_renamed_picture_beside_its_file_is_found_and_another_one_contradicts(
    write_files, read_session, make_image
):
    files = {
        "a.jpg": make_image(0),
        "b.jpg": make_image(1),
        "c.jpg": make_image(2),
        "a.json": sheet(BOX, image="IMG_0001.JPG"),
        "b.json": sheet(BOX, image="c.jpg"),
    }
    reading = read_session(write_files(files))
    assert [x.frame_path for x in reading.labels] == ["a.jpg"]
    (problem,) = reading.problems
    assert problem.source.path == "b.json" and "which of the two" in problem.reason
    assert any(n.startswith("images found by the name") for n in reading.plans[0].notes)


def test_labels_of_an_upright_picture_are_turned_into_stored_pixels(
    write_files, read_session
):
    target = io.BytesIO()
    picture = Image.fromarray(np.zeros((24, 32, 3), np.uint8))
    exif = picture.getexif()
    exif[0x112] = 6
    picture.save(target, "JPEG", exif=exif)
    window = png_of(np.array([[1, 0]]))
    shapes = [BOX, shape("mask", [[0, 0], [1, 0]], label="spot", mask=window)]
    files = {
        "a.jpg": target.getvalue(),
        "b.jpg": target.getvalue(),
        "a.json": sheet(*shapes, size=(24, 32)),
        "b.json": sheet(BOX, image="b.jpg", size=(64, 64)),
    }
    reading = read_session(write_files(files))
    box, spot = reading.labels
    # upright (x, y) is stored (y, 24 - x)
    assert box.box_xyxy == (2.5, 14, 12, 20)
    assert spot.box_xyxy == (0, 23, 1, 24)
    assert np.argwhere(decode_mask(spot.mask_rle, 24, 32)).tolist() == [[23, 0]]
    assert [p.source.path for p in reading.problems] == ["b.json"]


def test_files_that_are_none_of_labelme(write_files, read_session, make_image):
    files = {
        "a.jpg": make_image(0),
        "a.json": sheet(BOX),
        "b.json": '{"shapes": 5, "imagePath": "a.jpg"}',
        "c.json": sheet(BOX)[:-9],
    }
    reading = read_session(write_files(files))
    assert len(reading.labels) == 1
    assert {p.source.path for p in reading.problems} == {"b.json", "c.json"}
