#!/usr/bin/env bash
# Finding: the average precision of the same detections is 1.0 or 0.5 by their order in the
#   list, in pycocotools and in faster-coco-eval
#
# Packages: pycocotools==2.0.11, faster-coco-eval==1.8.0, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: detections form a set: detections with equal scores are handled together (one point
#   of the curve), or sorted by something of their own.
#
# Seen: one object, one hit and one false alarm in the same picture, both with score 0.5. Hit
#   first: AP 1.0. False alarm first: AP 0.5. Both evaluators agree.
#
# Why it matters: scores rounded to two digits or quantised to int8 tie often; shuffling the
#   result file changes the headline number.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pycocotools==2.0.11 faster-coco-eval==1.8.0 numpy==2.4.6
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

from pycocotools.cocoeval import COCOeval
from faster_coco_eval import COCO as FastCOCO, COCOeval_faster
truth = dict(
    images=[{"id": 1, "width": 100, "height": 100}], categories=[{"id": 1, "name": "a"}],
    annotations=[{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 40, 40], "area": 1600, "iscrowd": 0}],
)
hit = {"image_id": 1, "category_id": 1, "bbox": [10, 10, 40, 40], "score": 0.5}
alarm = {"image_id": 1, "category_id": 1, "bbox": [60, 60, 40, 40], "score": 0.5}
def ap(cls, evaluator, found):
    with contextlib.redirect_stdout(io.StringIO()):
        data = coco(cls, **truth)
        run = evaluator(data, data.loadRes([dict(f) for f in found]), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return round(float(run.stats[0]), 6)
seen = {
    name: [ap(cls, evaluator, order) for order in ([hit, alarm], [alarm, hit])]
    for name, cls, evaluator in (("pycocotools", COCO, COCOeval), ("faster", FastCOCO, COCOeval_faster))
}
print(seen)
assert seen == {"pycocotools": [1.0, 0.5], "faster": [1.0, 0.5]}, seen
PY
