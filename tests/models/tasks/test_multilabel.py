"""Every class that an image shows: targets, figures equal to scikit-learn's, and a net that learns them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, f1_score

from assets.pretrained import read_imagenet
from models.metrics.multilabel import mean_average_precision, micro_f1
from models.recipes import get_recipe
from models.tasks.multilabel import MultiLabel
from models.training.fit import Splits, fit
from models.training.seed import sample_rng
from models.types import Sample

TASK = MultiLabel()
CONFIG = replace(get_recipe("tiny_multilabel"), image_size_px=64, batch_size=6)
COLOURS = ((220, 40, 40), (40, 220, 40), (40, 40, 220))


def _draw(number: int) -> Sample:
    """Stripes of the colours that are shown: none, some or all of three."""
    shown = frozenset(c for c in range(3) if number >> c & 1)
    image = np.full((64, 64, 3), 90, np.uint8)
    for c in shown:
        image[8 + 16 * c : 20 + 16 * c, 8:56] = COLOURS[c]
    return Sample(f"frame {number}", image, shown)


def test_targets_say_yes_for_each_class_that_shows():
    batch = TASK.make_batch(
        [_draw(5), _draw(0)], 3, CONFIG, [sample_rng(0, 0, n) for n in range(2)]
    )
    assert batch.targets.tolist() == [[1, 0, 1], [0, 0, 0]]


def test_it_learns_several_classes_an_image():
    samples = [_draw(n) for n in (1, 2, 3, 4, 5, 6, 7, 0, 3, 5, 6, 7)]
    torch.manual_seed(0)
    net = TASK.build(CONFIG, 3, read_imagenet())
    result = fit(
        net,
        TASK,
        Splits(samples, samples, 3),
        replace(CONFIG, epochs=12, score_every=4),
        0,
    )
    net.load_state_dict(result.weights)
    with torch.inference_mode():
        figures = TASK.examine(net.eval(), samples, samples, CONFIG)
    assert (
        figures["map"] == pytest.approx(result.metric)
        and figures["map"] > 0.95
        and figures["micro_f1"] > 0.7
    )


@pytest.mark.parametrize("seed", range(10))
def test_figures_are_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    scores = rng.random((40, 5)).round(1).astype(np.float32)
    shown = (rng.random((40, 5)) < 0.3).astype(np.float32)
    shown[:, 4] = 0  # a class that never occurs does not count
    wanted = np.mean(
        [average_precision_score(shown[:, c], scores[:, c]) for c in range(4)]
    )
    assert mean_average_precision(scores, shown) == pytest.approx(wanted)
    assert micro_f1(scores >= 0.5, shown) == pytest.approx(
        f1_score(shown, scores >= 0.5, average="micro")
    )


def test_nothing_to_find_is_an_error_not_a_figure():
    with pytest.raises(ValueError, match="none of 3 images shows a class"):
        mean_average_precision(
            np.zeros((3, 2), np.float32), np.zeros((3, 2), np.float32)
        )
    assert micro_f1(np.zeros((3, 2), bool), np.zeros((3, 2), np.float32)) == 0.0
