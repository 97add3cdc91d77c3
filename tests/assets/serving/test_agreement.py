"""How far two answers differ, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from assets.serving.agreement import measure_disagreement
from models.masks import encode_mask

SIZE = (4, 10)


def say(names, scores=None, boxes=(), masks=None):
    return {
        "class_names": list(names),
        "scores": list(scores or [0.9] * len(names)),
        "boxes_xyxy": [float(side) for box in boxes for side in box],
        "mask_rles": masks,
    }


def cover(columns: slice) -> str:
    mask = np.zeros(SIZE, bool)
    mask[:, columns] = True
    return encode_mask(mask)


def test_recognition_differs_where_the_most_probable_class_does():
    cup, ball = say(["cup", "ball"]), say(["ball", "cup"])
    assert measure_disagreement("recognition", cup, cup, SIZE) == 0
    assert measure_disagreement("recognition", cup, ball, SIZE) == 1


@pytest.mark.parametrize(
    ("other", "differ"),
    [
        (say(["cup"], boxes=[(0, 0, 4, 4)]), 0.0),
        (say(["ball"], boxes=[(0, 0, 4, 4)]), 1.0),
        (say(["cup"], boxes=[(0, 0, 4, 1)]), 1.0),  # a quarter of it
        (say([]), 1.0),
        # one pair of three boxes: 1 - 2/3
        (say(["cup", "cup"], boxes=[(0, 0, 4, 4), (6, 0, 9, 4)]), 1 / 3),
        (say(["cup", "ball"], [0.9, 0.1], [(0, 0, 4, 4), (6, 0, 9, 4)]), 0.0),
    ],
)
def test_detection_differs_by_the_share_of_sure_boxes_without_a_partner(other, differ):
    cup = say(["cup"], boxes=[(0, 0, 4, 4)])
    found = measure_disagreement("detection", cup, other, SIZE)
    assert found == pytest.approx(differ)


def test_two_that_find_nothing_agree():
    assert measure_disagreement("detection", say([]), say([]), SIZE) == 0


def test_segmentation_differs_by_the_share_of_pixels_of_another_class():
    left = say(["road", "sky"], masks=[cover(slice(0, 5)), cover(slice(5, 10))])
    more = say(["road", "sky"], masks=[cover(slice(0, 7)), cover(slice(7, 10))])
    # two of ten columns
    assert measure_disagreement("segmentation", left, more, SIZE) == pytest.approx(0.2)
    other = say(["sea"], masks=[cover(slice(0, 10))])
    assert measure_disagreement("segmentation", left, other, SIZE) == 1


CUP, CONE, BALL = (0, 0, 4, 4), (6, 0, 10, 4), (0, 6, 4, 10)


@pytest.mark.parametrize(
    ("mine", "theirs", "differ"),
    [
        # the cone that the other calls a ball is compared with nothing
        (say(["cup", "cone"], boxes=[CUP, CONE]), say(["cup", "ball"], boxes=[CUP, CONE]), 0.0),
        (say(["cup", "cone"], boxes=[CUP, CONE]), say(["cup"], boxes=[CUP]), 0.0),
        # a ball elsewhere is: one pair of three boxes
        (say(["cup", "cone"], boxes=[CUP, CONE]), say(["cup", "ball"], boxes=[CUP, BALL]), 1 / 3),
        # nothing is left
        (say(["cone"], boxes=[CUP]), say(["cup"], boxes=[CUP]), None),
        (say([]), say([]), 0.0),
    ],
)  # fmt: skip
def test_a_class_that_one_alone_knows_is_compared_with_nothing(mine, theirs, differ):
    shared = {"cup", "ball"}
    for pair in ((mine, theirs), (theirs, mine)):
        found = measure_disagreement("detection", *pair, SIZE, shared)
        assert found == (None if differ is None else pytest.approx(differ))


def test_a_picture_called_by_a_new_class_is_compared_with_nothing():
    cup, cone, ball = say(["cup", "ball"]), say(["cone", "cup"]), say(["ball", "cup"])
    shared = {"cup", "ball"}
    assert measure_disagreement("recognition", cone, cup, SIZE, shared) is None
    assert measure_disagreement("recognition", ball, cup, SIZE, shared) == 1


def test_pixels_of_a_new_class_are_compared_with_nothing():
    old = say(["road", "sky"], masks=[cover(slice(0, 5)), cover(slice(5, 10))])
    new = say(
        ["road", "kerb", "sky"],
        masks=[cover(slice(0, 3)), cover(slice(3, 6)), cover(slice(6, 10))],
    )
    # of ten columns three are the kerb's, and the other seven agree
    assert measure_disagreement("segmentation", new, old, SIZE, {"road", "sky"}) == 0
    assert measure_disagreement("segmentation", new, old, SIZE) == pytest.approx(0.3)
    none = say(["kerb"], masks=[cover(slice(0, 10))])
    shared = {"road", "sky"}
    assert measure_disagreement("segmentation", none, old, SIZE, shared) is None
