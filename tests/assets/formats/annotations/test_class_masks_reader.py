"""Images beside label images of class ids."""

from __future__ import annotations

import io
from collections import Counter

import numpy as np
import pytest
from PIL import Image as Pillow

from assets.formats.annotations.class_names import parse_class_names
from models.masks import decode_mask

IDS = np.array([[0, 0, 3, 3], [0, 1, 11, 255]], np.uint8)


def encode_ids(ids, mode="L", **options):
    picture = Pillow.fromarray(np.asarray(ids, np.uint8), "L")
    if mode == "P":
        # every class in one colour: only the numbers tell
        picture.putpalette([7, 7, 7] * 256)
    elif mode != "L":
        picture = picture.convert(mode)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", **options)
    return buffer.getvalue()


@pytest.fixture
def small(make_image):
    return lambda seed=0, ending=".png": make_image(
        seed, width=4, height=2, ending=ending
    )


def test_segnet_layout_is_camvid_where_nothing_else_is_said(
    write_files, read_session, small
):
    root = write_files(
        {
            "train/a.png": small(),
            "trainannot/a.png": encode_ids(IDS),
            "val/b.png": small(1),
            "valannot/b.png": encode_ids(IDS + 0),
        }
    )
    reading = read_session(root)
    assert not reading.problems and not reading.leftovers
    assert {f.source.path: f.split_hint for f in reading.frames} == {
        "train/a.png": "train",
        "val/b.png": "val",
    }
    of_a = {
        label.class_name: label
        for label in reading.labels
        if label.frame_path == "train/a.png"
    }
    assert sorted(of_a) == ["building", "road", "sky"], "11 and 255 are nobody's"
    for class_id, name in ((0, "sky"), (1, "building"), (3, "road")):
        np.testing.assert_array_equal(
            decode_mask(of_a[name].mask_rle, 2, 4), class_id == IDS
        )
    assert {label.task for label in reading.labels} == {"segmentation"}
    assert (
        of_a["sky"].source.path == "trainannot/a.png" and of_a["sky"].box_xyxy is None
    )
    assert "CamVid's ids" in reading.plans[0].notes["classes"]


@pytest.mark.parametrize("mode", ["L", "P"])
@pytest.mark.parametrize(
    "names",
    [
        "background\ncell\nunlabelled\nwall\n",
        "# id name\n0 background\n1: cell\n3,wall",
    ],
)
def test_names_from_a_file_with_grey_and_palette(
    write_files, read_session, small, mode, names
):
    ids = np.where(IDS == 11, 255, IDS)
    root = write_files(
        {
            "set/images/a.jpg": small(ending=".jpg"),
            "set/masks/a.png": encode_ids(ids, mode),
            "set/classes.txt": names,
        }
    )
    reading = read_session(root)
    assert not reading.problems and not reading.leftovers
    assert Counter(label.class_name for label in reading.labels) == {
        "background": 1,
        "cell": 1,
        "wall": 1,
    }
    assert reading.plans[0].notes["classes"].startswith("taken from set/classes.txt, 3")


@pytest.mark.parametrize(
    "layout", ["images/{s}/a.png masks/{s}/a.png", "{s}/images/a.png {s}/masks/a.png"]
)
def test_splits_above_and_below_the_label_folder(
    write_files, read_session, small, layout
):
    files = {"classes.txt": "x\ny\n"}
    for value, split in enumerate(("train", "test")):
        image, mask = layout.format(s=split).split()
        files |= {image: small(value), mask: encode_ids(np.full((2, 4), value))}
    reading = read_session(write_files(files))
    assert not reading.problems
    splits = {f.source.path: f.split_hint for f in reading.frames}
    assert {splits[label.frame_path]: label.class_name for label in reading.labels} == {
        "train": "x",
        "test": "y",
    }


def test_what_is_wrong_with_one_label_image_costs_its_labels_alone(
    write_files, read_session, small
):
    wrong = {
        "deep": b"",
        "colour": encode_ids(IDS, "RGB"),
        "large": encode_ids(np.zeros((3, 4))),
        "named": encode_ids(IDS + 12 * (IDS == 3)),
        "cut": encode_ids(np.arange(8).reshape(2, 4) % 3)[:-30],
    }
    files = {f"train/{n}.png": small(i) for i, n in enumerate(["a", *wrong])}
    files |= {
        "trainannot/a.png": encode_ids(IDS),
        **{f"trainannot/{n}.png": data for n, data in wrong.items()},
    }
    files["trainannot/lost.png"] = encode_ids(IDS)
    reading = read_session(write_files(files))
    assert {label.frame_path for label in reading.labels} == {"train/a.png"} and len(
        reading.frames
    ) == 6
    reasons = {p.source.path.split("/")[1][:-4]: p.reason for p in reading.problems}
    assert sorted(reasons) == ["colour", "cut", "deep", "large", "lost", "named"]
    assert "3 channels" in reasons["colour"] and "drawn on 4x3 px" in reasons["large"]
    assert (
        "class ids [15] have no name" in reasons["named"]
        and "there is no image" in reasons["lost"]
    )


def test_ids_that_nobody_names_give_frames_and_a_problem(
    write_files, read_session, small
):
    reading = read_session(
        write_files({"images/a.png": small(), "masks/a.png": encode_ids(IDS)})
    )
    assert len(reading.frames) == 1 and not reading.labels
    (problem,) = reading.problems
    assert (
        "nothing says what they mean" in problem.reason
        and "classes.txt" in problem.remedy
    )


def test_images_that_nobody_labelled_are_noted(write_files, read_session, small):
    root = write_files(
        {
            "train/a.png": small(),
            "train/b.png": small(1),
            "trainannot/a.png": encode_ids(IDS),
        }
    )
    reading = read_session(root)
    assert "train/b.png" in str(reading.plans[0].notes) and len(reading.frames) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a\n\nb", "blank"),
        ("", "no line"),
        ("a\na", "twice"),
        ("0 a\n0 b", "twice"),
        ("300 a", "id 300"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_class_names(text.encode())


def test_binary_masks_of_two_classes_hold_the_second_as_255(
    write_files, read_session, small
):
    ids = np.array([[0, 0, 255, 255], [0, 255, 255, 255]])
    files = {f"images/{n}.jpg": small(n, ".jpg") for n in range(2)} | {
        "classes.txt": "background\nroad\n"
    }
    reading = read_session(
        write_files(files | {f"masks/{n}.png": encode_ids(ids) for n in range(2)})
    )
    areas = {
        label.class_name: int(decode_mask(label.mask_rle, 2, 4).sum())
        for label in reading.labels
    }
    assert (
        areas == {"background": 3, "road": 5}
        and len(reading.labels) == 4
        and not reading.problems
    )
    assert (
        "255 is read as id 1, road"
        in reading.plans[0].notes["masks of 0 and 255 alone"]
    )


@pytest.mark.parametrize(
    ("second", "names"),
    [
        ([[0, 1, 1, 0]] * 2, "background\nroad\n"),
        ([[0, 0, 255, 0]] * 2, "background\nroad\ncar\n"),
    ],
)
def test_255_beside_other_ids_or_of_three_classes_stays_what_nobody_knows(
    write_files, read_session, small, second, names
):
    files = {f"images/{n}.jpg": small(n, ".jpg") for n in range(2)} | {
        "classes.txt": names
    }
    files |= {
        "masks/0.png": encode_ids([[0, 0, 255, 255]] * 2),
        "masks/1.png": encode_ids(second),
    }
    labels = read_session(write_files(files)).labels
    assert [
        label.class_name for label in labels if label.frame_path == "images/0.jpg"
    ] == ["background"]


@pytest.mark.parametrize("name", ["classes.txt", "Classes.txt", "LABELS.TXT"])
def test_names_lie_in_each_split_folder(write_files, read_session, small, name):
    files = {}
    for value, split in enumerate(("train", "val")):
        files |= {
            f"{split}/images/a.png": small(value),
            f"{split}/masks/a.png": encode_ids(np.full((2, 4), value)),
        }
        files[f"{split}/{name}"] = "x\ny\n"
    root = write_files(files)
    reading = read_session(root)
    assert [label.class_name for label in reading.labels] == [
        "x",
        "y",
    ] and not reading.problems
    assert not reading.leftovers
    (root / "val" / name).write_text("y\nx\n")
    (problem,) = read_session(root).problems
    assert "differ" in problem.reason and f"train/{name}, val/{name}" in problem.reason


def test_a_label_image_of_a_picture_that_another_export_labels_is_told_so(
    write_files, read_session, small
):
    files = {
        "images/a.jpg": small(ending=".jpg"),
        "labels/a.txt": "0 .5 .5 .1 .1",
        "masks/a.png": encode_ids(IDS),
    }
    (left,) = read_session(write_files(files)).leftovers
    assert (
        "the reader yolo took with labels of another export" in left.reason
        and "a session of its own" in left.remedy
    )


def test_camvid(real_data, read_session):
    reading = read_session(real_data("segmentation/camvid"))
    assert not reading.problems and not reading.leftovers
    assert Counter(f.split_hint for f in reading.frames) == {
        "train": 40,
        "val": 10,
        "test": 14,
    }
    assert len({label.class_name for label in reading.labels}) == 11
    masks: dict[str, int] = {}
    for label in reading.labels:
        mask = decode_mask(label.mask_rle, 360, 480)
        masks[label.frame_path] = masks.get(label.frame_path, 0) + int(mask.sum())
    assert len(masks) == 64 and all(
        0.5 * 480 * 360 < total <= 480 * 360 for total in masks.values()
    )
