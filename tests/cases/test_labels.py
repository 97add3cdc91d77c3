"""Labels as people have them: each on its own picture, once, on the pixels that it was drawn on, or refused."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

NAMES = "names: [sign]\n"


def write(folder: Path, files: dict[str, bytes | str]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)


def paint(
    seed: int,
    width: int = 320,
    height: int = 240,
    ending: str = ".png",
    orientation: int = 1,
) -> bytes:
    """Smooth noise; a JPEG may have an orientation."""
    small = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    pixels = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    if ending == ".png":
        return cv2.imencode(".png", pixels)[1].tobytes()
    picture = Image.fromarray(pixels)
    target = io.BytesIO()
    exif = picture.getexif()
    exif[0x112] = orientation
    picture.save(target, "JPEG", exif=exif, quality=90)
    return target.getvalue()


def coco(images: list[dict], annotations: list[dict], name: str = "sign") -> str:
    numbered = [
        {"id": n, "category_id": 1, "area": 1, "iscrowd": 0} | a
        for n, a in enumerate(annotations)
    ]
    return json.dumps(
        {
            "images": images,
            "annotations": numbered,
            "categories": [{"id": 1, "name": name}],
        }
    )


def voc(filename: str, box: tuple[int, ...], size: tuple[int, int] = (320, 240)) -> str:
    corners = "".join(
        f"<{k}>{v}</{k}>"
        for k, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    )
    sides = f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>"
    item = f"<object><name>sign</name><bndbox>{corners}</bndbox></object>"
    return f"<annotation><filename>{filename}</filename>{sides}{item}</annotation>"


def boxes_of(tables: dict) -> set[tuple[float, ...]]:
    return {
        tuple(round(r[side], 2) for side in ("x_min", "y_min", "x_max", "y_max"))
        for r in tables["labels"]
    }


def classes_of(tables: dict) -> Counter:
    return Counter(row["class_name"] for row in tables["labels"])


# ---- a label goes on its own picture or on none ----------------------------------------------------------------------


def make_coco_of_absent_folders(folder: Path) -> None:
    names = [f"cam_{c}/{n:06d}.png" for c in "abc" for n in range(3)]
    images = [
        {"id": n, "file_name": name, "width": 320, "height": 240}
        for n, name in enumerate(names)
    ]
    notes = [{"image_id": n, "bbox": [20 + n, 40, 70, 70]} for n in range(9)]
    files = {f"images/cam_a/{n:06d}.png": paint(n) for n in range(3)}
    write(folder, files | {"annotations/instances.json": coco(images, notes)})


def make_yolo_of_absent_folders(folder: Path) -> None:
    labels = {
        f"labels/cam_{c}/{n:06d}.txt": "0 .3 .3 .2 .3\n"
        for c in "abc"
        for n in range(3)
    }
    pictures = {f"images/cam_a/{n:06d}.png": paint(n) for n in range(3)}
    write(folder, labels | pictures | {"data.yaml": NAMES})


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("coco_labels_of_absent_folders", make_coco_of_absent_folders),
        ("yolo_labels_of_absent_folders", make_yolo_of_absent_folders),
    ],
)
def test_labels_of_folders_that_are_not_here_go_on_no_picture(
    find_case, take_in, name, make
):
    tables = take_in(find_case(name, make))
    assert len(tables["labels"]) == len(tables["frames"]) == 3
    assert len({row["frame_id"] for row in tables["labels"]}) == 3
    assert sorted(row["num_labels"] for row in tables["annotated_frames"]) == [1, 1, 1]
    assert (
        sum("there is no image 'cam_" in row["reason"] for row in tables["quarantine"])
        == 6
    )


def make_voc_in_subfolders(folder: Path) -> None:
    for c in "abc":
        for n in range(3):
            left = 20 + 60 * "abc".index(c) + 5 * n
            sheet = voc(f"{n:06d}.png", (left, 40, left + 70, 110))
            write(
                folder,
                {
                    f"Annotations/cam_{c}/{n:06d}.xml": sheet,
                    f"JPEGImages/cam_{c}/{n:06d}.png": paint(n + 3 * "abc".index(c)),
                },
            )


def test_voc_in_subfolders(find_case, take_in):
    tables = take_in(find_case("voc_in_subfolders", make_voc_in_subfolders))
    assert (
        len(tables["labels"]) == len(tables["frames"]) == 9 and not tables["quarantine"]
    )
    paths = {row["frame_id"]: row["source_path"] for row in tables["frames"]}
    lefts = {
        paths[row["frame_id"]].removeprefix("JPEGImages/"): row["x_min"]
        for row in tables["labels"]
    }
    assert (
        lefts["cam_a/000001.png"],
        lefts["cam_b/000001.png"],
        lefts["cam_c/000001.png"],
    ) == (25, 85, 145)


# ---- one object is one label -----------------------------------------------------------------------------------------


def make_coco_folder(folder: Path) -> None:
    person = {"id": 1, "name": "person", "keypoints": ["nose"]}
    dog = {"id": 18, "name": "dog"}
    for split, first, count in (("train2017", 1, 8), ("val2017", 101, 4)):
        ids = range(first, first + count)
        images = [
            {"id": i, "file_name": f"{i:012d}.jpg", "width": 80, "height": 60}
            for i in ids
        ]
        persons = [
            {
                "id": 10 * i,
                "image_id": i,
                "category_id": 1,
                "bbox": [5, 5, 20, 30],
                "iscrowd": 0,
            }
            for i in ids
        ]
        dogs = [
            {
                "id": 10 * i + 1,
                "image_id": i,
                "category_id": 18,
                "bbox": [40, 10, 20, 20],
            }
            for i in ids
        ]
        posed = [p | {"keypoints": [9, 9, 2], "num_keypoints": 1} for p in persons]
        captions = [
            {"id": n, "image_id": i, "caption": "a dog"} for i in ids for n in range(5)
        ]
        write(
            folder,
            {f"{split}/{i:012d}.jpg": paint(i, 80, 60, ".jpg") for i in ids}
            | {
                f"annotations/{name}_{split}.json": json.dumps(
                    {"images": images, **rest}
                )
                for name, rest in (
                    (
                        "instances",
                        {"annotations": persons + dogs, "categories": [person, dog]},
                    ),
                    (
                        "person_keypoints",
                        {"annotations": posed, "categories": [person]},
                    ),
                    ("captions", {"annotations": captions}),
                )
            },
        )


def test_the_folder_of_ms_coco(find_case, take_in):
    tables = take_in(find_case("coco_folder_as_published", make_coco_folder))
    assert classes_of(tables) == {"person": 12, "dog": 12} and not tables["quarantine"]
    keypoints = [
        r
        for r in tables["labels"]
        if "keypoints" in dict(json.loads(r["attributes"] or "[]"))
    ]
    assert [r["class_name"] for r in keypoints] == ["person"] * 12
    assert {row["num_labels"] for row in tables["annotated_frames"]} == {2}
    (unread,) = [
        v for v in tables["failed"] if v["name"] == "every_kind_of_label_is_read"
    ]
    assert "40 captions" in unread["summary"] and not unread["is_blocking"]


# ---- the pixels that labels were drawn on ----------------------------------------------------------------------------

# on 240 x 320 px; orientation 6 stores y as x, and 240 - x as y
UPRIGHT = (30, 200, 130, 300)
STORED = (200.0, 110.0, 300.0, 210.0)


def make_upright_coco(folder: Path) -> None:
    images = [
        {"id": n, "file_name": f"p{n}.jpg", "width": 240, "height": 320}
        for n in range(4)
    ]
    outline = [30, 200, 130, 200, 130, 300, 30, 300]
    notes = [
        {"image_id": n, "bbox": [30, 200, 100, 100], "segmentation": [outline]}
        for n in range(4)
    ]
    pictures = {
        f"images/p{n}.jpg": paint(n, ending=".jpg", orientation=6) for n in range(4)
    }
    write(folder, pictures | {"annotations/instances.json": coco(images, notes)})


def make_upright_voc(folder: Path) -> None:
    for n in range(4):
        write(
            folder,
            {
                f"JPEGImages/p{n}.jpg": paint(n, ending=".jpg", orientation=6),
                f"Annotations/p{n}.xml": voc(f"p{n}.jpg", UPRIGHT, (240, 320)),
            },
        )


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("exif_coco_upright_labels", make_upright_coco),
        ("exif_voc_upright_labels", make_upright_voc),
    ],
)
def test_labels_on_pictures_shown_upright_are_turned(find_case, take_in, name, make):
    tables = take_in(find_case(name, make))
    assert (
        len(tables["labels"]) == 4
        and boxes_of(tables) == {STORED}
        and not tables["quarantine"]
    )
    for row in tables["labels"]:
        if row["mask_rle"]:
            from models.masks import decode_mask, find_box

            assert find_box(decode_mask(row["mask_rle"], 240, 320)) == STORED


# ---- folders by place ------------------------------------------------------------------------------------------------


def make_class_named_camera(folder: Path) -> None:
    for c, name in enumerate(("Faces", "accordion", "anchor", "camera", "dolphin")):
        write(
            folder, {f"{name}/{n:05d}.png": paint(10 * c + n, 64, 48) for n in range(3)}
        )


def test_a_class_may_have_the_name_of_a_sensor(find_case, take_in):
    tables = take_in(find_case("class_named_camera", make_class_named_camera))
    assert classes_of(tables) == dict.fromkeys(
        ("Faces", "accordion", "anchor", "camera", "dolphin"), 3
    )
    assert {row["sensor"] for row in tables["frames"]} == {"camera"}


def make_day_night(folder: Path) -> None:
    for s, split in enumerate(("train", "val")):
        for c, name in enumerate(("day", "night")):
            write(
                folder,
                {
                    f"{split}/{name}/{n:05d}.png": paint(20 * s + 10 * c + n, 64, 48)
                    for n in range(3)
                },
            )


def test_classes_may_be_times_of_the_day(find_case, take_in):
    tables = take_in(find_case("classes_day_night", make_day_night))
    assert classes_of(tables) == {"day": 6, "night": 6}
    assert Counter(row["split_hint"] for row in tables["frames"]) == {
        "train": 6,
        "val": 6,
    }


def make_splits_by_yaml(folder: Path) -> None:
    yaml = "path: .\ntrain: images/batch_a\nval: images/batch_b\ntest: images/batch_c\nnames:\n  0: mug\n  1: plate\n"
    write(folder, {"data.yaml": yaml})
    for n in range(40):
        batch = "abc"[(n >= 24) + (n >= 32)]
        write(
            folder,
            {
                f"images/batch_{batch}/pic_{n:03d}.png": paint(n, 64, 48),
                f"labels/batch_{batch}/pic_{n:03d}.txt": f"{n % 2} .3 .4 .3 .4\n",
            },
        )


def test_splits_of_a_yolo_dataset_are_those_of_its_yaml(find_case, take_in):
    tables = take_in(find_case("yolo_splits_by_yaml", make_splits_by_yaml))
    assert Counter(row["split_hint"] for row in tables["frames"]) == {
        "train": 24,
        "val": 8,
        "test": 8,
    }
    assert classes_of(tables).total() == 40 and classes_of(tables).keys() == {
        "mug",
        "plate",
    }


def make_darknet(folder: Path) -> None:
    write(
        folder,
        {
            "obj.data": "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n",
            "obj.names": "car\ntruck\n",
            "train.txt": "".join(
                f"data/obj_train_data/frame_{n:06d}.png\n" for n in range(6)
            ),
        },
    )
    for n in range(6):
        row = "" if n == 3 else f"{n % 2} 0.4 0.4 0.4 0.4\n"
        write(
            folder,
            {
                f"obj_train_data/frame_{n:06d}.png": paint(n),
                f"obj_train_data/frame_{n:06d}.txt": row,
            },
        )


def test_the_form_that_tools_export_as_yolo_1_1(find_case, take_in):
    tables = take_in(find_case("darknet_export", make_darknet))
    assert (
        len(tables["labels"]) == 5
        and len(tables["frames"]) == 6
        and not tables["quarantine"]
    )
    assert classes_of(tables).keys() == {"car", "truck"}
    assert {row["split_hint"] for row in tables["frames"]} == {"train"}
    assert sorted(row["num_labels"] for row in tables["annotated_frames"]) == [
        0,
        1,
        1,
        1,
        1,
        1,
    ]


def make_finder_leftovers(folder: Path) -> None:
    for c, name in enumerate(("apple", "castle")):
        for n in range(3):
            write(
                folder,
                {
                    f"{name}/p{n}.png": paint(10 * c + n, 64, 48),
                    f"{name}/._p{n}.png": b"\0\5\x16\7\0\2\0\0Mac OS X        ",
                },
            )


def test_what_a_desktop_leaves_behind_costs_nothing(find_case, take_in):
    tables = take_in(find_case("finder_zip_leftovers", make_finder_leftovers))
    assert classes_of(tables) == {"apple": 3, "castle": 3}
    assert not tables["quarantine"] and tables["report"][0]["quarantined"] == 0


# ---- values by their sense -------------------------------------------------------------------------------------------


def make_pose_rows(folder: Path) -> None:
    points = " ".join(f"{0.25 + 0.01 * k:g} {0.3 + 0.02 * k:g}" for k in range(12))
    write(folder, {"data.yaml": "names: {0: tiger}\nkpt_shape: [12, 2]\n"})
    for n in range(4):
        write(
            folder,
            {
                f"images/p{n}.png": paint(n),
                f"labels/p{n}.txt": f"0 0.35 0.5 0.3 0.6 {points}\n",
            },
        )


def test_rows_of_a_pose_are_boxes_with_keypoints(find_case, take_in):
    tables = take_in(find_case("yolo_pose_rows", make_pose_rows))
    # 320 x 240 px: 0.35 * 320 -+ 0.3 * 320 / 2 = 64, 160; 0.5 * 240 -+ 0.6 * 240 / 2 = 48, 192
    assert len(tables["labels"]) == 4 and boxes_of(tables) == {
        (64.0, 48.0, 160.0, 192.0)
    }
    for row in tables["labels"]:
        assert row["mask_rle"] is None
        assert len(dict(json.loads(row["attributes"]))["keypoints"].split()) == 3 * 12


def make_float_ids(folder: Path) -> None:
    images = [
        {"id": n, "file_name": f"p{n}.png", "width": 320, "height": 240}
        for n in range(4)
    ]
    notes = [
        {"image_id": n, "category_id": 1.0, "bbox": [40, 60, 100, 120]}
        for n in range(4)
    ]
    files = {f"images/p{n}.png": paint(n) for n in range(4)}
    write(folder, files | {"annotations.json": coco(images, notes, "nodule")})


def make_empty_boxes(folder: Path) -> None:
    images = [
        {"id": n, "file_name": f"p{n}.png", "width": 320, "height": 240}
        for n in range(4)
    ]
    outline = [40, 60, 140, 60, 140, 180, 40, 180]
    notes = [{"image_id": n, "bbox": [], "segmentation": [outline]} for n in range(4)]
    files = {f"images/p{n}.png": paint(n) for n in range(4)}
    write(folder, files | {"annotations.json": coco(images, notes, "nodule")})


def make_swapped_corners(folder: Path) -> None:
    for n in range(4):
        write(
            folder,
            {
                f"JPEGImages/p{n}.png": paint(n),
                f"Annotations/p{n}.xml": voc(f"p{n}.png", (140, 60, 40, 180)),
            },
        )


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("coco_float_category_ids", make_float_ids),
        ("coco_empty_bbox_with_polygon", make_empty_boxes),
        ("voc_corners_swapped", make_swapped_corners),
    ],
)
def test_the_same_box_however_it_is_written(find_case, take_in, name, make):
    tables = take_in(find_case(name, make))
    assert len(tables["labels"]) == 4 and boxes_of(tables) == {
        (40.0, 60.0, 140.0, 180.0)
    }
    assert not tables["quarantine"] and {row["task"] for row in tables["labels"]} == {
        "detection"
    }


# ---- pictures without an object --------------------------------------------------------------------------------------


def make_negatives_in_coco(folder: Path) -> None:
    images = [
        {"id": n, "file_name": f"p{n:02d}.png", "width": 160, "height": 120}
        for n in range(12)
    ]
    notes = [{"image_id": n, "bbox": [20 + n, 30, 50, 50]} for n in range(12) if n % 3]
    files = {f"images/p{n:02d}.png": paint(n, 160, 120) for n in range(12)}
    write(folder, files | {"annotations.json": coco(images, notes)})


def make_negatives_in_yolo(folder: Path) -> None:
    write(folder, {"data.yaml": NAMES})
    for n in range(12):
        write(
            folder,
            {
                f"images/p{n:02d}.png": paint(n, 160, 120),
                f"labels/p{n:02d}.txt": "0 .3 .5 .3 .4\n" if n % 3 else "",
            },
        )


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("negatives_in_coco", make_negatives_in_coco),
        ("negatives_in_yolo", make_negatives_in_yolo),
    ],
)
def test_pictures_without_an_object_were_looked_at(find_case, take_in, name, make):
    tables = take_in(find_case(name, make))
    assert len(tables["labels"]) == 8 and len(tables["frames"]) == 12
    counts = Counter(
        (r["num_labels"], r["num_missing"], r["num_ignored"])
        for r in tables["annotated_frames"]
    )
    assert counts == {(1, 0, 0): 8, (0, 0, 0): 4}
