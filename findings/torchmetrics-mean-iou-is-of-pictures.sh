#!/usr/bin/env bash
# Finding: torchmetrics' MeanIoU and MulticlassJaccardIndex disagree on the same pictures: the
#   first averages over pictures, the second over pixels
#
# Packages: torchmetrics==1.9.0, torch==2.15.0 (Python 3.11 or later; 3 GB on Linux, two minutes)
#
# Guess: both are "mean intersection over union", the figure of Cityscapes and VOC: areas are
#   summed over all pictures, then divided, class by class.
#
# Seen: two pictures of 10x10 with three classes, one pixel of the third is missed: 0.748 by
#   `segmentation.MeanIoU`, 0.664 by `MulticlassJaccardIndex`. Add the picture without that class
#   a second time, and MeanIoU rises to 0.832, though each pixel is answered as before;
#   the index stays at 0.665.
#
# Why it matters: published mIoU is of pixels. MeanIoU forgets a class that a picture does not
#   show, so a rare class weighs less the more pictures without it are added, and two
#   models are ordered by how the pictures were cut.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q torchmetrics==1.9.0 torch==2.15.0
cd "$work"
"$work/v/bin/python" - <<'PY'
import torch
from torchmetrics.classification import MulticlassJaccardIndex
from torchmetrics.segmentation import MeanIoU

truth = torch.zeros(2, 10, 10, dtype=torch.long)
truth[0, :, :5] = 1
truth[1, 0, 0] = 2
answer = truth.clone()
answer[1, 0, 0] = 0


def score(order):
    picked = answer[order], truth[order]
    by_picture = MeanIoU(num_classes=3, input_format="index")(*picked).item()
    by_pixel = MulticlassJaccardIndex(num_classes=3)(*picked).item()
    print(f"{len(order)} pictures: MeanIoU {by_picture:.3f}, MulticlassJaccardIndex {by_pixel:.3f}")
    return by_picture, by_pixel


two, three = score([0, 1]), score([0, 1, 0])
assert abs(two[0] - 0.7475) < 1e-3 and abs(two[1] - 0.6644) < 1e-3, two
assert abs(three[0] - 0.8317) < 1e-3 and abs(three[1] - two[1]) < 5e-3, three
print("as described")
PY
