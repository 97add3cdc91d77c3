"""What a stored answer of each kind says to be there, and how it is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from assets.kinds import KINDS, find_kind
from models.masks import encode_mask

COLORS = {"cup": (255, 0, 0), "mug": (0, 0, 255)}
GREY = np.full((48, 64, 3), 128, np.uint8)


def answer(**said):
    return {
        "frame_id": "f",
        "boxes_xyxy": [],
        "class_names": [],
        "scores": [],
        "mask_rles": None,
    } | said


def is_like(picture, color) -> np.ndarray:
    """(H, W) where a picture has more of this colour than of the others."""
    strongest = int(np.argmax(color))
    others = [c for c in range(3) if c != strongest]
    lead = picture[..., strongest].astype(int) - picture[..., others].max(2)
    return lead > 60


def test_boxes_are_found_from_a_score_on_and_drawn_so():
    row = answer(
        boxes_xyxy=[4.0, 4.0, 20.0, 40.0, 40.0, 4.0, 60.0, 40.0],
        class_names=["cup", "mug"],
        scores=[0.5, 0.25],
    )
    kind = find_kind("detection")
    assert kind.list_found(row, 0.0) == ["cup", "mug"]
    assert kind.list_found(row, 0.5) == ["cup"]
    assert kind.list_found(row, 0.51) == []
    few = kind.draw_answer(row, GREY, COLORS, 0.5)
    every = kind.draw_answer(row, GREY, COLORS, 0.0)
    assert is_like(few, COLORS["cup"]).any() and is_like(every, COLORS["cup"]).any()
    assert not is_like(few, COLORS["mug"]).any() and is_like(every, COLORS["mug"]).any()


def test_of_a_picture_the_most_probable_class_is_found():
    row = answer(class_names=["mug", "cup"], scores=[0.6, 0.4])
    kind = find_kind("recognition")
    assert kind.list_found(row, 0.9) == ["mug"]
    drawn = kind.draw_answer(row, GREY, COLORS, 0.9)
    assert is_like(drawn, COLORS["mug"]).any()
    assert not is_like(drawn, COLORS["cup"]).any()


def test_of_a_map_every_class_is_found_where_it_lies():
    left = np.zeros((48, 64), bool)
    left[:, :32] = True
    masks = [encode_mask(left), encode_mask(~left)]
    row = answer(class_names=["mug", "cup"], scores=[0.2, 0.1], mask_rles=masks)
    kind = find_kind("segmentation")
    assert kind.list_found(row, 0.9) == ["mug", "cup"]
    drawn = kind.draw_answer(row, GREY, COLORS, 0.9)
    np.testing.assert_array_equal(is_like(drawn, COLORS["mug"]), left)
    np.testing.assert_array_equal(is_like(drawn, COLORS["cup"]), ~left)


def test_kinds_whose_answers_are_not_stored_have_none():
    others = [kind for kind in KINDS if not kind.is_judged]
    assert len(others) == len(KINDS) - 3
    for kind in others:
        with pytest.raises(ValueError, match="are not stored"):
            kind.list_found(answer(), 0.0)
        with pytest.raises(ValueError, match="are not stored"):
            kind.draw_answer(answer(), GREY, COLORS, 0.0)
