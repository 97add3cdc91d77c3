#!/usr/bin/env bash
# Finding: an object with a hole, exported to COCO by supervision, is a crowd that pycocotools
#   leaves out of the score
#
# Packages: supervision==0.31.2, opencv-python-headless==5.0.0.93, pycocotools==2.0.11,
#   pillow==13.0.0, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: a mask with a hole is written as RLE with iscrowd 0: how a shape is stored says
#   nothing about how many objects it is.
#
# Seen: as_coco writes iscrowd 1 for the ring and 0 for the full square. The docstring of the
#   exporter mentions the flag, not its price: COCOeval ignores crowds, so the perfect
#   detection of the ring gives AP -1 (no truth) where the square gives 0.9 (its polygon runs
#   along pixel centres).
#
# Why it matters: tyres, cups and people with an arm on the hip silently leave the evaluation
#   and, in many trainers, the training set.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q supervision==0.31.2 opencv-python-headless==5.0.0.93 pycocotools==2.0.11 pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import contextlib, io
from pycocotools.coco import COCO
def coco(cls=COCO, **parts):
    with contextlib.redirect_stdout(io.StringIO()):
        made = cls()
        made.dataset = parts
        made.createIndex()
    return made

import json
import numpy as np
import supervision as sv
from PIL import Image
from pycocotools import mask
from pycocotools.cocoeval import COCOeval
Image.new("RGB", (100, 50)).save("a.png")
square = np.zeros((50, 100), bool)
square[10:40, 10:40] = True
ring = square.copy()
ring[20:30, 20:30] = False
def exported(shape):
    found = sv.Detections(xyxy=np.array([[10.0, 10, 40, 40]]), mask=shape[None], class_id=np.array([0]))
    sv.DetectionDataset(classes=["tyre"], images=["a.png"], annotations={"a.png": found}).as_coco(annotations_path="c.json")
    with contextlib.redirect_stdout(io.StringIO()):
        data = COCO("c.json")
        (image,), (truth,) = data.getImgIds(), data.loadAnns(data.getAnnIds())
        rle = mask.encode(np.asfortranarray(shape.astype(np.uint8)))
        run = COCOeval(data, data.loadRes([{"image_id": image, "category_id": truth["category_id"], "segmentation": rle, "score": 0.9}]), "segm")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return truth["iscrowd"], round(float(run.stats[0]), 6)
seen = {"ring": exported(ring), "square": exported(square)}
print(seen)
assert seen == {"ring": (1, -1.0), "square": (0, 0.9)}, seen
PY
