"""Nets made as sure as they are right: in their class layer, with the same answers, and the shipped form with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.metrics.matching import judge_detections
from models.recipes import get_recipe
from models.tasks.detection import Detection
from models.tasks.segmentation import Segmentation
from models.types import (
    IGNORE,
    BoxSet,
    Detections,
    PixelProbe,
    SemanticMap,
    SemanticPrediction,
)

SIDE_PX = 64
RNG = np.random.default_rng(0)
IMAGES = [RNG.integers(0, 256, (SIDE_PX, SIDE_PX, 3), np.uint8) for _ in range(2)]


def build(task, name):
    config = replace(
        get_recipe(name), weights="none", frozen_stages=0, image_size_px=SIDE_PX
    )
    torch.manual_seed(0)
    return task.build(config, 3, None).eval(), config


def say(num_hits: int, num_false: int) -> tuple[list[Detections], list[BoxSet]]:
    """One image an answer, at a score of 0.8."""
    box = np.float32([[0, 0, 10, 10]])
    found = [
        Detections(box, np.float32([0.8]), np.array([0]))
        for _ in range(num_hits + num_false)
    ]
    truths = [BoxSet(box, np.array([0])) for _ in range(num_hits)]
    elsewhere = [BoxSet(box + 50, np.array([0])) for _ in range(num_false)]
    return found, truths + elsewhere


def test_a_detector_that_is_right_half_the_time_says_so():
    task = Detection()
    net, _ = build(task, "tiny_detection")
    pixels = torch.rand(1, 3, SIDE_PX, SIDE_PX) * 255
    with torch.inference_mode():
        before, boxes = net(pixels)
        found = task.temper(net, *say(200, 200))
        after, same_boxes = net(pixels)
        form, _ = task.deployed(net, SIDE_PX)
        shipped, _ = form(pixels)
    assert found is not None
    assert torch.allclose(after, found.scale * before + found.shift, atol=1e-4)
    assert torch.equal(boxes, same_boxes), "where objects are stays"
    assert torch.allclose(shipped, after.sigmoid()), "the shipped form says the same"
    # of 0.8 becomes 0.5
    assert found.scale * np.log(4) + found.shift == pytest.approx(0, abs=0.1)
    assert found.ece_before == pytest.approx(0.3, abs=0.01) and found.ece_after < 0.03


def test_a_detector_that_hits_too_little_stays_as_it_is():
    task = Detection()
    net, _ = build(task, "tiny_detection")
    before = [p.clone() for p in net.head.classify.parameters()]
    assert task.temper(net, *say(19, 500)) is None
    assert all(
        torch.equal(a, b)
        for a, b in zip(before, net.head.classify.parameters(), strict=True)
    )
    assert judge_detections(*reversed(say(19, 500)))[1].sum() == 19


def test_a_segmenter_gets_less_sure_and_pixels_keep_their_class():
    task = Segmentation()
    net, config = build(task, "tiny_segmentation")
    probe = PixelProbe(
        np.arange(100), np.tile(np.float32([[0.98, 0.01, 0.01]]), (100, 1))
    )
    said = SemanticPrediction(
        SemanticMap(np.zeros((10, 10), np.uint8)), np.zeros(3, np.float32), probe
    )
    # right in 60 of 90; of ten nobody says
    true_ids = np.repeat(np.uint8([0, 1, IGNORE]), [60, 30, 10]).reshape(10, 10)
    with torch.inference_mode():
        before = task.predict(net, IMAGES, config)
        found = task.temper(net, [said] * 50, [SemanticMap(true_ids)] * 50)
        after = task.predict(net, IMAGES, config)
    assert found is not None and found.scale < 0.5
    assert found.ece_before == pytest.approx(0.98 - 60 / 90, abs=0.001)
    assert found.ece_after < 0.5 * found.ece_before
    for one, other in zip(before, after, strict=True):
        same = one.map.class_ids == other.map.class_ids
        assert same.mean() > 0.999, "but for two classes that are equal to rounding"
        assert (other.confidences <= one.confidences + 1e-6).all()


def test_probed_pixels_have_the_class_of_the_map():
    task = Segmentation()
    net, config = build(task, "tiny_segmentation")
    tall = RNG.integers(0, 256, (90, 40, 3), np.uint8)
    with torch.inference_mode():
        (answer,) = task.predict(net, [tall], config)
    probe = answer.probe
    assert probe is not None and len(probe.places) >= 16
    assert probe.probabilities.sum(1) == pytest.approx(
        np.ones(len(probe.places)), abs=1e-5
    )
    of_map = answer.map.class_ids.ravel()[probe.places]
    assert (probe.probabilities.argmax(1) == of_map).mean() > 0.99
