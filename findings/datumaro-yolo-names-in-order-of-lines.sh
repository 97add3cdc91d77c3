#!/usr/bin/env bash
# Finding: datumaro numbers the classes of a YOLO data.yaml by the order of its lines, not
#   by the numbers that stand there
#
# Packages: datumaro==1.13.12 (Python 3.11 or later)
#
# Guess: names is a mapping from number to name, and a mapping has no order: 0: car is class
#   0 wherever it stands.
#
# Seen: with '1: bus' above '0: car', class 0 of the label files is read as bus and class 1
#   as car. With numbers from 1 on, class 1 is the second name.
#
# Why it matters: the classes of a data set that somebody sorted by name are exchanged on
#   import, and the boxes look right.
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
os.makedirs("set/images/train")
os.makedirs("set/labels/train")
Image.new("RGB", (100, 50)).save("set/images/train/a.png")
with open("set/labels/train/a.txt", "w") as out:
    out.write("0 0.2 0.5 0.1 0.1\n1 0.8 0.5 0.1 0.1\n")
def read(names):
    with open("set/data.yaml", "w") as out:
        out.write("train: images/train\nnames:\n" + "".join(f"  {line}\n" for line in names))
    data = dm.Dataset.import_from("set", "yolo")
    classes = [c.name for c in data.categories()[dm.AnnotationType.label]]
    return [classes[a.label] for item in data for a in item.annotations]
seen = {
    "in order": read(["0: car", "1: bus"]),
    "other order": read(["1: bus", "0: car"]),
    "from one": read(["1: car", "2: bus", "0: sky"]),
}
print(seen)
assert seen == {"in order": ["car", "bus"], "other order": ["bus", "car"], "from one": ["car", "bus"]}, seen
PY
