"""Exports of annotation tools: every label on the picture and the pixels that the annotator saw it on, or refused."""

from __future__ import annotations

import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image


def paint(
    seed: int, width: int = 320, height: int = 240, orientation: int = 1
) -> bytes:
    """A PNG of smooth noise; with an orientation a JPEG."""
    small = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    pixels = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    if orientation == 1:
        return cv2.imencode(".png", pixels)[1].tobytes()
    picture = Image.fromarray(pixels)
    target = io.BytesIO()
    exif = picture.getexif()
    exif[0x112] = orientation
    picture.save(target, "JPEG", exif=exif, quality=90)
    return target.getvalue()


def boxes_by_picture(tables: dict) -> dict[str, list[tuple[float, ...]]]:
    paths = {row["frame_id"]: row["source_path"] for row in tables["frames"]}
    found: dict[str, list[tuple[float, ...]]] = {}
    for row in tables["labels"]:
        corners = tuple(
            round(row[side], 3) for side in ("x_min", "y_min", "x_max", "y_max")
        )
        found.setdefault(Path(paths[row["frame_id"]]).name, []).append(corners)
    return found


# ---- CVAT: a video of which every fifth frame was shown --------------------------------------------------------------


def write_track(folder: Path, numbers: list[int]) -> None:
    """A track on the frames 0, 20 and 40 of a task of the frames 0, 5 .. 40, and pictures with these numbers."""
    boxes = [
        (0, 0, (20, 30, 80, 90)),
        (20, 0, (60, 50, 120, 110)),
        (40, 1, (100, 70, 160, 130)),
    ]
    shapes = "".join(
        f'<box frame="{frame}" keyframe="1" outside="{outside}" xtl="{x0}" ytl="{y0}" xbr="{x1}" ybr="{y1}"/>'
        for frame, outside, (x0, y0, x1, y1) in boxes
    )
    meta = (
        "<task><size>9</size><mode>interpolation</mode><start_frame>0</start_frame><stop_frame>40</stop_frame>"
        "<frame_filter>step=5</frame_filter>"
        "<original_size><width>320</width><height>240</height></original_size></task>"
    )
    track = f'<track id="0" label="car">{shapes}</track>'
    (folder / "images").mkdir(parents=True)
    (folder / "annotations.xml").write_text(
        f"<annotations><meta>{meta}</meta>{track}</annotations>"
    )
    for number in numbers:
        (folder / "images" / f"frame_{number:06d}.PNG").write_bytes(paint(number))


def test_a_picture_that_is_numbered_anew_has_the_box_of_its_own_frame(
    find_case, take_in
):
    """Picture k is frame 5k; in 20 frames the box goes 40 right and 20 down: 10 and 5 a picture. The last has none."""
    tables = take_in(
        find_case(
            "cvat_track_frames_renumbered",
            lambda folder: write_track(folder, list(range(9))),
        )
    )
    expected = {
        f"frame_{k:06d}.PNG": [(20 + 10 * k, 30 + 5 * k, 80 + 10 * k, 90 + 5 * k)]
        for k in range(8)
    }
    assert boxes_by_picture(tables) == expected and not tables["quarantine"]
    assert {row["track_id"] for row in tables["labels"]} == {0}
    looked = [
        (row["num_labels"], row["num_missing"]) for row in tables["annotated_frames"]
    ]
    assert sorted(looked) == [(0, 0)] + 8 * [(1, 0)], (
        "the last picture was looked at and has no car"
    )


def test_a_picture_that_keeps_its_number_has_the_box_of_that_frame(tmp_path, take_in):
    write_track(tmp_path / "video", list(range(0, 41, 5)))
    found = boxes_by_picture(take_in(tmp_path / "video"))
    assert found["frame_000005.PNG"] == [(30, 35, 90, 95)] and len(found) == 8


def test_pictures_that_may_be_numbered_in_both_ways_get_no_label(tmp_path, take_in):
    # frames 0 and 5, or the first picture and the sixth, which is frame 25
    write_track(tmp_path / "video", [0, 5])
    tables = take_in(tmp_path / "video")
    assert not tables["labels"] and not tables["annotated_frames"]
    assert [
        row["reason"].endswith("which picture shows which frame?")
        for row in tables["quarantine"]
    ] == [True]


# ---- Label Studio ----------------------------------------------------------------------------------------------------

# of 320 x 240: 40, 60, 140, 180 px
PLACE = {"x": 12.5, "y": 25.0, "width": 31.25, "height": 50.0, "rotation": 0}


def result(
    kind: str, words: dict, size: tuple[int, int] = (320, 240), place: dict = PLACE
) -> dict:
    return {
        "id": "abc",
        "type": kind,
        "from_name": {"choices": "state"}.get(kind, "label"),
        "to_name": "image",
        "original_width": size[0],
        "original_height": size[1],
        "image_rotation": 0,
        "value": {**place, **words},
    }


def write_export(
    folder: Path, results: list[list[dict]], pictures: dict[str, bytes]
) -> None:
    tasks = [
        {
            "id": n,
            "data": {"image": f"/data/upload/1/0a1b2c3d-{name}"},
            "annotations": [{"id": n, "result": found}],
        }
        for n, (name, found) in enumerate(zip(pictures, results, strict=True))
    ]
    folder.mkdir(exist_ok=True)
    (folder / "project.json").write_text(json.dumps(tasks))
    for name, data in pictures.items():
        (folder / name).write_bytes(data)


def write_choices(folder: Path) -> None:
    states = ["whole", "truncated", "whole", "truncated"]
    found = [
        [
            result("rectanglelabels", {"rectanglelabels": ["vehicle"]}),
            result("choices", {"choices": [state]}),
        ]
        for state in states
    ]
    write_export(folder, found, {f"p{n:02d}.png": paint(n) for n in range(4)})


def test_a_choice_of_a_region_is_an_attribute_of_its_box(find_case, take_in):
    tables = take_in(find_case("label_studio_choice_per_region", write_choices))
    assert [(row["task"], row["class_name"]) for row in tables["labels"]] == 4 * [
        ("detection", "vehicle")
    ]
    assert boxes_by_picture(tables) == {
        f"p{n:02d}.png": [(40, 60, 140, 180)] for n in range(4)
    }
    said = sorted(json.loads(row["attributes"])[0] for row in tables["labels"])
    assert said == [
        ["state", "truncated"],
        ["state", "truncated"],
        ["state", "whole"],
        ["state", "whole"],
    ]
    assert not tables["quarantine"]


def write_pairs(folder: Path) -> None:
    found = [
        [result("rectangle", {}), result("labels", {"labels": ["vehicle"]})]
        for _ in range(4)
    ]
    write_export(folder, found, {f"p{n:02d}.png": paint(n) for n in range(4)})


def test_a_rectangle_and_its_label_are_one_box(find_case, take_in):
    tables = take_in(find_case("label_studio_rectangle_and_labels", write_pairs))
    assert boxes_by_picture(tables) == {
        f"p{n:02d}.png": [(40, 60, 140, 180)] for n in range(4)
    }
    assert {row["class_name"] for row in tables["labels"]} == {
        "vehicle"
    } and not tables["quarantine"]


def write_upright(folder: Path) -> None:
    # of 240 x 320: 30, 200, 130, 300
    place = {"x": 12.5, "y": 62.5, "width": 125 / 3, "height": 31.25, "rotation": 0}
    found = [
        [result("rectanglelabels", {"rectanglelabels": ["sign"]}, (240, 320), place)]
        for _ in range(4)
    ]
    write_export(
        folder, found, {f"p{n}.jpg": paint(n, orientation=6) for n in range(4)}
    )


def test_a_box_drawn_on_the_upright_picture_lies_on_the_stored_pixels(
    find_case, take_in
):
    """Orientation 6 is turned by a quarter clockwise to be seen: a point (x, y) of what is seen is (y, 240 - x)."""
    tables = take_in(find_case("exif_label_studio_upright_labels", write_upright))
    assert boxes_by_picture(tables) == {
        f"p{n}.jpg": [(200, 110, 300, 210)] for n in range(4)
    }
    assert {(row["width_px"], row["height_px"]) for row in tables["frames"]} == {
        (320, 240)
    }
    assert not tables["quarantine"]


@pytest.mark.parametrize("size", [(640, 480), (300, 400)])
def test_a_box_drawn_on_a_picture_of_another_size_is_refused_and_its_picture_no_negative(
    tmp_path, take_in, size
):
    found = [[result("rectanglelabels", {"rectanglelabels": ["sign"]}, size)]]
    write_export(tmp_path / "export", found, {"p0.png": paint(0)})
    tables = take_in(tmp_path / "export")
    assert not tables["labels"] and len(tables["quarantine"]) == 1
    assert [
        (row["num_labels"], row["num_missing"]) for row in tables["annotated_frames"]
    ] == [(0, 1)]
