"""Pictures that show no object: every net that looks for objects learns from them, and a box in one costs precision."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.recipes import get_recipe
from models.tasks import TASKS
from models.tasks.average_precision import mean_average_precision_50
from models.training.fit import Splits, fit
from models.training.seed import sample_rng
from models.types import BoxSet, Detections, InstanceSet, Sample

pytestmark = pytest.mark.usefixtures("one_thread")
SIDE_PX = 64
OF_NETS = [
    ("detection", {}),
    ("detection", {"net": "retinanet_resnet50_fpn_v2"}),
    ("detection", {"net": "fasterrcnn_mobilenet_v3_large_320_fpn"}),
    ("instances", {}),
    ("multilabel", {}),
]


def config_of(task: str, **changes):
    return replace(
        get_recipe(f"tiny_{task}"),
        image_size_px=SIDE_PX,
        weights="none",
        frozen_stages=0,
        **changes,
    )


def draw(task: str, number: int, is_empty: bool = False) -> Sample:
    """A red square on grey, or grey alone."""
    image = np.full((SIDE_PX, SIDE_PX, 3), 90 + number, np.uint8)
    mask = np.zeros((0 if is_empty else 1, SIDE_PX, SIDE_PX), bool)
    mask[:, 12:44, 12:44] = True
    if not is_empty:
        image[mask[0]] = (220, 60, 40)
    boxes = np.array([[12, 12, 44, 44]] * len(mask), np.float32).reshape(-1, 4)
    class_ids = np.zeros(len(mask), np.int64)
    target = {
        "detection": BoxSet(boxes, class_ids),
        "instances": InstanceSet(boxes, class_ids, mask),
        "multilabel": frozenset(class_ids.tolist()),
    }[task]
    return Sample(f"{'empty' if is_empty else 'red'} {number}", image, target)


@pytest.mark.parametrize(("task", "changes"), OF_NETS)
@pytest.mark.parametrize("is_alone", [True, False])
def test_a_batch_with_empty_pictures_teaches_every_net(task, changes, is_alone):
    config = config_of(task, **changes)
    samples = [
        draw(task, 0, is_empty=True),
        draw(task, 1, is_empty=is_alone),
        draw(task, 2, is_empty=True),
    ]
    torch.manual_seed(0)
    net = TASKS[task].build(config, 1, None).train()
    batch = TASKS[task].make_batch(
        samples, 1, config, [sample_rng(0, 0, n) for n in range(3)]
    )
    loss = TASKS[task].loss(net, batch)
    loss.backward()
    assert torch.isfinite(loss) and loss > 0
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in net.parameters())


@pytest.mark.parametrize("task", ["detection", "instances", "multilabel"])
def test_a_training_with_empty_pictures_in_train_and_val_runs(task):
    samples = [draw(task, n, is_empty=n % 3 == 0) for n in range(6)]
    config = config_of(task, epochs=1, batch_size=3)
    torch.manual_seed(0)
    result = fit(
        TASKS[task].build(config, 1, None),
        TASKS[task],
        Splits(samples, samples, 1),
        config,
        0,
    )
    assert (
        np.isfinite(result.history[0]["train_loss"])
        and 0 <= result.history[0][TASKS[task].metric] <= 1
    )


def test_a_box_in_an_empty_picture_lowers_the_score_that_chooses_the_epoch():
    box = np.array([[12, 12, 44, 44]], np.float32)
    none = np.zeros((0, 4), np.float32)
    truths = [BoxSet(box, np.zeros(1, np.int64)), BoxSet(none, np.zeros(0, np.int64))]
    hit, false = (
        Detections(box, np.array([score], np.float32), np.zeros(1, np.int64))
        for score in (0.5, 0.9)
    )
    nothing = Detections(none, np.zeros(0, np.float32), np.zeros(0, np.int64))
    assert mean_average_precision_50([hit, nothing], truths) == 1.0
    # the false one is surer: one of two is right
    assert mean_average_precision_50([hit, false], truths) == 0.5
