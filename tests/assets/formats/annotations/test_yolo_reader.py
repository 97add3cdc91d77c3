"""YOLO datasets, with one label tree or several."""

from __future__ import annotations

import io
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image
from pycocotools import mask as reference

from assets.formats.annotations.yolo_labels import RowError, parse_rows
from assets.formats.observations import AnnotationObservation

# pycocotools 2.0.11 decodes through an array interface that numpy 2 warns about
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)

NAMES = "path: .\nnames:\n  0: cat\n  1: dog\n"


def test_boxes_in_shares_become_pixels(write_files, read_session, make_image):
    text = "0 0.5 0.5 0.25 0.5\n\n1 0.5 0.5 0 0.5\r\n"
    root = write_files(
        {
            "data.yaml": NAMES,
            "images/train/a.jpg": make_image(),
            "labels/train/a.txt": text,
        }
    )
    reading = read_session(root)
    assert (
        [p.reader for p in reading.plans] == ["yolo"]
        and not reading.problems
        and not reading.leftovers
    )
    # 32x24 px: 0.5 * 32 -+ 0.25 * 32 / 2 = 12, 20; 0.5 * 24 -+ 0.5 * 24 / 2 = 6, 18
    assert [(x.class_name, x.box_xyxy) for x in reading.labels] == [
        ("cat", (12, 6, 20, 18)),
        ("dog", (16, 6, 16, 18)),
    ]
    assert [
        text.encode()[x.source.offset :][: x.source.length] for x in reading.labels
    ] == [
        b"0 0.5 0.5 0.25 0.5",
        b"1 0.5 0.5 0 0.5",
    ]
    assert reading.frames[0].split_hint == "train"


def test_an_image_without_label_file_is_noted_and_nothing_is_invented(
    write_files, read_session, make_image
):
    files = {
        "data.yaml": NAMES,
        "images/a.jpg": make_image(1),
        "images/b.jpg": make_image(2),
        "images/c.jpg": make_image(3),
    }
    reading = read_session(
        write_files(files | {"labels/a.txt": "0 .5 .5 .1 .1", "labels/c.txt": ""})
    )
    assert (
        len(reading.frames) == 3 and len(reading.labels) == 1 and not reading.problems
    )
    assert (
        reading.plans[0].notes["images without a label file in labels"]
        == "1: images/b.jpg"
    )


def test_bad_rows_are_named_by_their_place(write_files, read_session, make_image):
    rows = [
        "0 .5 .5 .1 .1",
        "9 .5 .5 .1 .1",
        "0 .5 .5",
        "0 .5 .5 .1 .1 .9",
        "x 1 2 3 4",
        "0 nan .5 .1 .1",
        "1 .5 .5 .1 .1",
    ]
    root = write_files(
        {
            "data.yaml": NAMES,
            "images/a.jpg": make_image(),
            "labels/a.txt": "\n".join(rows),
            "labels/z.txt": rows[0],
        }
    )
    reading = read_session(root)
    assert [label.class_name for label in reading.labels] == ["cat", "dog"]
    found = [(p.source.path, p.source.offset) for p in reading.problems]
    assert found == [
        ("labels/a.txt", 14),
        ("labels/a.txt", 28),
        ("labels/a.txt", 36),
        ("labels/a.txt", 53),
        ("labels/a.txt", 63),
        ("labels/z.txt", 0),
    ]
    assert (
        "class 9 has no name" in reading.problems[0].reason
        and "there is no image" in reading.problems[-1].reason
    )


def test_polygons_alone_are_detections_with_masks(
    write_files, read_session, make_image
):
    root = write_files(
        {
            "data.yaml": NAMES,
            "images/a.jpg": make_image(),
            "labels/a.txt": "1 .25 .25 .5 .25 .5 .5 .25 .5",
        }
    )
    (label,) = read_session(root).labels
    assert (label.task, label.class_name, label.box_xyxy) == (
        "detection",
        "dog",
        (8, 6, 16, 12),
    )
    assert reference.decode({"size": [24, 32], "counts": label.mask_rle}).sum() == 8 * 6


def test_polygons_beside_boxes_do_not_count_twice(
    write_files, read_session, make_image
):
    root = write_files(
        {
            "images/train2017/a.jpg": make_image(),
            "boxes/config.yaml": NAMES,
            "boxes/labels/train2017/a.txt": "0 .5 .5 .5 .5",
            "shapes/config.yaml": "names:\n  5: cat\n",
            "shapes/labels/train2017/a.txt": "5 .25 .25 .5 .25 .5 .5",
        }
    )
    reading = read_session(root)
    assert len(reading.plans) == 1 and len(reading.frames) == 1 and not reading.problems
    assert {(label.task, label.class_name) for label in reading.labels} == {
        ("detection", "cat"),
        ("segmentation", "cat"),
    }


def test_split_folders_above_images_and_labels(write_files, read_session, make_image):
    files = {"data.yaml": "names: [cat, dog]\n"}
    for split, seed in (("train", 1), ("valid", 2)):
        files |= {
            f"{split}/images/a.jpg": make_image(seed),
            f"{split}/labels/a.txt": f"{seed - 1} .5 .5 .5 .5",
        }
    reading = read_session(write_files(files))
    assert len(reading.plans) == 1 and not reading.problems
    assert {(label.frame_path, label.class_name) for label in reading.labels} == {
        ("train/images/a.jpg", "cat"),
        ("valid/images/a.jpg", "dog"),
    }
    assert {f.split_hint for f in reading.frames} == {"train", "val"}


def test_labels_beside_images_with_a_list_of_classes(
    write_files, read_session, make_image
):
    reading = read_session(
        write_files(
            {
                "classes.txt": "cat\ndog\n",
                "a.jpg": make_image(),
                "a.txt": "1 .5 .5 .5 .5",
            }
        )
    )
    assert [label.class_name for label in reading.labels] == [
        "dog"
    ] and not reading.leftovers


def test_without_names_the_ids_are_the_names(write_files, read_session, make_image):
    reading = read_session(
        write_files({"images/a.jpg": make_image(), "labels/a.txt": "3 .5 .5 .5 .5"})
    )
    assert [label.class_name for label in reading.labels] == ["3"]
    assert "class names of labels" in reading.plans[0].notes


@pytest.mark.parametrize(
    "yaml", ["names: {a: cat}\n", "names:\n", "names: [\n", "names: &a [*a]\n"]
)
def test_names_that_cannot_be_read_are_a_problem(
    write_files, read_session, make_image, yaml
):
    reading = read_session(
        write_files(
            {
                "data.yaml": yaml,
                "images/a.jpg": make_image(),
                "labels/a.txt": "0 .5 .5 .5 .5",
            }
        )
    )
    assert [p.source.path for p in reading.problems] == ["data.yaml"] and len(
        reading.frames
    ) == 1


def test_an_image_that_is_none_costs_its_labels(write_files, read_session):
    reading = read_session(
        write_files(
            {
                "data.yaml": NAMES,
                "images/a.jpg": b"nothing",
                "labels/a.txt": "0 .5 .5 .5 .5",
            }
        )
    )
    assert not reading.labels and {p.source.path for p in reading.problems} == {
        "images/a.jpg",
        "labels/a.txt",
    }


def test_coco40(real_data, read_session):
    reading = read_session(real_data("detection/coco40_yolo"))
    assert len(reading.frames) == 40 and not reading.problems
    boxes = [label for label in reading.labels if label.task == "detection"]
    shapes = [label for label in reading.labels if label.task == "segmentation"]
    assert (len(boxes), len(shapes)) == (282, 286)
    # one image has no box file and an empty polygon file
    assert (
        len({label.frame_path for label in boxes}) == 39
        and len({label.frame_path for label in shapes}) == 39
    )
    per_class = [
        Counter(label.class_name for label in labels) for labels in (boxes, shapes)
    ]
    assert per_class[0]["person"] == 106 and per_class[1]["person"] == 109, (
        "own ids, same names"
    )
    note = reading.plans[0].notes[
        "images without a label file in object_detection/labels"
    ]
    assert note == "1: images/train2017/000000000250.jpg"
    assert len(reading.leftovers) == 41, (
        "40 masks and their configuration have no reader"
    )


def copy_coco40(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


def test_coco40_names_of_both_trees_agree_though_their_ids_differ(
    real_data, read_session
):
    reading = read_session(real_data("detection/coco40_yolo"))
    note = reading.plans[0].notes[
        "names in instance_segmentation/labels and object_detection/labels"
    ]
    alike, common = (int(number) for number in re.findall(r"\d+", note)[:2])
    assert alike == common > 200, note


def test_coco40_with_one_list_for_both_kinds_of_ids_is_refused(
    real_data, read_session, tmp_path
):
    root = copy_coco40(real_data("detection/coco40_yolo"), tmp_path / "session")
    shutil.copy(root / "object_detection/config.yaml", root / "data.yaml")
    (root / "instance_segmentation/config.yaml").unlink()
    reading = read_session(root)
    assert {label.task for label in reading.labels} == {"detection"} and len(
        reading.labels
    ) == 282
    assert len(reading.frames) == 40
    reasons = {p.reason for p in reading.problems if "different lists" in p.reason}
    assert len(reasons) == 1 and "only 0 of" in reasons.pop()
    assert {p.source.path.split("/")[0] for p in reading.problems} == {
        "instance_segmentation"
    }


def test_coco40_label_images_never_become_frames(real_data, read_session):
    reading = read_session(real_data("detection/coco40_yolo"))
    assert {f.encoding for f in reading.frames} == {"jpeg"}
    masks = [left for left in reading.leftovers if "/masks/" in left.file.path]
    assert len(masks) == 40 and all(
        "label image (mask)" in left.reason for left in masks
    )


def note_of(label) -> dict[str, str]:
    return dict(label.attributes)


def test_names_are_the_text_that_stands_in_the_file(
    write_files, read_session, make_image
):
    rows = "\n".join(f"{n} .5 .5 .1 .{n + 1}" for n in range(6))
    yaml = "names: [on, off, yes, no, 1, 2.50]\n"
    reading = read_session(
        write_files(
            {"data.yaml": yaml, "images/a.jpg": make_image(), "labels/a.txt": rows}
        )
    )
    assert [label.class_name for label in reading.labels] == [
        "on",
        "off",
        "yes",
        "no",
        "1",
        "2.50",
    ]


@pytest.mark.parametrize(
    "folders", [("Images", "Labels"), ("IMAGES", "labels"), ("imgs", "labels")]
)
def test_folders_in_other_letters(write_files, read_session, make_image, folders):
    images, labels = folders
    files = {
        "data.yaml": NAMES,
        f"{images}/a.jpg": make_image(),
        f"{labels}/a.txt": "0 .5 .5 .1 .1",
    }
    reading = read_session(write_files(files))
    assert len(reading.labels) == 1 and not reading.problems and not reading.leftovers


def test_labels_in_a_folder_below_their_images(write_files, read_session, make_image):
    files = {"data.yaml": NAMES, "a.jpg": make_image(), "labels/a.txt": "0 .5 .5 .1 .1"}
    assert [label.frame_path for label in read_session(write_files(files)).labels] == [
        "a.jpg"
    ]


def test_labels_beside_images_without_any_list_of_names(
    write_files, read_session, make_image
):
    files = {f"set/{n}.jpg": make_image(n) for n in range(3)} | {
        "set/0.txt": "4 .5 .5 .1 .1",
        "set/1.txt": "",
    }
    reading = read_session(write_files(files))
    assert [(label.frame_path, label.class_name) for label in reading.labels] == [
        ("set/0.jpg", "4")
    ]
    assert {a.frame_path: a.num_labels for a in reading.of(AnnotationObservation)} == {
        "set/0.jpg": 1,
        "set/1.jpg": 0,
    }


def test_texts_beside_images_that_are_no_rows_are_no_labels(
    write_files, read_session, make_image
):
    reading = read_session(
        write_files({"a.jpg": make_image(), "a.txt": "a cat on a mat"})
    )
    assert [p.reader for p in reading.plans] == ["image_folder"] and len(
        reading.leftovers
    ) == 1


def test_a_byte_order_mark_costs_no_row_and_no_name(
    write_files, read_session, make_image
):
    mark = b"\xef\xbb\xbf"
    files = {
        "images/a.jpg": make_image(),
        "labels/a.txt": mark + b"1 .5 .5 .1 .1\n0 .5 .5 .2 .2\n",
    }
    for names in (
        {"data.yaml": mark + b"names: [cat, dog]\n"},
        {"classes.txt": mark + b"cat\ndog\n"},
    ):
        reading = read_session(write_files(files | names))
        assert [label.class_name for label in reading.labels] == [
            "dog",
            "cat",
        ] and not reading.problems
        for name in names:
            (write_files({}) / name).unlink()


def test_names_that_cannot_be_read_refuse_the_labels_and_mark_their_pictures(
    write_files, read_session, make_image
):
    files = {
        "data.yaml": "names: [\n",
        "images/a.jpg": make_image(),
        "labels/a.txt": "0 .5 .5 .5 .5",
    }
    reading = read_session(write_files(files))
    assert not reading.labels and [p.source.path for p in reading.problems] == [
        "data.yaml"
    ]
    assert [a.num_missing for a in reading.of(AnnotationObservation)] == [1]


def test_a_yaml_above_the_dataset_names_its_classes(
    write_files, read_session, make_image
):
    files = {
        "data.yaml": NAMES,
        "set/images/a.jpg": make_image(),
        "set/labels/a.txt": "1 .5 .5 .1 .1",
    }
    reading = read_session(write_files(files))
    assert [label.class_name for label in reading.labels] == [
        "dog"
    ] and not reading.leftovers


@pytest.mark.parametrize(
    ("row", "points"),
    [
        ("0 .5 .5 .5 .5 .4 .4 2 .6 .6 1 .5 .5 0", 3),
        ("0 .5 .5 .5 .5 .4 .4 2 .6 .6 1", 2),
    ],
)
def test_poses_with_visibility_are_told_by_their_count(
    write_files, read_session, make_image, row, points
):
    files = {"data.yaml": NAMES, "images/a.jpg": make_image(), "labels/a.txt": row}
    (label,) = read_session(write_files(files)).labels
    # 0.5 -+ 0.25 of 32 x 24 px; the first point at 0.4 of both
    assert label.box_xyxy == (8, 6, 24, 18) and label.mask_rle is None
    keypoints = note_of(label)["keypoints"].split()
    assert len(keypoints) == 3 * points and [float(v) for v in keypoints[:3]] == [
        12.8,
        9.6,
        2,
    ]


def test_rows_with_four_corners_throughout_are_oriented_boxes(
    write_files, read_session, make_image
):
    rows = "\n".join(f"{n} .5 .25 .75 .5 .5 .75 .25 .5" for n in (0, 1, 0))
    files = {
        "data.yaml": NAMES,
        "images/a.jpg": make_image(1),
        "labels/a.txt": rows.replace("\n", "\n", 1),
    }
    labels = read_session(write_files(files)).labels
    assert {(label.box_xyxy, label.mask_rle) for label in labels} == {
        ((8, 6, 24, 18), None)
    }
    assert note_of(labels[0])["oriented_box"] == "16 6 24 12 16 18 8 12"


def test_a_confidence_makes_a_row_a_prediction(write_files, read_session, make_image):
    files = {
        "data.yaml": NAMES,
        "images/a.jpg": make_image(),
        "labels/a.txt": "0 .5 .5 .1 .1 .9",
    }
    (problem,) = read_session(write_files(files)).problems
    assert "a prediction, no label" in problem.reason


def test_pixels_in_place_of_shares_are_refused(write_files, read_session, make_image):
    files = {
        "data.yaml": NAMES,
        "images/a.jpg": make_image(),
        "labels/a.txt": "0 16 12 8 6",
    }
    (problem,) = read_session(write_files(files)).problems
    assert "shares of the image lie in 0 to 1" in problem.reason


def test_a_box_of_negative_width_has_its_corners_in_order(
    write_files, read_session, make_image
):
    files = {
        "data.yaml": NAMES,
        "images/a.jpg": make_image(),
        "labels/a.txt": "0 .5 .5 -.5 .5",
    }
    assert [label.box_xyxy for label in read_session(write_files(files)).labels] == [
        (8, 6, 24, 18)
    ]


def test_shares_are_of_the_picture_turned_upright(write_files, read_session):
    """Stored 32 x 24, orientation 6: shown 24 x 32. Upright x 6..18, y 0..8 is stored x 0..8, y 24-18..24-6."""
    target = io.BytesIO()
    picture = Image.new("RGB", (32, 24), "red")
    exif = picture.getexif()
    exif[0x112] = 6
    picture.save(target, "JPEG", exif=exif)
    files = {
        "data.yaml": NAMES,
        "images/a.jpg": target.getvalue(),
        "labels/a.txt": "0 .5 .125 .5 .25",
    }
    reading = read_session(write_files(files))
    assert [label.box_xyxy for label in reading.labels] == [(0, 6, 8, 18)]
    note = "labels on images with an EXIF orientation, taken as drawn upright, as tools show them; sizes do not tell"
    assert reading.plans[0].notes[note] == "1 images"


@pytest.mark.parametrize(
    "files",
    [
        {
            "data.yaml": "names: [cat]\ntrain: train.txt\nval: lists/valid.txt\n",
            "train.txt": "./images/0.jpg\n",
            "lists/valid.txt": "images/1.jpg\n",
        },
        {
            "data.yaml": "names: [cat]\n",
            "train.txt": "images/0.jpg\n",
            "val.txt": "/home/somebody/set/images/1.jpg\n",
        },
        {
            "obj.data": "train = train.txt\nvalid = valid.txt\n",
            "obj.names": "cat\n",
            "train.txt": "images/0.jpg\n",
            "valid.txt": "images/1.jpg\n",
        },
    ],
)
def test_lists_of_files_are_splits(write_files, read_session, make_image, files):
    pictures = {f"images/{n}.jpg": make_image(n) for n in range(3)} | {
        "labels/0.txt": "0 .5 .5 .1 .1"
    }
    reading = read_session(write_files(files | pictures))
    assert {f.source.path: f.split_hint for f in reading.frames} == {
        "images/0.jpg": "train",
        "images/1.jpg": "val",
        "images/2.jpg": None,
    }
    assert [label.class_name for label in reading.labels] == ["cat"]


def test_a_split_that_two_entries_give_to_one_folder_is_none(
    write_files, read_session, make_image
):
    files = {
        "data.yaml": "names: [cat]\ntrain: images\nval: images\n",
        "images/a.jpg": make_image(),
    }
    reading = read_session(write_files(files | {"labels/a.txt": "0 .5 .5 .1 .1"}))
    assert [f.split_hint for f in reading.frames] == [None]


def test_a_split_whose_pictures_are_all_empty_was_looked_at(
    write_files, read_session, make_image
):
    files = {
        "classes.txt": "cat\n",
        "train/a.jpg": make_image(),
        "train/a.txt": "0 .5 .5 .1 .1",
    }
    reading = read_session(
        write_files(files | {"val/b.jpg": make_image(1), "val/b.txt": ""})
    )
    assert {a.frame_path: a.num_labels for a in reading.of(AnnotationObservation)} == {
        "train/a.jpg": 1,
        "val/b.jpg": 0,
    }


def read_splits(reading) -> dict[str, str | None]:
    return {f.source.path: f.split_hint for f in reading.frames}


@pytest.mark.parametrize(
    "layout", ["{s}/images/{s}.jpg {s}/labels/{s}.txt", "{s}/{s}.jpg {s}/{s}.txt"]
)
@pytest.mark.parametrize("above", [{}, {"data.yaml": "names: [cat]\n"}])
def test_a_split_folder_counts_where_it_is_the_root_of_a_capture(
    write_files, read_session, make_image, layout, above
):
    files = dict(above)
    for seed, split in enumerate(("train", "val")):
        image, label = layout.format(s=split).split()
        files |= {
            image: make_image(seed),
            label: "0 .5 .5 .1 .1",
            f"{split}/classes.txt": "cat\n",
        }
    reading = read_session(write_files(files))
    assert (
        sorted(read_splits(reading).values()) == ["train", "val"]
        and not reading.leftovers
    )
    assert [label.class_name for label in reading.labels] == [
        "cat",
        "cat",
    ] and not reading.problems


def test_a_yaml_inside_its_only_split_does_not_take_it_for_the_others(
    write_files, read_session, make_image
):
    yaml = "names: [cat]\ntrain: ../train/images\nval: ../valid/images\n"
    files = {
        "train/data.yaml": yaml,
        "train/images/a.jpg": make_image(),
        "train/labels/a.txt": "0 .5 .5 .1 .1",
    }
    assert read_splits(read_session(write_files(files))) == {
        "train/images/a.jpg": "train"
    }


@pytest.mark.parametrize(
    ("train", "val"),
    [
        ("autosplit_train.txt", "autosplit_val.txt"),
        ("train_list.txt", "splits/dev.txt"),
        ("one.lst", "test.txt"),
    ],
)
@pytest.mark.parametrize("form", ["data.yaml", "obj.data"])
def test_lists_that_a_description_names_are_followed_whatever_their_name(
    write_files, read_session, make_image, train, val, form
):
    text = {
        "data.yaml": "names: [cat]\ntrain: {}\nval: ./{}\n",
        "obj.data": "train = data/{}\nvalid = data/{}\n",
    }[form]
    files = {
        form: text.format(train, val),
        train: "./images/0.jpg\n",
        val: "./images/1.jpg\n",
    }
    files |= {f"images/{n}.jpg": make_image(n) for n in range(2)} | {
        "labels/0.txt": "0 .5 .5 .1 .1"
    }
    reading = read_session(write_files(files))
    assert (
        read_splits(reading) == {"images/0.jpg": "train", "images/1.jpg": "val"}
        and not reading.leftovers
    )


PICTURE_OF_CLASS_0 = "0 .5 .5 .1 .1"


@pytest.mark.parametrize(
    ("names", "right", "other"),
    [
        (
            {
                "labels/classes.txt": "dog\nman\ncat\n",
                "data.yaml": "names: [sign, cat]\n",
            },
            "sign",
            "labels/classes.txt",
        ),
        (
            {"labels/train/classes.txt": "dog\n", "data.yaml": "names: [sign]\n"},
            "sign",
            "labels/train/classes.txt",
        ),
        (
            {"classes.txt": "dog\n", "data.yaml": "names: [sign]\n"},
            "sign",
            "classes.txt",
        ),
        (
            {"labels/a.yaml": "names: [dog]\n", "data.yaml": "names: [sign]\n"},
            "dog",
            "data.yaml",
        ),
    ],
)
def test_of_two_files_with_names_the_one_that_trainers_read_counts(
    write_files, read_session, make_image, names, right, other
):
    files = names | {
        "images/train/a.jpg": make_image(),
        "labels/train/a.txt": PICTURE_OF_CLASS_0,
    }
    reading = read_session(write_files(files))
    assert [label.class_name for label in reading.labels] == [
        right
    ] and not reading.problems
    note = reading.plans[0].notes["class names of labels"]
    assert (
        f"{other} is passed over" in note
        and "class 0" in note
        and "dog" in note
        and "sign" in note
    )


@pytest.mark.parametrize(
    "names",
    [
        {"a.yaml": "names: [dog]\n", "b.yaml": "names: [sign]\n"},
        {"classes.txt": "dog\n", "obj.names": "sign\n"},
        {"labels/classes.txt": "dog\n", "classes.txt": "sign\n"},
        {"labels/train/classes.txt": "dog\n", "labels/val/classes.txt": "sign\n"},
    ],
)
def test_of_two_files_with_names_of_one_rank_nobody_knows_which_is_right(
    write_files, read_session, make_image, names
):
    files = {"images/train/a.jpg": make_image(1), "images/val/b.jpg": make_image(2)}
    files |= {
        "labels/train/a.txt": PICTURE_OF_CLASS_0,
        "labels/val/b.txt": PICTURE_OF_CLASS_0,
    }
    reading = read_session(write_files(files | names))
    (problem,) = reading.problems
    assert all(path in problem.reason for path in names) and "class 0" in problem.reason
    assert not reading.labels and [
        a.num_missing for a in reading.of(AnnotationObservation)
    ] == [1, 1]


@pytest.mark.parametrize("shorter", ["cat\n", "cat\nno row has this\n"])
def test_files_with_names_that_agree_on_what_occurs_are_fine(
    write_files, read_session, make_image, shorter
):
    files = {
        "labels/classes.txt": shorter,
        "classes.txt": "cat\ndog\n",
        "images/a.jpg": make_image(),
    }
    reading = read_session(write_files(files | {"labels/a.txt": PICTURE_OF_CLASS_0}))
    assert [label.class_name for label in reading.labels] == [
        "cat"
    ] and not reading.problems
    note = reading.plans[0].notes["class names of labels"]
    assert note.startswith("taken from ") and "passed over" not in note


def test_the_folders_of_labels_give_the_split_of_pictures_that_lie_in_none(
    write_files, read_session, make_image
):
    files = {f"images/{n}.jpg": make_image(n) for n in range(3)} | {
        "data.yaml": "names: [cat]\n"
    }
    files |= {
        "labels/train/0.txt": PICTURE_OF_CLASS_0,
        "labels/val/1.txt": PICTURE_OF_CLASS_0,
    }
    files |= {
        "train/labels/2.txt": PICTURE_OF_CLASS_0,
        "val/labels/2.txt": PICTURE_OF_CLASS_0,
    }
    splits = read_splits(read_session(write_files(files)))
    assert splits == {
        "images/0.jpg": "train",
        "images/1.jpg": "val",
        "images/2.jpg": None,
    }


@pytest.mark.parametrize(
    "names",
    [
        {"obj.names": "cat\n"},
        {"obj.data": "classes = 1\n"},
        {"data.yaml": "names: [cat]\n"},
    ],
)
@pytest.mark.parametrize("folder", ["", "set/"])
def test_described_pictures_that_are_all_empty_are_negatives(
    write_files, read_session, make_image, names, folder
):
    files = {f"{folder}{n}.jpg": make_image(n) for n in range(2)} | {
        f"{folder}{n}.txt": "" for n in range(2)
    }
    reading = read_session(write_files(files | names))
    assert [a.num_labels for a in reading.of(AnnotationObservation)] == [
        0,
        0,
    ] and not reading.leftovers


def test_empty_texts_beside_pictures_that_nothing_describes_are_no_labels(
    write_files, read_session, make_image
):
    reading = read_session(write_files({"a.jpg": make_image(), "a.txt": ""}))
    assert [left.reason for left in reading.leftovers] == ["empty file"]


BOX, POLYGON = "0 .5 .5 .5 .5\n", "0 .25 .25 .5 .25 .5 .5\n"


def tasks_of(reading) -> dict[str, set[str]]:
    """label file -> the tasks of its labels"""
    found: dict[str, set[str]] = {}
    for label in reading.labels:
        found.setdefault(label.source.path, set()).add(label.task)
    return found


@pytest.mark.parametrize("rows", [BOX + POLYGON, POLYGON + BOX])
def test_polygons_and_boxes_in_one_file_are_detections_in_either_order(
    write_files, read_session, make_image, rows
):
    reading = read_session(
        write_files({"images/a.jpg": make_image(), "labels/a.txt": rows})
    )
    assert tasks_of(reading) == {"labels/a.txt": {"detection"}}
    note = reading.plans[0].notes["polygons in labels"]
    assert note.startswith("1 of 2 objects: detection, with the box around")


@pytest.mark.parametrize("rows", [BOX + POLYGON, POLYGON + BOX])
def test_a_tree_with_a_box_of_its_own_stays_detection_beside_one_of_boxes(
    write_files, read_session, make_image, rows
):
    reading = read_session(
        write_files(
            {
                "images/train/a.jpg": make_image(),
                "boxes/labels/train/a.txt": "1 .2 .2 .1 .1\n",
                "shapes/labels/train/a.txt": rows,
            }
        )
    )
    assert tasks_of(reading)["shapes/labels/train/a.txt"] == {"detection"}


def test_boxes_of_other_pictures_do_not_make_polygons_segmentation(
    write_files, read_session, make_image
):
    """Two splits, each with its own folder of labels, under one description."""
    reading = read_session(
        write_files(
            {
                "data.yaml": "names: [cat]\ntrain: train/images\nval: valid/images\n",
                "train/images/a.jpg": make_image(1),
                "train/labels/a.txt": POLYGON,
                "valid/images/b.jpg": make_image(2),
                "valid/labels/b.txt": BOX,
            }
        )
    )
    assert len(reading.plans) == 1 and not reading.problems
    assert tasks_of(reading) == {
        "train/labels/a.txt": {"detection"},
        "valid/labels/b.txt": {"detection"},
    }


def test_an_empty_tree_beside_polygons_says_nothing_of_their_task(
    write_files, read_session, make_image
):
    reading = read_session(
        write_files(
            {
                "images/train/a.jpg": make_image(),
                "boxes/labels/train/a.txt": "",
                "shapes/labels/train/a.txt": POLYGON,
            }
        )
    )
    assert tasks_of(reading) == {"shapes/labels/train/a.txt": {"detection"}}


def test_a_tree_of_polygons_beside_boxes_of_the_same_pictures_says_so(
    write_files, read_session, make_image
):
    reading = read_session(
        write_files(
            {
                "images/train/a.jpg": make_image(),
                "boxes/labels/train/a.txt": BOX,
                "shapes/labels/train/a.txt": POLYGON,
            }
        )
    )
    note = reading.plans[0].notes["polygons in shapes/labels"]
    assert note == (
        "1 of 1 objects: segmentation, for boxes/labels has boxes on the same pictures"
    )


def test_classes_without_an_object_are_one_note(write_files, read_session, make_image):
    reading = read_session(
        write_files(
            {
                "data.yaml": "names: [cat, dog, owl]\n",
                "images/a.jpg": make_image(),
                "labels/a.txt": "1 .5 .5 .5 .5\n",
            }
        )
    )
    notes = reading.plans[0].notes
    assert notes["classes without an object in labels"] == "2: cat, owl"
    assert notes["class names of labels"] == "taken from data.yaml, 3: cat, dog, owl"


def test_a_wrong_row_is_named_by_its_line_in_the_file():
    """Blank lines count, as in an editor."""
    _, wrong = parse_rows(b"0 .5 .5 .1 .1\n\n0 .5 .5 .1\n")
    assert isinstance(wrong, RowError)
    assert wrong.reason.startswith("line 3 has 4 numbers")
