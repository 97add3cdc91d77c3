"""Pictures and marks of frames: upright, of pixels alone, at one place."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from assets.browsing import marks as marks_module
from assets.browsing.browser import Browser
from assets.browsing.marks import LayerError, read_marks
from assets.browsing.pictures import THUMB_PX, Thumbnails, draw_whole
from assets.browsing.upright import Upright
from assets.tables.catalog import Catalog
from assets.tables.schemas import content_id
from assets.workspace import Workspace
from models.masks import encode_mask
from tests.assets.browsing.conftest import name_frame, put


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_lies_on_the_same_pixels_upright_and_back(orientation):
    turn = Upright((6, 4), orientation)  # 6 wide, 4 high
    stored = np.zeros((4, 6), bool)
    stored[1:3, 2:5] = True  # rows 1 and 2, columns 2 to 4
    left, top, right, bottom = turn.show_box((2.0, 1.0, 5.0, 3.0))
    shown = turn.show_pixels(stored.astype(np.uint8)).astype(bool)
    assert shown.shape == turn.shown_px[::-1]
    box = np.zeros_like(shown)
    box[int(top) : int(bottom), int(left) : int(right)] = True
    assert (box == shown).all()
    assert turn.store_box((left, top, right, bottom)) == (2.0, 1.0, 5.0, 3.0)
    assert (turn.store_mask(shown) == stored).all()


def test_orientation_6_is_a_quarter_turn_to_the_right():
    # one pixel at the stored top left comes to the top right
    pixels = np.zeros((2, 3), np.uint8)
    pixels[0, 0] = 1
    shown = Upright((3, 2), 6).show_pixels(pixels)
    assert shown.shape == (3, 2) and shown[0, 1] == 1


def decode(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_pictures_are_upright_jpegs_without_metadata(looked_at: Callable[[], Browser]):
    browser = looked_at()
    turned = name_frame("monday", 1)
    made = browser.thumbnails.make(browser.index, [turned, name_frame("monday", 0)])
    assert decode(made[turned]).shape[:2] == (16, 12)  # stored 16 wide, 12 high
    whole = draw_whole(browser.catalog, browser.index, turned)
    assert decode(whole).shape[:2] == (16, 12)
    assert b"Exif" not in whole and b"Exif" not in made[turned]
    with pytest.raises(KeyError):
        draw_whole(browser.catalog, browser.index, "0" * 32)


def test_a_large_picture_becomes_small_and_a_16_bit_one_is_stretched(
    home, catalog: Catalog, frame_rows, make_png
):
    large = make_png(1, width_px=640, height_px=400)
    deep = np.linspace(1000, 3000, 16 * 12).astype(np.uint16).reshape(12, 16)
    payloads = [large, cv2.imencode(".png", deep)[1].tobytes(), b"no picture"]
    sizes = {"width_px": [640, 16, 16], "height_px": [400, 12, 12]}
    catalog.merge("frames", frame_rows(3, payload=payloads, **sizes))
    browser = Browser(catalog, Workspace(home))
    names = [name_frame("monday", n) for n in range(3)]
    made = browser.thumbnails.make(browser.index, names)
    assert decode(made[names[0]]).shape[:2] == (100, THUMB_PX)
    grey = decode(made[names[1]])
    assert grey.min() < 20 and grey.max() > 235
    assert isinstance(made[names[2]], ValueError)


def test_no_more_small_pictures_are_kept_than_there_is_room_for(looked_at):
    browser = looked_at()
    names = [name_frame("tuesday", n) for n in range(4)]
    made = browser.thumbnails.make(browser.index, names)
    room = sum(len(made[name]) for name in names[2:])
    few = Thumbnails(browser.catalog, most_bytes=room)
    few.make(browser.index, names)
    kept = [few.find(browser.index, name) is not None for name in names]
    assert kept == [False, False, True, True]


def test_labels_lie_on_the_upright_picture_and_other_layers_are_refused(looked_at):
    browser = looked_at()
    frame_id = name_frame("monday", 0)
    marks = read_marks(
        browser.catalog, browser.index, [frame_id, "0" * 32], ["labels", "tracks"]
    )
    assert list(marks) == [frame_id]
    (mark,) = marks[frame_id]["labels"]
    assert (mark["kind"], mark["class_name"]) == ("box", "mug")
    assert mark["box"] == (1.0, 2.0, 5.0, 4.0) and len(mark["label_id"]) == 32
    with pytest.raises(LayerError, match="no layer 'depth'"):
        read_marks(browser.catalog, browser.index, [frame_id], ["depth"])


def put_mask(catalog: Catalog, mask: np.ndarray) -> str:
    """On the first frame of tuesday."""
    frame_id = name_frame("tuesday", 0)
    row = {
        "label_id": content_id("mask"),
        "frame_id": frame_id,
        "capture_id": content_id("capture", "tuesday"),
        "session": "tuesday",
        "task": "segmentation",
        "class_name": "mug",
        "mask_rle": encode_mask(mask),
    }
    put(catalog, "labels", [row])
    return frame_id


def test_of_a_mask_of_many_parts_the_largest_are_drawn(looked_at, catalog, lower):
    browser = looked_at()
    mask = np.zeros((12, 16), bool)
    mask[::4, ::4] = True  # 12 single pixels
    mask[8:11, 8:11] = True  # one of which becomes a square
    frame_id = put_mask(catalog, mask)

    def read() -> list[dict]:
        found = read_marks(browser.catalog, browser.index, [frame_id], ["labels"])
        return found[frame_id]["labels"]

    assert len(read()) == 12
    lower(marks_module, MOST_PARTS=1)
    (mark,) = read()
    assert mark["kind"] == "mask"
    assert sorted(mark["points"]) == [(8.5, 8.5), (8.5, 10.5), (10.5, 8.5), (10.5, 10.5)]  # fmt: skip
    lower(marks_module, MOST_CORNERS=3)
    (mark,) = read()
    assert len(mark["points"]) == 2


def test_an_answer_without_a_place_has_no_box_and_spoils_no_other(looked_at, catalog):
    browser = looked_at()
    frame_id = name_frame("tuesday", 0)
    row = {
        "prediction_id": content_id("prediction"),
        "frame_id": frame_id,
        "model_sha256": "a" * 64,
        "class_names": ["mug", "fork"],
        "scores": [float("nan"), 0.5],
        "boxes_xyxy": [float("nan"), 1.0, 2.0, 3.0, 1.0, 2.0, 5.0, 4.0],
    }
    put(catalog, "predictions", [row])
    layer = "predictions:aa"
    found = read_marks(browser.catalog, browser.index, [frame_id], [layer])
    told = [(m["kind"], m["box"], m["score"]) for m in found[frame_id][layer]]
    assert told == [("class", None, None), ("box", (1.0, 2.0, 5.0, 4.0), 0.5)]
