"""Greedy suppression and the quick average precision, by hand and against torchvision."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from models.suppression import MAX_BOXES, keep_best, suppress
from models.tasks.average_precision import mean_average_precision_50
from models.types import BoxSet, Detections


def _truth(*rows):
    return BoxSet(
        np.array([r[:4] for r in rows], np.float32).reshape(-1, 4),
        np.array([r[4] for r in rows], np.int64),
    )


def _found(*rows):
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


def test_overlapping_box_of_the_same_class_goes():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30]], np.float32)
    assert suppress(boxes, np.zeros(3, np.int64), 0.5).tolist() == [0, 2]


def test_overlapping_box_of_another_class_stays():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9]], np.float32)
    assert suppress(boxes, np.array([0, 1]), 0.5).tolist() == [0, 1]


def test_agrees_with_torchvision():
    from torchvision.ops import batched_nms

    rng = np.random.default_rng(0)
    low = rng.uniform(0, 80, (300, 2))
    boxes = np.concatenate([low, low + rng.uniform(5, 40, (300, 2))], 1).astype(
        np.float32
    )
    class_ids = rng.integers(0, 3, 300)
    scores = np.sort(rng.random(300))[::-1].copy()
    wanted = batched_nms(
        torch.from_numpy(boxes),
        torch.from_numpy(scores).float(),
        torch.from_numpy(class_ids),
        0.5,
    )
    assert suppress(boxes, class_ids, 0.5).tolist() == wanted.tolist()


def test_boxes_with_negative_coordinates_stay_with_their_class():
    # of class 1 as far as they look like boxes of class 0 that lie elsewhere
    boxes = np.array([[0, 0, 10, 10], [-11, -11, -1, -1], [-12, -11, -1, -1]])
    assert suppress(boxes.astype(np.float32), np.array([0, 1, 1]), 0.5).tolist() == [
        0,
        1,
    ]


def test_suppression_loads_no_compiler():
    # torchvision would: seconds of each process that predicts boxes
    code = (
        "import sys, numpy as np; from models.suppression import suppress; "
        "suppress(np.eye(4, dtype=np.float32)[2:3], np.zeros(1, np.int64), 0.5); "
        "print({'torchvision', 'torch._dynamo'} & sys.modules.keys())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "set()"


def test_kept_boxes_fall_in_score_and_are_limited():
    boxes = np.array([[i * 10, 0, i * 10 + 5, 5] for i in range(500)], np.float32)
    found = keep_best(boxes, np.linspace(0.1, 0.9, 500, dtype=np.float32)[:, None])
    assert len(found.scores) == MAX_BOXES and (np.diff(found.scores) <= 0).all()


def test_nothing_above_the_threshold_is_no_detection():
    assert keep_best(
        np.zeros((4, 4), np.float32), np.zeros((4, 2), np.float32)
    ).boxes_xyxy.shape == (0, 4)


def test_hit_miss_hit_gives_five_sixths():
    # 2 truths; precision at the hits 1/1 and 2/3: (1 + 2/3) / 2
    truth = _truth((0, 0, 10, 10, 0), (20, 0, 30, 10, 0))
    found = _found(
        (0, 0, 10, 10, 0.9, 0), (50, 50, 60, 60, 0.8, 0), (20, 0, 30, 10, 0.7, 0)
    )
    assert mean_average_precision_50([found], [truth]) == pytest.approx(5 / 6)


def test_second_hit_on_one_truth_is_a_miss():
    truth = _truth((0, 0, 10, 10, 0), (20, 0, 30, 10, 0))
    found = _found((0, 0, 10, 10, 0.9, 0), (0, 0, 10, 10, 0.8, 0))
    assert mean_average_precision_50([found], [truth]) == pytest.approx(1 / 2)


def test_mean_is_over_the_classes_that_occur():
    truth = _truth((0, 0, 10, 10, 0), (20, 0, 30, 10, 2))
    assert mean_average_precision_50(
        [_found((0, 0, 10, 10, 0.9, 0))], [truth]
    ) == pytest.approx(1 / 2)


def test_no_truth_at_all_is_an_error_and_not_a_number():
    with pytest.raises(ValueError, match="none of 1 validation frames has a box"):
        mean_average_precision_50([_found()], [_truth()])
