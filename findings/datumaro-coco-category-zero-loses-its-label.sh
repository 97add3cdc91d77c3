#!/usr/bin/env bash
# Finding: a COCO category with id 0 loses its annotations' labels in datumaro, and the export
#   points at a category that is not there
#
# Packages: datumaro==1.13.12 (Python 3.11 or later)
#
# Guess: any integer is a category id; ids are mapped to label indexes on import, as happens
#   with 5 and 2.
#
# Seen: with the categories 0 and 1, the box of category 0 arrives with label None while the
#   class list is complete; exporting to COCO writes category_id 0 next to categories numbered
#   1 and 2, so that box belongs to no class any more.
#
# Why it matters: exporters that number classes from 0 are common (Label Studio does it): the
#   first class vanishes from a converted dataset without an error.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q datumaro==1.13.12
cd "$work"
"$work/v/bin/python" - <<'PY'
import json, os
import datumaro as dm
from PIL import Image
os.makedirs("in/images/train")
os.makedirs("in/annotations")
Image.new("RGB", (100, 50)).save("in/images/train/a.png")
def box(number, category):
    return {"id": number, "image_id": 1, "category_id": category, "bbox": [10 * number, 10, 20, 20], "area": 400, "iscrowd": 0, "segmentation": []}
with open("in/annotations/instances_train.json", "w") as out:
    json.dump({
        "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 50}],
        "categories": [{"id": 0, "name": "car"}, {"id": 1, "name": "bus"}],
        "annotations": [box(1, 0), box(2, 1)],
    }, out)
data = dm.Dataset.import_from("in", "coco_instances")
classes = [category.name for category in data.categories()[dm.AnnotationType.label]]
labels = sorted(((a.id, a.label) for item in data for a in item.annotations))
data.export("out", "coco_instances", save_media=False)
with open("out/annotations/instances_train.json") as text:
    written = json.load(text)
ids = {c["id"]: c["name"] for c in written["categories"]}
used = sorted((a["id"], a["category_id"], ids.get(a["category_id"])) for a in written["annotations"])
print(classes, labels, ids, used)
assert classes == ["car", "bus"] and labels == [(1, None), (2, 1)], (classes, labels)
assert ids == {1: "car", 2: "bus"} and used == [(1, 0, None), (2, 2, "bus")], (ids, used)
PY
