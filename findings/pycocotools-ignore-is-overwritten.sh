#!/usr/bin/env bash
# Finding: pycocotools overwrites the field ignore of an annotation, so that an object to be
#   ignored counts as missed
#
# Packages: pycocotools==2.0.11, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: the evaluation reads gt['ignore'], so ignore: 1 in the file takes an object out of
#   the score, found or not.
#
# Seen: two objects, the second with ignore: 1, the first one found: AP 0.505, as without
#   the field. With iscrowd: 1 in its place AP is 1.0.
#
# Why it matters: files with ignore are about (it is in the exports of Label Studio, and in
#   conversions of sets with regions that do not count), and the score is as if it were not
#   there.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pycocotools==2.0.11 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import contextlib, io
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
def score(annotations, found):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": 1, "width": 100, "height": 100}], "categories": [{"id": 1, "name": "cup"}],
            "annotations": [{"image_id": 1, "category_id": 1, "area": 400, "iscrowd": 0, **a} for a in annotations],
        }
        truth.createIndex()
        run = COCOeval(truth, truth.loadRes([{"image_id": 1, "category_id": 1, **f} for f in found]), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return round(float(run.stats[0]), 3)
left, right = [10, 10, 20, 20], [60, 10, 20, 20]

hit = [{"bbox": left, "score": 0.9}]
seen = {str(extra): score([{"id": 1, "bbox": left}, {"id": 2, "bbox": right, **extra}], hit) for extra in ({}, {"ignore": 1}, {"iscrowd": 1})}
print(seen)
assert seen == {"{}": 0.505, "{'ignore': 1}": 0.505, "{'iscrowd': 1}": 1.0}, seen
PY
