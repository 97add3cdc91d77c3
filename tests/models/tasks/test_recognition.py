"""Recognition's answers are as sure as they are right, and the same classes as before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.recipes import get_recipe
from models.tasks import TASKS
from models.types import Probabilities

TASK = TASKS["recognition"]


@pytest.mark.parametrize("net_name", ["lite0", "resnet18"])
def test_a_net_that_is_too_sure_says_the_same_less_loudly(net_name):
    config = replace(
        get_recipe("tiny_recognition"),
        net=net_name,
        weights="none",
        frozen_stages=0,
        image_size_px=32,
    )
    torch.manual_seed(0)
    net = TASK.build(config, 3, None).eval()
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (32, 32, 3), dtype=np.uint8) for _ in range(4)]
    class_ids = rng.permutation(np.repeat(np.arange(3), 200))
    sure = np.where(np.eye(3)[class_ids] > 0, 0.98, 0.01).astype(np.float32)
    # right by chance alone
    predictions = [Probabilities(v) for v in np.roll(sure, 150, 0)]
    with torch.inference_mode():
        before = TASK.predict(net, images, config)
    TASK.temper(net, predictions, class_ids.tolist())
    with torch.inference_mode():
        after = TASK.predict(net, images, config)
    for one, other in zip(before, after, strict=True):
        ratio = np.ptp(np.log(one.values)) / np.ptp(np.log(other.values))
        assert ratio > 5 and one.values.argmax() == other.values.argmax()
