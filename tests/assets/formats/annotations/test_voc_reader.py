"""Pascal VOC datasets."""

from __future__ import annotations

from collections import Counter

import pytest

from assets.formats.observations import AnnotationObservation


def make_xml(
    objects: list[tuple[str, tuple[object, object, object, object]]], filename: str = ""
) -> str:
    items = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{b[0]}</xmin><ymin>{b[1]}</ymin><xmax>{b[2]}</xmax><ymax>{b[3]}</ymax>"
        "</bndbox></object>"
        for name, b in objects
    )
    return f"<annotation><filename>{filename}</filename>{items}</annotation>"


def test_boxes_keep_their_numbers_also_without_area_or_outside(
    write_files, read_session, make_image
):
    boxes = [
        ("cell", (1, 2, 10, 20)),
        ("cell", (5, 5, 5, 9)),
        ("cell", (-3, 0, 999, 7.5)),
        ("cell", (1, 2, 11, 20)),
    ]
    root = write_files(
        {"Annotations/a.xml": make_xml(boxes), "JPEGImages/a.jpg": make_image()}
    )
    reading = read_session(root)
    assert not reading.problems
    assert [label.box_xyxy for label in reading.labels] == [
        tuple(map(float, box)) for _, box in boxes
    ]
    assert [label.index for label in reading.labels] == [0, 1, 2, 3], (
        "two equal boxes stay two labels"
    )
    assert {label.frame_path for label in reading.labels} == {"JPEGImages/a.jpg"}
    assert {label.source.path for label in reading.labels} == {"Annotations/a.xml"}


def test_split_lists(write_files, read_session, make_image):
    files = {f"JPEGImages/{n}.jpg": make_image(i) for i, n in enumerate("abcd")}
    files |= {f"Annotations/{n}.xml": make_xml([("x", (0, 0, 1, 1))]) for n in "abcd"}
    lists = {
        "train": "a\nd\n",
        "val": "b\nd\n",
        "trainval": "a\nb\n",
        "test": "c\nghost\n",
        "x_train": "a 1\n",
    }
    root = write_files(
        files | {f"ImageSets/Main/{name}.txt": text for name, text in lists.items()}
    )
    reading = read_session(root)
    hints = {f.source.path[-5]: f.split_hint for f in reading.frames}
    assert hints == {"a": "train", "b": "val", "c": "test", "d": None}
    assert {(p.source.path, p.reason) for p in reading.problems} == {
        ("ImageSets/Main/test.txt", "lists images that are not there, 1: ghost"),
        ("ImageSets/Main/val.txt", "lists images that another split lists too, 1: d"),
    }


def test_damaged_xml_costs_its_labels_and_nothing_else(
    write_files, read_session, make_image
):
    files = {
        "a.xml": make_xml([("x", (0, 0, 1, 1))]),
        "b.xml": "<annotation><object>",
        "c.xml": "<!DOCTYPE annotation><annotation></annotation>",
        "d.xml": make_xml(
            [("x", ("nan", 0, 1, 1)), ("y", (0, 0, 2, 2)), ("", (0, 0, 1, 1))]
        ),
        "e.xml": make_xml([]),
        "orphan.xml": make_xml([("x", (0, 0, 1, 1))]),
    }
    root = write_files(
        {f"Annotations/{n}": t for n, t in files.items()}
        | {f"JPEGImages/{n}.jpg": make_image() for n in "abcdef"}
    )
    reading = read_session(root)
    assert len(reading.frames) == 6
    assert [(label.source.path, label.class_name) for label in reading.labels] == [
        ("Annotations/a.xml", "x"),
        ("Annotations/d.xml", "y"),
    ]
    assert Counter(p.source.path for p in reading.problems) == {
        "Annotations/b.xml": 1,
        "Annotations/c.xml": 1,
        "Annotations/d.xml": 2,
        "Annotations/orphan.xml": 1,
    }
    assert reading.plans[0].notes["images without labels"].startswith("4: ")


@pytest.mark.parametrize("folder", ["images", "."])
def test_other_places_for_pictures(write_files, read_session, make_image, folder):
    xml = "annotations/a.xml" if folder == "images" else "a.xml"
    root = write_files(
        {xml: make_xml([("x", (0, 0, 1, 1))]), f"{folder}/a.jpg": make_image()}
    )
    reading = read_session(root)
    assert [p.reader for p in reading.plans] == ["voc"] and len(reading.labels) == 1


def test_xml_of_another_kind_is_left_over(write_files, read_session, make_image):
    root = write_files(
        {"stereo_calib.xml": "<opencv_storage/>", "left01.jpg": make_image()}
    )
    reading = read_session(root)
    assert [p.reader for p in reading.plans] == ["image_folder"]
    assert [left.file.path for left in reading.leftovers] == ["stereo_calib.xml"]


def test_bccd(real_data, read_session):
    reading = read_session(real_data("detection/bccd_voc"))
    assert len(reading.frames) == 364 and not reading.problems
    assert Counter(label.class_name for label in reading.labels) == {
        "RBC": 4155,
        "WBC": 372,
        "Platelets": 361,
    }
    assert Counter(f.split_hint for f in reading.frames) == {
        "train": 205,
        "val": 87,
        "test": 72,
    }
    boxes = [(label.source.path, label.box_xyxy) for label in reading.labels]
    no_area = {path for path, b in boxes if b[2] <= b[0] or b[3] <= b[1]}
    assert no_area == {
        "Annotations/BloodImage_00338.xml",
        "Annotations/BloodImage_00343.xml",
    }
    assert [left.file.path for left in reading.leftovers if not left.is_document] == []


def sheet_of(objects: str = "", filename: str = "a.jpg", size: str = "") -> str:
    return f"<annotation><filename>{filename}</filename>{size}{objects}</annotation>"


BOX = "<bndbox><xmin>2</xmin><ymin>3</ymin><xmax>12</xmax><ymax>8</ymax></bndbox>"
OBJECT = f"<object><name>cell</name>{{}}{BOX}</object>"


def test_a_picture_without_an_object_was_looked_at(
    write_files, read_session, make_image
):
    files = {
        "Annotations/a.xml": sheet_of(),
        "JPEGImages/a.jpg": make_image(),
        "JPEGImages/b.jpg": make_image(1),
    }
    reading = read_session(write_files(files))
    assert [
        (a.frame_path, a.num_labels) for a in reading.of(AnnotationObservation)
    ] == [("JPEGImages/a.jpg", 0)]


@pytest.mark.parametrize(("width", "height"), [(0, 0), ("", "")])
def test_no_size_is_no_contradiction(
    write_files, read_session, make_image, width, height
):
    size = f"<size><width>{width}</width><height>{height}</height></size>"
    files = {
        "Annotations/a.xml": sheet_of(OBJECT.format(""), size=size),
        "JPEGImages/a.jpg": make_image(),
    }
    assert len(read_session(write_files(files)).labels) == 1


def test_boxes_of_a_larger_original_are_refused(write_files, read_session, make_image):
    size = "<size><width>64</width><height>48</height></size>"
    files = {
        "Annotations/a.xml": sheet_of(OBJECT.format(""), size=size),
        "JPEGImages/a.jpg": make_image(),
    }
    reading = read_session(write_files(files))
    assert not reading.labels and "drawn on 64x48 px" in reading.problems[0].reason
    assert [a.num_missing for a in reading.of(AnnotationObservation)] == [1]


def test_flags_are_attributes(write_files, read_session, make_image):
    flags = "<difficult>1</difficult><truncated>0</truncated>"
    files = {
        "Annotations/a.xml": sheet_of(OBJECT.format(flags)),
        "JPEGImages/a.jpg": make_image(),
    }
    assert [label.attributes for label in read_session(write_files(files)).labels] == [
        (("difficult", "1"),)
    ]


def test_a_sheet_that_names_another_picture_is_refused(
    write_files, read_session, make_image
):
    files = {f"JPEGImages/{name}.jpg": make_image(n) for n, name in enumerate("ab")}
    files["Annotations/a.xml"] = sheet_of(OBJECT.format(""), filename="b.jpg")
    reading = read_session(write_files(files))
    assert not reading.labels and "which of the two?" in reading.problems[0].reason


def test_lists_of_sub_folders_and_with_a_byte_order_mark(
    write_files, read_session, make_image
):
    files = {
        f"JPEGImages/cam_{c}/{n}.jpg": make_image(n) for c in "ab" for n in range(2)
    }
    files |= {
        f"Annotations/cam_{c}/{n}.xml": sheet_of(OBJECT.format(""), f"{n}.jpg")
        for c in "ab"
        for n in range(2)
    }
    lists = {
        "ImageSets/Main/trainval.txt": "cam_a/0\ncam_a/1\ncam_b/0\n",
        "ImageSets/Main/test.txt": b"\xef\xbb\xbfcam_b/1\n",
    }
    reading = read_session(write_files(files | lists))
    assert not reading.problems and len(reading.labels) == 4
    assert {f.source.path: f.split_hint for f in reading.frames} == {
        "JPEGImages/cam_a/0.jpg": "train",
        "JPEGImages/cam_a/1.jpg": "train",
        "JPEGImages/cam_b/0.jpg": "train",
        "JPEGImages/cam_b/1.jpg": "test",
    }


def test_an_annotation_without_its_picture_says_so(write_files, read_session):
    (left,) = read_session(
        write_files({"Annotations/a.xml": sheet_of(OBJECT.format(""))})
    ).leftovers
    assert "the reader voc found no image of its name" in left.reason


@pytest.mark.parametrize("folder", ["annots", "labels_xml", "xmls_v2"])
def test_a_folder_of_sheets_may_have_any_name(
    write_files, read_session, make_image, folder
):
    files = {
        f"{folder}/a.xml": sheet_of(OBJECT.format("")),
        "images/a.jpg": make_image(),
    }
    assert [label.frame_path for label in read_session(write_files(files)).labels] == [
        "images/a.jpg"
    ]


def test_sheets_named_otherwise_than_their_pictures_are_found_by_what_they_say(
    write_files, read_session, make_image
):
    files = {
        "Annotations/ann_0.xml": sheet_of(OBJECT.format(""), "a.jpg"),
        "JPEGImages/a.jpg": make_image(),
    }
    assert [label.frame_path for label in read_session(write_files(files)).labels] == [
        "JPEGImages/a.jpg"
    ]
