"""CVAT XML: shapes become boxes and masks, tracks become labels of frames, and what has no image is named."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.masks import decode_mask, encode_mask, encode_window
from tests.assets.formats.annotations.cvat_text import box_at
from tests.assets.formats.conftest import encode_turned

HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version><meta><task><id>1</id></task></meta>'
BOX = '<box label="car" source="manual" occluded="1" xtl="2.5" ytl="3" xbr="10" ybr="9.25" z_order="0">{}</box>'


def for_images(
    shapes: str, name: str = "a.jpg", size: str = 'width="32" height="24"'
) -> str:
    return f'{HEAD}<image id="0" name="{name}" {size}>{shapes}</image></annotations>'


def for_video(*tracks: str, meta: str = "") -> str:
    return f"{HEAD}{meta}{''.join(tracks)}</annotations>"


def test_boxes_tags_and_attributes(write_files, read_session, make_image):
    attribute = '<attribute name="colour">red</attribute>'
    xml = for_images(BOX.format(attribute) + '<tag label="dusk" source="manual"></tag>')
    reading = read_session(
        write_files({"annotations.xml": xml, "images/a.jpg": make_image()})
    )
    assert (
        [p.reader for p in reading.plans] == ["cvat"]
        and not reading.problems
        and len(reading.frames) == 1
    )
    box, tag = reading.labels
    assert (box.task, box.class_name, box.box_xyxy, box.mask_rle) == (
        "detection",
        "car",
        (2.5, 3, 10, 9.25),
        None,
    )
    assert box.attributes == (("colour", "red"), ("occluded", "1"))
    assert (tag.task, tag.class_name, tag.box_xyxy) == ("recognition", "dusk", None)
    assert {label.frame_path for label in reading.labels} == {"images/a.jpg"}


def test_a_polygon_has_a_box_around_it_and_a_mask(
    write_files, read_session, make_image
):
    xml = for_images('<polygon label="roof" points="2,3;6,3;6,8;2,8"/>')
    (label,) = read_session(write_files({"a.xml": xml, "a.jpg": make_image()})).labels
    assert label.box_xyxy == (2, 3, 6, 8)
    expected = np.zeros((24, 32), bool)
    expected[3:8, 2:6] = True
    assert (decode_mask(label.mask_rle, 24, 32) == expected).all()


def test_a_turned_box_becomes_the_box_around_it(write_files, read_session, make_image):
    xml = for_images(
        '<box label="car" rotation="90" xtl="8" ytl="8" xbr="16" ybr="12"/>'
    )
    (label,) = read_session(write_files({"a.xml": xml, "a.jpg": make_image()})).labels
    assert label.box_xyxy == pytest.approx((10, 6, 14, 14)), (
        "8x4 about its middle (12, 10) becomes 4x8"
    )
    assert decode_mask(label.mask_rle, 24, 32).sum() == pytest.approx(32, abs=12)


def test_a_mask_is_run_lengths_along_the_rows_of_a_window(
    write_files, read_session, make_image
):
    # window 3x2 at (5, 7), rows: .XX / X..   runs: 1 background, 3 object, 2 background
    xml = for_images(
        '<mask label="dirt" rle="1, 3, 2" left="5" top="7" width="3" height="2"/>'
    )
    (label,) = read_session(write_files({"a.xml": xml, "a.jpg": make_image()})).labels
    pixels = sorted(
        zip(
            *(
                axis.tolist()
                for axis in np.nonzero(decode_mask(label.mask_rle, 24, 32))
            ),
            strict=True,
        )
    )
    assert pixels == [(7, 6), (7, 7), (8, 5)]
    assert label.box_xyxy == (5, 7, 8, 9)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (
            '<box label="a" xtl="1" ytl="1" xbr="x" ybr="2"/>',
            "xbr is 'x', not a number",
        ),
        ('<box label="a" xtl="1" ytl="1" ybr="2"/>', "has no xbr"),
        ('<box label="a" xtl="nan" ytl="1" xbr="2" ybr="2"/>', "not a finite number"),
        ('<box xtl="1" ytl="1" xbr="2" ybr="2"/>', "has no label"),
        ('<polygon label="a" points="1,1;2"/>', "are not x,y;x,y"),
        ('<polygon label="a" points="1,1;2,2"/>', "a polygon of 4 numbers"),
        (
            '<mask label="a" rle="1,2" left="0" top="0" width="2" height="2"/>',
            "do not fill their window",
        ),
        (
            '<mask label="a" rle="4" left="0" top="0" width="2" height="2"/>',
            "without a pixel",
        ),
        (
            '<mask label="a" rle="0,4" left="31" top="0" width="2" height="2"/>',
            "leaves the 32x24 image",
        ),
    ],
)
def test_a_shape_that_makes_no_sense_is_named_and_its_neighbour_read(
    write_files, read_session, make_image, shape, reason
):
    reading = read_session(
        write_files(
            {"a.xml": for_images(shape + BOX.format("")), "a.jpg": make_image()}
        )
    )
    assert [label.class_name for label in reading.labels] == ["car"]
    assert len(reading.problems) == 1 and reason in reading.problems[0].reason


def test_a_window_of_any_place_and_size_encodes_as_the_whole_mask_does():
    rng = np.random.default_rng(2)
    for _ in range(200):
        width, height = (int(side) for side in rng.integers(1, 9, 2))
        x0, y0 = int(rng.integers(width)), int(rng.integers(height))
        x1 = int(rng.integers(x0 + 1, width + 1))
        y1 = int(rng.integers(y0 + 1, height + 1))
        mask = np.zeros((height, width), bool)
        mask[y0:y1, x0:x1] = rng.random((y1 - y0, x1 - x0)) < rng.choice([0.3, 1.0])
        assert encode_window(
            mask[y0:y1, x0:x1], x0, y0, (width, height)
        ) == encode_mask(mask)


def test_what_has_no_area_is_counted(write_files, read_session, make_image):
    xml = for_images(
        '<points label="p" points="1,1"/><polyline label="p" points="1,1;2,2"/><points label="p" points="2,2"/>'
    )
    reading = read_session(write_files({"a.xml": xml, "a.jpg": make_image()}))
    assert reading.plans[0].notes == {
        "labels not read from a.xml: points": "2",
        "labels not read from a.xml: polyline": "1",
        "images without labels": "1: a.jpg",
    }
    assert reading.looked_at(below="images/") == {"a.jpg": (0, 0, 3)}


def test_images_without_file_and_files_without_annotation_are_reported(
    write_files, read_session, make_image
):
    xml = for_images(BOX.format(""), name="gone.jpg")
    reading = read_session(write_files({"a.xml": xml, "b.jpg": make_image()}))
    assert [p.reason for p in reading.problems] == ["there is no image 'gone.jpg'"]
    assert reading.plans[0].notes["images that no annotation names"] == "1: b.jpg"
    assert len(reading.frames) == 1 and not reading.labels


def test_labels_drawn_on_another_size_are_refused(
    write_files, read_session, make_image
):
    xml = for_images(BOX.format(""), size='width="64" height="48"')
    reading = read_session(write_files({"a.xml": xml, "a.jpg": make_image()}))
    assert (
        "drawn on 64x48 px, a.jpg has 32x24" in reading.problems[0].reason
        and not reading.labels
    )


def frames(make_image, count: int) -> dict[str, bytes]:
    return {
        f"images/frame_{n:06d}.PNG": make_image(n, ending=".png") for n in range(count)
    }


def test_a_track_leaves_out_frames_that_are_outside_and_fills_gaps(
    write_files, read_session, make_image
):
    track = f'<track id="7" label="dog">{box_at(0, 0)}{box_at(4, 8)}{box_at(5, 8, outside=1)}</track>'
    reading = read_session(
        write_files({"annotations.xml": for_video(track), **frames(make_image, 7)})
    )
    found = [
        (label.frame_path[-10:-4], label.track_id, label.box_xyxy)
        for label in reading.labels
    ]
    assert found == [(f"{n:06d}", 7, (2.0 * n, 1, 2.0 * n + 4, 5)) for n in range(5)], (
        "2 px a frame; gone in frame 5"
    )
    assert (
        reading.plans[0].notes[
            "annotations.xml: boxes interpolated between listed frames"
        ]
        == "3"
    )
    assert [label.origin for label in reading.labels] == [
        "imported",
        *["interpolated"] * 3,
        "imported",
    ]
    assert not reading.problems


def test_frames_of_a_track_without_images_are_one_problem(
    write_files, read_session, make_image
):
    track = f'<track id="0" label="dog">{box_at(0, 0)}{box_at(900, 8)}{box_at(901, 8)}</track>'
    reading = read_session(
        write_files({"a.xml": for_video(track), **frames(make_image, 1)})
    )
    assert len(reading.labels) == 1
    assert [p.reason for p in reading.problems] == [
        "tracks speak of frames that have no image here, 2: frame 900, frame 901"
    ]


def test_the_size_of_a_video_task_counts(write_files, read_session, make_image):
    meta = "<meta><task><original_size><width>640</width><height>480</height></original_size></task></meta>"
    track = f'<track id="0" label="dog">{box_at(0, 0)}</track>'
    reading = read_session(
        write_files({"a.xml": for_video(track, meta=meta), **frames(make_image, 1)})
    )
    assert "drawn on 640x480" in reading.problems[0].reason


def test_a_document_type_definition_is_refused(write_files, read_session, make_image):
    xml = "<!DOCTYPE annotations>" + for_images(BOX.format("")).split("\n", 1)[1]
    reading = read_session(write_files({"a.xml": xml, "a.jpg": make_image()}))
    assert (
        "XML that cannot be read" in reading.problems[0].reason
        and len(reading.frames) == 1
        and not reading.labels
    )


def test_a_cut_file_costs_its_labels_and_nothing_else(
    write_files, read_session, make_image
):
    xml = for_images(BOX.format(""))[:-20]
    reading = read_session(write_files({"a.xml": xml, "a.jpg": make_image()}))
    assert len(reading.frames) == 1 and len(reading.problems) == 1


# ---- shapes with an extent -------------------------------------------------------------------------------------------


def test_corners_in_the_other_order_and_what_else_is_said(
    write_files, read_session, make_image
):
    xml = for_images(
        '<box label="car" occluded="True" xtl="10" ytl="9" xbr="2" ybr="3" z_order="2" group_id="7"/>'
    )
    (label,) = read_session(write_files({"a.xml": xml, "a.jpg": make_image()})).labels
    assert label.box_xyxy == (2, 3, 10, 9)
    assert label.attributes == (("occluded", "1"), ("z_order", "2"), ("group_id", "7"))


@pytest.mark.parametrize(
    ("rotation", "box"), [("0.0", (8, 8, 24, 16)), ("90", (12, 4, 20, 20))]
)
def test_an_ellipse_has_the_box_around_it_and_a_mask(
    write_files, read_session, make_image, rotation, box
):
    xml = for_images(
        f'<ellipse label="cell" cx="16" cy="12" rx="8" ry="4" rotation="{rotation}"/>'
    )
    (label,) = read_session(write_files({"a.xml": xml, "a.jpg": make_image()})).labels
    assert label.box_xyxy == pytest.approx(box)
    assert decode_mask(label.mask_rle, 24, 32).sum() == pytest.approx(
        math.pi * 8 * 4, abs=8
    )


def test_the_box_around_an_ellipse_that_is_turned_by_an_eighth(
    write_files, read_session, make_image
):
    xml = for_images(
        '<ellipse label="cell" cx="16" cy="12" rx="8" ry="6" rotation="45"/>'
    )
    (label,) = read_session(write_files({"a.xml": xml, "a.jpg": make_image()})).labels
    half = math.sqrt((8**2 + 6**2) / 2)  # 7.07 in both directions
    assert label.box_xyxy == pytest.approx((16 - half, 12 - half, 16 + half, 12 + half))


CUBOID = (
    '<cuboid label="van" xtl1="4" ytl1="6" xbl1="4" ybl1="14" xtr1="12" ytr1="6" xbr1="12" ybr1="14" '
    'xtl2="20" ytl2="3" xbl2="20" ybl2="11" xtr2="15" ytr2="4" xbr2="15" ybr2="10"/>'
)


def test_a_cuboid_has_the_box_around_its_corners(write_files, read_session, make_image):
    (label,) = read_session(
        write_files({"a.xml": for_images(CUBOID), "a.jpg": make_image()})
    ).labels
    assert (label.class_name, label.box_xyxy, label.mask_rle) == (
        "van",
        (4, 3, 20, 14),
        None,
    )


def skeleton(*points: tuple[float, float, int, int], more: str = "") -> str:
    """(x, y, occluded, outside) each."""
    named = zip(["left eye", "nose", "tail"], points, strict=False)
    texts = [
        f'<points label="{name}" outside="{outside}" occluded="{occluded}" points="{x},{y}"/>'
        for name, (x, y, occluded, outside) in named
    ]
    return f'<skeleton {more} z_order="0">{"".join(texts)}</skeleton>'


def test_a_skeleton_has_the_box_around_its_visible_points_and_keeps_them(
    write_files, read_session, make_image
):
    xml = for_images(
        skeleton((4, 5, 0, 0), (10, 9, 1, 0), (30, 20, 0, 1), more='label="cat"')
    )
    (label,) = read_session(write_files({"a.xml": xml, "a.jpg": make_image()})).labels
    assert (label.class_name, label.box_xyxy) == ("cat", (4, 5, 10, 9))
    assert label.attributes == (
        ("keypoints", "4 5 2 10 9 1 0 0 0"),
        ("keypoint_names", "left_eye nose tail"),
    )


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (skeleton((4, 5, 0, 1), more='label="cat"'), "without a visible point"),
        (skeleton((4, 5, 0, 0), (9, 5, 0, 0), more='label="cat"'), "enclose no area"),
        (
            '<ellipse label="a" cx="5" cy="5" rx="0" ry="3"/>',
            "an ellipse with the radii 0 and 3",
        ),
        ('<cuboid label="a" xtl1="4"/>', "has no ytl1"),
        ('<cube label="a"/>', None),
    ],
)
def test_an_object_that_is_no_label_is_missing_in_its_picture(
    write_files, read_session, make_image, shape, reason
):
    reading = read_session(
        write_files(
            {"a.xml": for_images(shape + BOX.format("")), "a.jpg": make_image()}
        )
    )
    assert reading.looked_at(below="images/") == {"a.jpg": (1, 1, 0)}
    assert [reason in problem.reason for problem in reading.problems] == (
        [True] if reason else []
    )
    assert ("labels not read from a.xml: cube" in reading.plans[0].notes) == (
        reason is None
    )


# ---- who looked at what ----------------------------------------------------------------------------------------------


def for_all(*images: str) -> str:
    return f"{HEAD}{''.join(images)}</annotations>"


def image(
    name: str, shapes: str = "", number: int = 0, more: str = 'width="32" height="24"'
) -> str:
    return f'<image id="{number}" name="{name}" {more}>{shapes}</image>'


def test_an_image_without_a_shape_is_a_negative(write_files, read_session, make_image):
    xml = for_all(image("a.jpg", BOX.format("")), image("b.jpg"))
    pictures = {f"images/{n}.jpg": make_image(k) for k, n in enumerate("abc")}
    reading = read_session(write_files({"a.xml": xml, **pictures}))
    assert reading.looked_at(below="images/") == {
        "a.jpg": (1, 0, 0),
        "b.jpg": (0, 0, 0),
    }, "nobody looked at c"
    assert (
        reading.plans[0].notes["images that no annotation names"] == "1: images/c.jpg"
    )


def test_a_file_of_tags_alone_has_looked_for_no_object(
    write_files, read_session, make_image
):
    xml = for_all(image("a.jpg", '<tag label="dusk"/>'), image("b.jpg"))
    reading = read_session(
        write_files({"a.xml": xml, "a.jpg": make_image(1), "b.jpg": make_image(2)})
    )
    assert reading.looked_at(below="images/") == {}
    assert reading.looked_at("recognition", below="images/") == {
        "a.jpg": (1, 0, 0),
        "b.jpg": (0, 0, 0),
    }


def test_a_picture_of_another_size_lacks_its_objects(
    write_files, read_session, make_image
):
    xml = for_images(BOX.format("") * 2, size='width="64" height="48"')
    reading = read_session(write_files({"a.xml": xml, "a.jpg": make_image()}))
    assert (
        reading.looked_at(below="images/") == {"a.jpg": (0, 2, 0)}
        and len(reading.problems) == 1
    )


def test_no_stated_size_is_no_contradiction(write_files, read_session, make_image):
    xml = for_images(BOX.format(""), size='width="0" height="0"')
    assert (
        len(read_session(write_files({"a.xml": xml, "a.jpg": make_image()})).labels)
        == 1
    )


def test_two_files_that_say_the_same_are_one(write_files, read_session, make_image):
    files = {
        "a.xml": for_images(BOX.format("")),
        "b.xml": for_images(BOX.format("")),
        "a.jpg": make_image(),
    }
    reading = read_session(write_files(files))
    assert len(reading.labels) == 1 and reading.looked_at(below="images/") == {
        "a.jpg": (1, 0, 0)
    }


def test_a_folder_of_the_name_has_to_agree(write_files, read_session, make_image):
    xml = for_all(
        image("cam_a/x.jpg", BOX.format("")),
        image("cam_b/x.jpg", BOX.format("") * 3, 1),
    )
    reading = read_session(
        write_files({"annotations.xml": xml, "images/cam_a/x.jpg": make_image()})
    )
    assert (
        len(reading.labels) == 1
        and "there is no image 'cam_b/x.jpg'" in reading.problems[0].reason
    )


def test_a_subset_tells_pictures_of_one_name_apart(
    write_files, read_session, make_image
):
    size = 'width="32" height="24"'
    xml = for_all(
        image("x.jpg", BOX.format(""), more=f'subset="Train" {size}'),
        image("x.jpg", more=f'subset="Test" {size}'),
    )
    pictures = {
        f"images/{subset}/x.jpg": make_image(n)
        for n, subset in enumerate(("Train", "Test"))
    }
    reading = read_session(write_files({"annotations.xml": xml, **pictures}))
    assert (
        reading.looked_at(below="images/")
        == {"Train/x.jpg": (1, 0, 0), "Test/x.jpg": (0, 0, 0)}
        and not reading.problems
    )


# ---- pictures that are shown upright ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("orientation", "size", "box"),
    [
        (1, (32, 24), (2, 3, 6, 8)),
        (6, (24, 32), (3, 18, 8, 22)),  # (x, y) seen is (y, 24 - x) stored
        (3, (32, 24), (26, 16, 30, 21)),  # (32 - x, 24 - y)
        (6, (32, 24), (2, 3, 6, 8)),  # the size says: as stored
    ],
)
@pytest.mark.parametrize(
    "shape",
    [
        '<box label="a" xtl="2" ytl="3" xbr="6" ybr="8"/>',
        '<polygon label="a" points="2,3;6,3;6,8;2,8"/>',
        '<mask label="a" rle="0,20" left="2" top="3" width="4" height="5"/>',
        skeleton((2, 3, 0, 0), (6, 8, 0, 0), more='label="a"'),
    ],
)
def test_shapes_lie_on_the_stored_pixels(
    write_files, read_session, shape, orientation, size, box
):
    xml = for_images(shape, size=f'width="{size[0]}" height="{size[1]}"')
    (label,) = read_session(
        write_files({"a.xml": xml, "a.jpg": encode_turned(orientation)})
    ).labels
    assert label.box_xyxy == box
    if label.mask_rle:
        x0, y0, x1, y1 = box
        mask = decode_mask(label.mask_rle, 24, 32)
        assert mask[y0:y1, x0:x1].all() and mask.sum() == 20


def test_a_turned_mask_keeps_its_form(write_files, read_session):
    # 3 x 2 at (5, 7) of the upright 24 x 32: .XX / X..   pixel (x, y) seen is pixel (y, 23 - x) stored
    xml = for_images(
        '<mask label="a" rle="1,3,2" left="5" top="7" width="3" height="2"/>',
        size='width="24" height="32"',
    )
    (label,) = read_session(
        write_files({"a.xml": xml, "a.jpg": encode_turned(6)})
    ).labels
    rows, columns = np.nonzero(decode_mask(label.mask_rle, 24, 32))
    assert sorted(zip(columns.tolist(), rows.tolist(), strict=True)) == [
        (7, 16),
        (7, 17),
        (8, 18),
    ]
    assert label.box_xyxy == (7, 16, 9, 19)


def test_keypoints_are_turned_with_their_picture(write_files, read_session):
    xml = for_images(
        skeleton((2, 3, 0, 0), (6, 8, 0, 0), more='label="a"'),
        size='width="24" height="32"',
    )
    (label,) = read_session(
        write_files({"a.xml": xml, "a.jpg": encode_turned(6)})
    ).labels
    assert dict(label.attributes)["keypoints"] == "3 22 2 8 18 2"
