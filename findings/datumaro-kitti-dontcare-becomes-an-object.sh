#!/usr/bin/env bash
# Finding: KITTI's DontCare regions become objects of a class in datumaro, truncated and occluded
#
# Packages: datumaro==1.13.12 (Python 3.11 or later)
#
# Guess: DontCare says that nobody labelled what is there; an importer for KITTI leaves such
#   rows out, or hands them on as a crowd.
#
# Seen: the row is a box of a class DontCare. Its -1 for "not stated" reads as true, so it is
#   truncated and occluded as well. COCO gets it with iscrowd 0, YOLO as a class of its own.
#
# Why it matters: a detector trained on the converted set learns to report the regions that the
#   benchmark leaves out, and the class list has one class too many.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q datumaro==1.13.12
cd "$work"
"$work/v/bin/python" - <<'PY'
import glob, json, os
import datumaro as dm
from PIL import Image
os.makedirs("in/training/image_2")
os.makedirs("in/training/label_2")
Image.new("RGB", (64, 48)).save("in/training/image_2/000000.png")
with open("in/training/label_2/000000.txt", "w") as out:
    out.write("Car 0.00 0 -1.58 5 6 30 20 1.5 1.6 3.7 1.0 1.5 8.0 -1.5\n")
    out.write("DontCare -1 -1 -10 40 20 60 40 -1 -1 -1 -1000 -1000 -1000 -10\n")
data = dm.Dataset.import_from("in", "kitti_detection")
names = [category.name for category in data.categories()[dm.AnnotationType.label]]
seen = {
    names[a.label]: (a.attributes["truncated"], a.attributes["occluded"])
    for item in data
    for a in item.annotations
}
data.export("coco", "coco_instances", save_media=False)
with open(glob.glob("coco/annotations/*.json")[0]) as text:
    written = json.load(text)
classes = {c["id"]: c["name"] for c in written["categories"]}
objects = sorted((classes[a["category_id"]], a["iscrowd"]) for a in written["annotations"])
print(seen, objects)
assert seen == {"Car": (False, False), "DontCare": (True, True)}, seen
assert objects == [("Car", 0), ("DontCare", 0)], objects
PY
