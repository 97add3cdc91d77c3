#!/usr/bin/env bash
# Finding: one box, given to kornia as `bbox_xyxy` and as `bbox_xywh`, is two boxes a pixel apart after a
#   flip, a turn or a resize; the former lies beside its object
#
# Packages: kornia==0.9.0, torch==2.15.0, numpy==2.4.6 (Python 3.11 or later; 3 GB on Linux, two minutes)
#
# Guess: `AugmentationSequential` with `data_keys=["input", "bbox_xyxy", "bbox_xywh"]` moves picture and
#   boxes alike: a box that fits its object fits it after, in whichever of the two forms it is written.
#
# Seen: an object in the columns 10 to 29 and rows 20 to 49 of 100 x 100 pixels, as (10, 20, 30, 50) and
#   with its sides as (10, 20, 20, 30). Flipped, its pixels end at (70, 20, 90, 50): with sides the box is
#   there too, without it is (69, 20, 89, 50); flipped upside down and turned by 90 degrees alike. At
#   twice the size the pixels end at (20, 40, 60, 100), and the boxes at (20.1, 40.2, 60.3, 100.5) and
#   (20.1, 40.2, 59.3, 99.5): both are scaled by 199/99. Crops are right. The documentation says that
#   boxes are "inclusive", so that xmax is the last pixel: that holds for the key `bbox_xyxy`, not for
#   `bbox_xywh`, nor for "xyxy" in kornia's own `Boxes`.
#
# Why it matters: boxes of COCO and of torchvision, whose xmax is an edge, lie a pixel to the left after
#   the usual flip, always to the same side. Of an object of 8 x 8 pixels such a label overlaps 0.78,
#   which is no match for all thresholds from 0.8 on.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q kornia==0.9.0 torch==2.15.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" -W ignore - <<'PY'
import kornia.augmentation as K
import torch

picture = torch.zeros(1, 1, 100, 100)
picture[..., 20:50, 10:30] = 1
EDGES, SIDES = torch.tensor([[[10.0, 20.0, 30.0, 50.0]]]), torch.tensor([[[10.0, 20.0, 20.0, 30.0]]])


def moved(augmentation):
    """Where the object's pixels end after the augmentation, and its box as `bbox_xyxy` and as `bbox_xywh`."""
    both = K.AugmentationSequential(augmentation, data_keys=["input", "bbox_xyxy", "bbox_xywh"])
    pixels, edges, sides = both(picture, EDGES, SIDES)
    rows, columns = (pixels[0, 0] > 0.5).nonzero(as_tuple=True)
    ends = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    sides[..., 2:] += sides[..., :2]
    return [[round(value, 1) for value in box.flatten().tolist()] for box in (ends, edges, sides)]


seen = {
    "flip": moved(K.RandomHorizontalFlip(p=1.0)),
    "upside down": moved(K.RandomVerticalFlip(p=1.0)),
    "quarter turn": moved(K.RandomRotation((90.0, 90.0), p=1.0)),
    "twice the size": moved(K.Resize((200, 200))),
    "crop": moved(K.CenterCrop((80, 80))),
}
for name, (pixels, edges, sides) in seen.items():
    print(name, "- pixels:", pixels, "bbox_xyxy:", edges, "bbox_xywh:", sides)
assert seen["flip"] == [[70, 20, 90, 50], [69, 20, 89, 50], [70, 20, 90, 50]]
assert seen["upside down"] == [[10, 50, 30, 80], [10, 49, 30, 79], [10, 50, 30, 80]]
assert seen["quarter turn"] == [[20, 70, 50, 90], [20, 69, 50, 89], [20, 70, 50, 90]]
assert seen["twice the size"] == [[20, 40, 60, 100], [20.1, 40.2, 60.3, 100.5], [20.1, 40.2, 59.3, 99.5]]
assert seen["crop"] == [[0, 10, 20, 40]] * 3
PY
