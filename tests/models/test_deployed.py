"""Answers read from a shipped net's outputs lie where the image's pixels do."""

from __future__ import annotations

import numpy as np
import pytest

from models.deployed import fit_input, read_answer
from models.types import Detections, Probabilities, SemanticPrediction

WIDE = np.zeros((32, 64, 3), np.uint8)  # of a square of 64, rows 16 to 48


def test_recognition_is_stretched_and_read_as_it_is():
    assert fit_input("recognition", WIDE, 64).max() == 0
    found = read_answer(
        "recognition", [np.array([0.25, 0.75], np.float32)], (32, 64), 64
    )
    assert isinstance(found, Probabilities) and found.values.tolist() == [0.25, 0.75]


def test_what_says_where_something_is_keeps_the_proportions():
    canvas = fit_input("detection", WIDE, 64)
    assert canvas.shape == (64, 64, 3)
    assert canvas[20:44].max() == 0 and (canvas[:12] > 100).all()


def test_boxes_are_in_pixels_of_the_image_and_inside_it():
    boxes = np.array([[8, 24, 24, 40], [0, 0, 64, 64]], np.float32)
    scores = np.array([[0.9, 0.0], [0.0, 0.8]], np.float32)
    found = read_answer("detection", [scores, boxes], (64, 128), 64)
    assert isinstance(found, Detections)
    # the image is twice as large as it lies on the square, from row 16 on
    assert found.boxes_xyxy.tolist() == [[16, 16, 48, 48], [0, 0, 128, 64]]
    assert found.class_ids.tolist() == [0, 1]


def test_each_pixel_has_the_class_that_is_most_probable_where_it_lies():
    left = np.zeros((64, 64), np.float32)
    left[:, :32] = 0.75
    found = read_answer("segmentation", [np.stack([left, 1 - left])], (32, 64), 64)
    assert isinstance(found, SemanticPrediction)
    assert found.map.class_ids.shape == (32, 64)
    assert (found.map.class_ids[:, :32] == 0).all()
    assert (found.map.class_ids[:, 32:] == 1).all()
    assert found.confidences.tolist() == [0.75, 1.0]


def test_a_task_without_such_a_form_is_refused():
    with pytest.raises(ValueError, match="answers about pretraining"):
        read_answer("pretraining", [], (1, 1), 1)
