#!/usr/bin/env bash
# Finding: an object whose annotation has the id 0 counts as missed in pycocotools, and the
#   detection on it as a false alarm
#
# Packages: pycocotools==2.0.11, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: ids are names; any integers that differ will do.
#
# Seen: one object and one detection with the same box: AP 1.0 with annotation id 1 and 0.0
#   with id 0. Of two objects numbered from 0, both found, AP is 0.252. Matches are kept in
#   an array as ids, where 0 means no match.
#
# Why it matters: exporters that number from 0 exist (Label Studio's converter does), and
#   the score of a model on such a file is a little too low for ever. faster-coco-eval 1.8.0
#   has the same numbers, with a warning.
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

hits = [{"bbox": left, "score": 0.9}, {"bbox": right, "score": 0.8}]
seen = {first: [score([{"id": first, "bbox": left}], hits[:1]), score([{"id": first, "bbox": left}, {"id": first + 1, "bbox": right}], hits)] for first in (0, 1)}
print(seen)
assert seen == {0: [0.0, 0.252], 1: [1.0, 1.0]}, seen
PY
