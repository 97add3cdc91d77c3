#!/usr/bin/env bash
# Finding: the COCO files that torchmetrics writes of its input know the class 0 alone, and are scored as
#   if there were no other
#
# Packages: torchmetrics==1.9.0, pycocotools==2.0.11, torch==2.15.0, torchvision==0.29.2 (Python 3.11 or
#   later; 3 GB on Linux, two minutes)
#
# Guess: `MeanAveragePrecision.tm_to_coco` writes what was given to `update`, "in coco format": the labels
#   are the categories, and the files give the score that `compute` gives.
#
# Seen: a car (class 0) that is found and a lorry (class 1) that is not: `compute` says 0.5. The list of
#   categories in both files is [0], while their annotations have 0 and 1; pycocotools evaluates the
#   categories of the list and says 1.0. With classes numbered from 1, none of which is in the list, it
#   says -1. The list is made for the average "micro", whatever the metric was made with ("macro" by
#   default).
#
# Why it matters: the files are what is kept of an evaluation, and what goes to other tools. All classes
#   but the first are without a name and out of the score, which looks the better the worse they are.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q torchmetrics==1.9.0 pycocotools==2.0.11 torch==2.15.0 torchvision==0.29.2 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torchmetrics.detection import MeanAveragePrecision

CAR_BOX, LORRY_BOX = [10.0, 10.0, 60.0, 60.0], [100.0, 10.0, 180.0, 90.0]


def written(first_class):
    """A car that is found and a lorry that is not: what is computed, what pycocotools says to the files, their ids."""
    car, lorry = first_class, first_class + 1
    metric = MeanAveragePrecision(box_format="xyxy")
    metric.update(
        [{"boxes": torch.tensor([CAR_BOX]), "scores": torch.tensor([0.9]), "labels": torch.tensor([car])}],
        [{"boxes": torch.tensor([CAR_BOX, LORRY_BOX]), "labels": torch.tensor([car, lorry])}],
    )
    metric.tm_to_coco("kept")
    truth = COCO("kept_target.json")
    found = truth.loadRes("kept_preds.json")
    evaluation = COCOeval(truth, found, "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    used = [row["category_id"] for row in truth.dataset["annotations"]]
    return metric.compute()["map"].item(), float(evaluation.stats[0]), truth.getCatIds(), used


from_zero, from_one = written(0), written(1)
print("computed, of the files, categories, used: from 0", from_zero, "from 1", from_one)
assert abs(from_zero[0] - 0.5) < 1e-6 and abs(from_one[0] - 0.5) < 1e-6
assert from_zero[1] > 0.99 and from_zero[2:] == ([0], [0, 1]), from_zero
assert from_one[1] == -1 and from_one[2:] == ([0], [1, 2]), from_one
PY
