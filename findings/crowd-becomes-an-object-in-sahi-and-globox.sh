#!/usr/bin/env bash
# Finding: a crowd region of COCO is one ordinary object after sahi has sliced, or globox has written, the set
#
# Packages: sahi==0.12.8, globox==2.9.0, pycocotools==2.0.11, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: `iscrowd` comes back as it was given, since the field is in the files that both read and write;
#   or such regions are left out, as in formats that have no word for them.
#
# Seen: both write `iscrowd: 0` for all annotations, also where nothing is changed otherwise: sahi when it
#   slices the pictures and when it writes back the set that it has read, globox when it writes one.
#
# Why it matters: a crowd is what detections may lie in without being counted; as an object it is one
#   that is missed, and all that is found in it is wrong. The average precision of the same
#   detections, of a person and of two in a crowd, is 1.0 before and 0.17 after.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q sahi==0.12.8 globox==2.9.0 pycocotools==2.0.11 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - 2> /dev/null <<'PY'
import contextlib
import io
import json
import os

from globox import AnnotationSet
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from sahi.slicing import slice_coco
from sahi.utils.coco import Coco

os.mkdir("pictures")
Image.new("RGB", (640, 400)).save("pictures/a.png")
person = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [20, 20, 100, 200], "area": 20000, "iscrowd": 0}
crowd = {"id": 2, "image_id": 1, "category_id": 1, "bbox": [200, 20, 400, 300], "area": 120000, "iscrowd": 1}
given = {
    "images": [{"id": 1, "file_name": "a.png", "width": 640, "height": 400}],
    "categories": [{"id": 1, "name": "person", "supercategory": "none"}],
    "annotations": [person, crowd],
}
with open("given.json", "w") as file:
    json.dump(given, file)

found = [
    {"image_id": 1, "category_id": 1, "bbox": box, "score": score}
    for box, score in (([210, 30, 90, 180], 0.9), ([320, 30, 90, 180], 0.8), ([20, 20, 100, 200], 0.7))
]


def average_precision(labels):
    with open("labels.json", "w") as file:
        json.dump(labels, file)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO("labels.json")
        judge = COCOeval(truth, truth.loadRes(found), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return round(float(judge.stats[1]), 2)


with contextlib.redirect_stdout(io.StringIO()):
    sliced, _ = slice_coco("given.json", "pictures", "sliced", output_dir="out", slice_height=400, slice_width=640)
    by_sahi = Coco.from_coco_dict_or_path("given.json", image_dir="pictures").json
    AnnotationSet.from_coco("given.json").save_coco("globox.json")
    with open("globox.json") as file:
        by_globox = json.load(file)
crowds = {
    name: [one["iscrowd"] for one in labels["annotations"]]
    for name, labels in (("given", given), ("sliced", sliced), ("sahi", by_sahi), ("globox", by_globox))
}
print("iscrowd:", crowds)
assert crowds == {"given": [0, 1], "sliced": [0, 0], "sahi": [0, 0], "globox": [0, 0]}, crowds
as_object = {**given, "annotations": [person, {**crowd, "iscrowd": 0}]}
scores = average_precision(given), average_precision(as_object)
print("average precision at IoU 0.5, with the crowd and with an object in its place:", scores)
assert scores[0] == 1.0 and scores[1] < 0.5, scores
PY
