"""Two views of each image, a loss that does not collapse, and an exam that uses labels where there are some."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from models.nets.export import export_onnx
from models.recipes import get_recipe
from models.tasks.pretraining import Pretraining
from models.tasks.recognition import Recognition
from models.training.fit import Splits, fit
from models.training.seed import sample_rng
from models.types import Sample

TASK = Pretraining()
CONFIG = replace(get_recipe("tiny_pretraining"), image_size_px=32, batch_size=8)


def _draw(number: int) -> Sample:
    """A disc or a square of some colour; every third has no class."""
    rng = np.random.default_rng(number)
    image = np.full((48, 48, 3), 90, np.uint8)
    colour = tuple(int(v) for v in rng.integers(0, 255, 3))
    x, y = (int(v) for v in rng.integers(12, 36, 2))
    if number % 2:
        cv2.rectangle(image, (x - 9, y - 9), (x + 9, y + 9), colour, -1)
    else:
        cv2.circle(image, (x, y), 9, colour, -1)
    return Sample(f"frame {number}", image, None if number % 3 == 2 else number % 2)


def _build(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return TASK.build(CONFIG, 2, None)


def test_a_batch_holds_two_different_views_that_its_seed_gives():
    samples = [_draw(n) for n in range(4)]
    one, two = (
        TASK.make_batch(samples, 2, CONFIG, [sample_rng(0, 0, n) for n in range(4)])
        for _ in range(2)
    )
    assert (
        one.images.shape == (4, 2, 3, 32, 32)
        and one.images.dtype == torch.uint8
        and one.colour.shape == (4, 2, 3)
    )
    assert torch.equal(one.images, two.images) and torch.equal(one.colour, two.colour)
    assert all(not torch.equal(views[0], views[1]) for views in one.images)
    assert (
        one.part(1, 3).frame_ids == ("frame 1", "frame 2")
        and one.part(1, 3).targets is None
    )


def test_some_views_are_grey():
    samples = [_draw(n) for n in range(60)]
    batch = TASK.make_batch(
        samples, 2, CONFIG, [sample_rng(0, 0, n) for n in range(60)]
    )
    assert 0.1 < float((batch.colour[..., 2] == 0).float().mean()) < 0.3


def test_training_lowers_the_loss_and_does_not_collapse():
    samples = [_draw(n) for n in range(32)]
    net = _build()
    result = fit(net, TASK, Splits(samples, samples, 2), replace(CONFIG, epochs=4), 0)
    losses = [row["train_loss"] for row in result.history]
    assert losses[-1] < losses[0]
    net.load_state_dict(result.weights)
    with torch.inference_mode():
        vectors = np.stack(
            [
                e.values
                for e in TASK.predict(
                    net.eval(), [s.image_rgb for s in samples], CONFIG
                )
            ]
        )
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors.std(0).max() > 1e-3  # a collapse gives every image the same vector


def test_the_exam_asks_for_classes_only_where_there_are_some():
    net = _build().eval()
    samples = [_draw(n) for n in range(30)]
    with torch.inference_mode():
        figures = TASK.examine(net, samples[:20], samples[20:], CONFIG)
        bare = TASK.examine(
            net, samples[:20], [replace(s, target=None) for s in samples[20:]], CONFIG
        )
    assert figures.keys() == {"found_again", "knn", "linear"} and bare.keys() == {
        "found_again"
    }
    assert (
        all(0 <= value <= 1 for value in figures.values())
        and bare["found_again"] == figures["found_again"]
    )


@pytest.mark.parametrize(("net", "length"), [("lite0", 1280), ("resnet18", 512)])
def test_the_onnx_form_gives_unit_vectors(net, length):
    encoder = TASK.build(replace(CONFIG, net=net), 2, None).eval()
    form, names = TASK.deployed(encoder, 32)
    example = torch.rand(1, 3, 32, 32) * 255
    assert names == ("vectors",) and export_onnx(form, example, names)
    assert form(example).shape == (1, length) and form(
        example
    ).norm().item() == pytest.approx(1, abs=1e-5)


def test_recognition_starts_from_an_encoder_of_its_net():
    encoder = TASK.build(replace(CONFIG, net="resnet18"), 2, None)
    config = replace(
        get_recipe("base_recognition"), net="resnet18", weights="encoder.safetensors"
    )
    classifier = Recognition().build(config, 2, encoder.state_dict())
    pixels = torch.rand(2, 3, 64, 64) * 255
    features = classifier.eval().backbone(classifier.normalise(pixels))
    torch.testing.assert_close(features, encoder.eval().encode(pixels))
