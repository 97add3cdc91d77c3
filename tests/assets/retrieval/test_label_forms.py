"""Final labels in every form, and what each cannot hold: what comes back is compared, so nothing is lost unsaid."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from assets.retrieval.label_files import FORMATS, choose_form
from assets.retrieval.labelled import Album, Labelled, Picture
from assets.retrieval.read_back import read_back, write_checked
from assets.tables.rows import SIDES, LabelRow
from models.masks import encode_mask

# of its decoder
BY_PYCOCOTOOLS = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)
WIDTH, HEIGHT = 16, 12
FORMS = ("coco", "cvat", "label-studio", "yolo")
# corners that no float holds exactly
BOX = (0.1, 0.2, 5.3, 7.7)
OTHER = (1 / 3, 2.1, 11.13, 9.99)
CLASSES = ("big mug", "cup")


def draw(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[rows, columns] = True
    return mask


WHOLE = draw(slice(2, 8), slice(1, 6))
HOLED = WHOLE.copy()
HOLED[4, 3] = False


def label(name="cup", box=BOX, mask=None, track=None, task="detection", **said):
    row = dict.fromkeys(LabelRow.__annotations__)
    sides = dict(zip(SIDES, box, strict=True)) if box else {}
    text = None if mask is None else encode_mask(mask)
    attributes = json.dumps([[k, v] for k, v in said.items()]) if said else None
    row |= {"task": task, "class_name": name, "mask_rle": text, "track_id": track}
    return row | sides | {"attributes": attributes}


def around(mask: np.ndarray) -> tuple[float, ...]:
    ys, xs = np.nonzero(mask)
    return tuple(map(float, (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)))


@pytest.fixture
def write(tmp_path, make_png):
    """Writes the labels of pictures, one after the other, and tells what is lost; None is a picture that nobody saw."""

    def write_all(form, *rows, task="detection", is_strict=False, folder="out"):
        pictures = []
        for n, _ in enumerate(rows):
            part = ("train", "val")[n % 2]
            path = tmp_path / folder / "images" / part / f"desk_cam_{n:032x}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(make_png(n))
            frame = {"frame_id": f"{n:032x}", "session": "desk", "sensor": "cam"}
            frame |= {"capture_id": "c", "t_ns": n}
            frame |= {"width_px": WIDTH, "height_px": HEIGHT}
            name = path.relative_to(tmp_path / folder).as_posix()
            pictures.append(Picture(name, frame, "", part))
        said = {
            p.frame["frame_id"]: found
            for p, found in zip(pictures, rows, strict=True)
            if found is not None
        }
        album = Album(pictures, CLASSES, Labelled(said, is_final=True), task)
        return write_checked(tmp_path / folder, form, album, is_strict)

    return write_all


@pytest.mark.parametrize("form", FORMS)
def test_boxes_and_pictures_without_an_object_come_back_from_every_form(
    form, write, tmp_path
):
    boxes = [label(), label("big mug", OTHER)]
    assert write(form, boxes, [], boxes, None) == Counter()
    read = read_back(tmp_path / "out", "detection")
    assert {name: len(found) for name, found in read.labels.items()} == {
        f"images/train/desk_cam_{n:032x}.png": 2 for n in (0, 2)
    }
    # of the one that nobody saw some forms say that nothing is there: it is not in what is exported
    assert f"images/val/desk_cam_{1:032x}.png" in read.looked_at


EXACT = label(box=around(WHOLE), mask=WHOLE)
POINTS = "2.5 3.25 2 4.125 6 2"
CASES = {
    "masks as large as their box": (EXACT, ()),
    "a mask with a hole": (label(box=around(HOLED), mask=HOLED), ("yolo",)),
    "a mask smaller than its box": (
        label(box=(0.0, 0.0, 9.0, 9.0), mask=WHOLE),
        ("cvat", "label-studio", "yolo"),
    ),
    "attributes": (
        label(colour="red, dark", occluded="1", z_order="2", group_id="7"),
        ("yolo",),
    ),
    "keypoints that all are seen": (label(keypoints=POINTS), ("cvat",)),
    "keypoints of which one is hidden": (
        label(keypoints="2.5 3.25 1 4.125 6 2"),
        ("cvat", "label-studio"),
    ),
    "tracks": (label(track=3), ("label-studio", "yolo")),
    "equal labels": (None, FORMS),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", CASES)
def test_what_a_form_cannot_hold_is_counted_and_nothing_else_is_lost(case, form, write):
    one, losing = CASES[case]
    rows = [label(), label()] if one is None else [one]
    lost = write(form, rows, [], rows)
    assert bool(lost) == (form in losing), lost
    if lost:
        with pytest.raises(ValueError, match=rf"'{form}' cannot hold \d .*--strict"):
            write(form, rows, [], rows, is_strict=True, folder="strict")


def test_what_is_lost_has_its_name(write):
    rich = label(box=(0.0, 0.0, 9.0, 9.0), mask=WHOLE, track=3, colour="red", a="b")
    assert write("yolo", [rich]) == Counter(boxes=1, attributes=2, tracks=1)
    assert write("cvat", [rich], folder="b") == Counter(masks=1, tracks=1)
    assert write("label-studio", [rich], folder="c") == Counter(masks=1, tracks=1)
    bare = label(keypoints=POINTS)
    assert write("cvat", [bare], folder="d") == Counter(keypoints=1)
    # a control of Label Studio's interface has that name
    named = label(image="x")
    assert write("label-studio", [named], folder="e") == Counter(attributes=1)


def test_tracks_of_cvat_keep_apart_what_was_apart(write, tmp_path):
    first, second = label(track=3), label("big mug", OTHER, track=3)
    assert write("cvat", [first, second], [], [first, second]) == Counter(tracks=1)
    # of one number and two classes CVAT makes two tracks, so that a number is given anew
    third = label("big mug", OTHER, track=4)
    assert not write("cvat", [first, third], [], [first, third], folder="two")


def test_what_nobody_drew_is_no_keyframe_for_cvat_but_where_it_leaves_the_line(
    write, tmp_path
):
    """CVAT draws no box of its own where one follows a path; our reader takes neither for somebody's."""
    said = {"interpolated": "on a line"}, {"interpolated": "along a track"}
    drawn = label(track=3)
    lines = [
        [drawn],
        *([{**label(track=3, **how), "origin": "interpolation"}] for how in said),
    ]
    # three of one part: no other picture lies between
    assert not write("cvat", lines[0], None, lines[1], None, lines[2], None)
    xml = (tmp_path / "out" / "annotations_train.xml").read_text()
    assert re.findall('keyframe="(.)" outside="0"', xml) == ["1", "0", "1"]
    read = read_back(tmp_path / "out", "detection")
    origins = [found[0].origin for _, found in sorted(read.labels.items())]
    assert origins == ["imported", "interpolated", "interpolated"]


def test_a_box_that_cvat_would_not_put_there_itself_is_a_keyframe(write, tmp_path):
    """CVAT drops all others: before the first drawn box of a file, after its last, and off the line between two."""
    made = {**label(track=3, interpolated="on a line"), "origin": "interpolation"}
    drawn, off = label(track=3), {**made, "x_min": BOX[0] + 0.5}
    train = made, drawn, made, drawn, off, drawn, made
    assert not write("cvat", *(rows for one in train for rows in ([one], None)))
    xml = (tmp_path / "out" / "annotations_train.xml").read_text()
    assert re.findall('keyframe="(.)" outside="0"', xml) == list("1101111")


@pytest.mark.parametrize("form", ["coco", "cvat", "label-studio"])
def test_classes_of_whole_pictures_come_back(form, write):
    one = label(box=None, task="recognition")
    both = [one, label("big mug", box=None, task="recognition")]
    assert not write(form, [one], both, [], task="recognition")


def test_maps_come_back_as_label_images(write):
    maps = [
        label("cup", None, WHOLE, task="segmentation"),
        label("big mug", None, ~WHOLE, task="segmentation"),
    ]
    assert not write("masks", maps, maps[:1], task="segmentation")
    # a pixel of two classes is nobody's
    disputed = [maps[0], label("big mug", None, HOLED, task="segmentation")]
    assert write("masks", disputed, task="segmentation", folder="b")["masks"] == 2


def test_a_form_that_holds_no_labels_of_the_task_names_those_that_do():
    assert choose_form(None, "segmentation") == "masks"
    assert choose_form(None, "detection") == choose_form(None, "recognition") == "coco"
    with pytest.raises(ValueError, match="no labels of segmentation: choose masks"):
        choose_form("yolo", "segmentation")
    with pytest.raises(ValueError, match="'voc' is none of images, coco"):
        choose_form("voc", "detection")
    assert set(FORMS) < set(FORMATS)


@BY_PYCOCOTOOLS
def test_pycocotools_reads_boxes_masks_and_points_of_the_coco_form(
    write, tmp_path, capsys
):
    from pycocotools.coco import COCO

    rich = label(box=around(HOLED), mask=HOLED, keypoints="2.5 3.25 1 0 0 0")
    assert not write("coco", [rich, label("big mug", OTHER)])
    found = COCO(str(tmp_path / "out" / "annotations" / "instances_train.json"))
    first, second = found.loadAnns(found.getAnnIds())
    assert np.array_equal(found.annToMask(first).astype(bool), HOLED)
    assert first["keypoints"] == [2.5, 3.25, 1, 0, 0, 0]
    assert first["num_keypoints"] == 1
    x, y, width, height = second["bbox"]
    assert (x, y, x + width, y + height) == pytest.approx(OTHER, abs=1e-12)
    names = found.loadCats([first["category_id"], second["category_id"]])
    assert [c["name"] for c in names] == ["cup", "big mug"]


@BY_PYCOCOTOOLS
def test_outlines_of_yolo_are_polygons_that_pycocotools_fills_to_the_pixel(
    write, tmp_path
):
    from pycocotools import mask as coco_mask

    stairs = WHOLE | draw(slice(6, 11), slice(4, 12))
    assert not write("yolo", [EXACT, label(box=around(stairs), mask=stairs)])
    (path,) = (tmp_path / "out" / "labels" / "train").iterdir()
    for row, mask in zip(path.read_text().splitlines(), (WHOLE, stairs), strict=True):
        shares = np.array(row.split()[1:], float).reshape(-1, 2)
        corners = (shares * (WIDTH, HEIGHT)).ravel().tolist()
        runs = coco_mask.frPyObjects([corners], HEIGHT, WIDTH)
        assert np.array_equal(coco_mask.decode(coco_mask.merge(runs)), mask)
    assert "train: images/train\n" in (tmp_path / "out" / "data.yaml").read_text()


def test_poses_of_yolo_state_their_points(write, tmp_path):
    assert not write("yolo", [label(keypoints="2.5 3.25 1 0 0 0")], [])
    assert "kpt_shape: [2, 3]" in Path(tmp_path, "out", "data.yaml").read_text()
