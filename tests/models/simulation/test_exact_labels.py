"""Labels from instance maps: tight boxes, COCO masks, the largest solid's class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.masks import decode_mask, encode_mask, find_box
from models.simulation.labels import label_frame


def test_box_is_at_the_outer_corners_of_the_mask():
    mask = np.zeros((10, 12), bool)
    mask[3:5, 7:11] = True
    assert find_box(mask) == (7.0, 3.0, 11.0, 5.0)


def test_box_of_one_pixel_has_area_one():
    mask = np.zeros((4, 4), bool)
    mask[2, 1] = True
    assert find_box(mask) == (1.0, 2.0, 2.0, 3.0)


def test_a_small_mask_has_the_runs_that_a_person_counts():
    # Columns first: 0 0 | 1 1 | 0 1 -> runs 2 off, 2 on, 1 off, 1 on. From the fourth run on it is the difference to
    # the run two before: 2, 2, 1, 1 - 2 = -1. A character is 48 + five bits: 2 -> "2", 1 -> "1", -1 -> 31 -> "O".
    mask = np.array([[0, 1, 0], [0, 1, 1]], bool)
    assert encode_mask(mask) == "221O"


@pytest.mark.parametrize(
    "case", ["random", "empty", "full", "first pixel", "large runs", "blob"]
)
def test_masks_equal_those_of_pycocotools(case):
    from pycocotools import mask as coco

    rng = np.random.default_rng(1)
    masks = {
        "random": rng.random((37, 53)) < 0.3,
        "empty": np.zeros((24, 32), bool),
        "full": np.ones((24, 32), bool),
        "first pixel": np.arange(12).reshape(3, 4) == 0,
        "large runs": np.arange(240 * 320).reshape(240, 320) > 70000,
        "blob": np.hypot(*(np.mgrid[:240, :320] - np.array([[[120]], [[150]]]))) < 45,
    }
    mask = masks[case]
    expected = coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    assert encode_mask(mask) == expected
    assert np.array_equal(decode_mask(expected, *mask.shape), mask)


def test_runs_that_do_not_fill_the_picture_are_refused():
    with pytest.raises(ValueError, match="cover 6 of 20 px"):
        decode_mask("221O", 4, 5)


def test_largest_solid_gives_the_class_and_slivers_are_left_out(ball_scene):
    ball = ball_scene.primitives[0]
    others = replace(ball, track_id=2, class_name="box"), replace(ball, track_id=3)
    scene = replace(ball_scene, primitives=(ball, *others))
    instances = np.zeros((100, 100), np.uint8)
    # 30, 100 and 7 px; 8 are needed
    instances[:3, :10] = 1
    instances[50:60, 50:60] = 2
    instances[90, 90:97] = 3
    truth = label_frame(instances, scene)
    assert truth.recognition == "box"
    assert [(o.track_id, o.area_px, o.box_xyxy) for o in truth.objects] == [
        (2, 100, (50.0, 50.0, 60.0, 60.0)),
        (1, 30, (0.0, 0.0, 10.0, 3.0)),
    ]


def test_an_empty_view_has_no_class(ball_scene):
    assert label_frame(np.zeros((20, 20), np.uint8), ball_scene).recognition is None


def test_every_pixel_has_one_class_slivers_and_background_too(ball_scene):
    ball = ball_scene.primitives[0]
    scene = replace(
        ball_scene,
        primitives=(
            ball,
            replace(ball, track_id=2, class_name="box"),
            replace(ball, track_id=3),
        ),
    )
    instances = np.zeros((100, 100), np.uint8)
    instances[:3, :10] = 1
    instances[50:60, 50:60] = 2
    instances[90, 90:97] = 3
    masks = {
        name: decode_mask(text, 100, 100)
        for name, text in label_frame(instances, scene).class_masks.items()
    }
    assert sorted(masks) == ["background", "ball", "box"]
    np.testing.assert_array_equal(masks["ball"], np.isin(instances, (1, 3)))
    np.testing.assert_array_equal(masks["background"], instances == 0)
    np.testing.assert_array_equal(sum(m.astype(int) for m in masks.values()), 1)
