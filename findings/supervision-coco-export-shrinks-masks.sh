#!/usr/bin/env bash
# Finding: masks that supervision exports to COCO come back a pixel smaller in pycocotools: masks that
#   equal the labels have an average precision of 0.3
#
# Packages: supervision==0.31.2, opencv-python-headless==5.0.0.93, pycocotools==2.0.11, numpy==2.4.6
#   (Python 3.11 or later; about a minute)
#
# Guess: a polygon made of a mask is the mask again where COCO tools fill it, but for a pixel here and
#   there along slanted edges; detections that equal the labels have an AP of 1.0.
#
# Seen: a square of 10 x 10 pixels, a pole of 2 x 60 and a plate of 30 x 3: their bounding boxes and
#   areas in the file are right, their polygons have 81, 59 and 58 pixels in pycocotools, of 100, 120
#   and 90. The polygon has the numbers of the outermost pixels, as cv2.findContours gives them, and
#   pycocotools takes them for their edges. The exact masks have IoUs of 0.81, 0.49 and 0.64 with what is
#   filled, and an AP of 0.30. supervision reads its own file back right.
#
# Why it matters: poles, wires, lane marks and far objects lose up to half of their label, a score of
#   masks stops at a bound that no model can pass, and a training on the file learns masks that are
#   too small.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q supervision==0.31.2 opencv-python-headless==5.0.0.93 pycocotools==2.0.11 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import cv2, numpy as np, supervision
from pycocotools import mask as runs
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

boxes = np.array([[10, 10, 20, 20], [50, 30, 52, 90], [60, 5, 90, 8]])
masks = np.zeros((3, 100, 100), bool)
for mask, (left, top, right, bottom) in zip(masks, boxes):
    mask[top:bottom, left:right] = True
cv2.imwrite("a.png", np.zeros((100, 100, 3), np.uint8))
labels = supervision.Detections(xyxy=boxes.astype(float), mask=masks, class_id=np.zeros(3, int))
supervision.DetectionDataset(["thing"], ["a.png"], {"a.png": labels}).as_coco(annotations_path="coco.json")

truth = COCO("coco.json")
written = truth.loadAnns(truth.getAnnIds())
own = runs.encode(np.asfortranarray(masks.transpose(1, 2, 0), np.uint8))
found = [
    {"image_id": label["image_id"], "category_id": label["category_id"], "score": 0.9, "segmentation": run}
    for label, run in zip(written, own)
]
scored = COCOeval(truth, truth.loadRes(found), "segm")
scored.evaluate(), scored.accumulate(), scored.summarize()
pixels = [(int(mask.sum()), label["area"], int(truth.annToMask(label).sum())) for mask, label in zip(masks, written)]
back = supervision.DetectionDataset.from_coco(".", "coco.json", force_masks=True)
print(pixels, scored.stats[0])
assert pixels == [(100, 100, 81), (120, 120, 59), (90, 90, 58)], pixels
assert abs(scored.stats[0] - 0.301) < 0.001, scored.stats
assert np.array_equal(next(iter(back.annotations.values())).mask, masks)
PY
