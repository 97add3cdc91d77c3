#!/usr/bin/env bash
# Finding: a box that CVAT marks as outside is an object of the picture after datumaro wrote
#   it to YOLO, COCO or VOC
#
# Packages: datumaro==1.13.12 (Python 3.11 or later)
#
# Guess: outside='1' says that the tracked object is not in this frame (the format repeats
#   its last place); an importer leaves the shape out, or the exporters do.
#
# Seen: the import keeps a box with the attribute outside, and YOLO, COCO and VOC get three
#   boxes for the two frames that show the car. The YOLO file says nothing of outside.
#
# Why it matters: every track that ends leaves a box on empty ground, and a detector is
#   taught it.
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
os.makedirs("task/images")
for n in range(3):
    Image.new("RGB", (100, 50)).save(f"task/images/frame_{n:06d}.png")
boxes = "".join(
    f'<box frame="{n}" outside="{int(n == 2)}" occluded="0" keyframe="1" xtl="{10 * n}" ytl="0" xbr="{10 * n + 10}" ybr="10"></box>'
    for n in range(3)
)
with open("task/train.xml", "w") as out:
    out.write(
        "<annotations><version>1.1</version><meta><task><size>3</size><mode>interpolation</mode><labels><label><name>car</name>"
        "<attributes></attributes></label></labels><original_size><width>100</width><height>50</height></original_size></task></meta>"
        f'<track id="0" label="car">{boxes}</track></annotations>'
    )
data = dm.Dataset.import_from("task", "cvat")
for name in ("yolo", "coco", "voc"):
    data.export(name, name, save_media=True)
with open("yolo/obj_train_data/frame_000002.txt") as text:
    yolo = text.read().split()
with open("coco/annotations/instances_train.json") as text:
    coco = sorted(a["image_id"] for a in json.load(text)["annotations"])
with open("voc/Annotations/frame_000002.xml") as text:
    voc = text.read().count("<bndbox>")
print(yolo, coco, voc)
assert yolo == ["0", "0.250000", "0.100000", "0.100000", "0.200000"] and coco == [1, 2, 3] and voc == 1, (yolo, coco, voc)
PY
