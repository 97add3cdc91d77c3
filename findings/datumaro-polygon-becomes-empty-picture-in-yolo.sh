#!/usr/bin/env bash
# Finding: a picture whose objects are polygons is one without an object after datumaro
#   wrote it to YOLO
#
# Packages: datumaro==1.13.12 (Python 3.11 or later)
#
# Guess: YOLO has boxes and polygons; the export writes the polygon, its box, or raises that
#   it cannot.
#
# Seen: the label file is there and empty, without a word. The transform shapes_to_boxes,
#   which the user must know of, gives the box.
#
# Why it matters: an empty file means that somebody looked and saw nothing: a set outlined
#   in CVAT trains a detector on background.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q datumaro==1.13.12
cd "$work"
"$work/v/bin/python" - <<'PY'
import os
import datumaro as dm
from PIL import Image
os.makedirs("task/images")
Image.new("RGB", (100, 50)).save("task/images/a.png")
with open("task/train.xml", "w") as out:
    out.write(
        "<annotations><version>1.1</version><meta><task><labels><label><name>car</name><attributes></attributes></label></labels></task></meta>"
        '<image id="0" name="a.png" width="100" height="50"><polygon label="car" occluded="0" points="10,10;20,10;20,20;10,20" z_order="0">'
        "</polygon></image></annotations>"
    )
def export(folder, *transforms):
    data = dm.Dataset.import_from("task", "cvat")
    for name in transforms:
        data.transform(name)
    data.export(folder, "yolo", save_media=True)
    with open(f"{folder}/obj_train_data/a.txt") as text:
        return text.read().split()
plain, told = export("plain"), export("told", "shapes_to_boxes")
print(plain, told)
assert plain == [] and told == ["0", "0.150000", "0.300000", "0.100000", "0.200000"], (plain, told)
PY
