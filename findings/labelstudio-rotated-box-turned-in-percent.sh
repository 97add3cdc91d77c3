#!/usr/bin/env bash
# Finding: Label Studio exports a rotated rectangle to COCO with its per cent sides turned, so
#   the box is wrong on any picture that is not square; YOLO and VOC do not turn it at all
#
# Packages: label-studio-sdk==2.1.2 (Python 3.11 or later)
#
# Guess: formats without an angle get the upright box around the turned rectangle, or all of
#   them ignore the angle.
#
# Seen: a square of 40 x 40 pixels at (100, 10) on a 200 x 100 picture, turned by 45 degrees
#   around that corner: its upright box is [71.716, 10, 56.569, 56.569]. COCO gets [43.431,
#   10, 84.853, 42.426], the 20 x 40 per cent rectangle turned and only then scaled to pixels.
#   YOLO and VOC get the square before turning.
#
# Why it matters: one project gives training sets that disagree about the object, and none of
#   the three has the box that the annotator saw.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q label-studio-sdk==2.1.2
cd "$work"
"$work/v/bin/python" - <<'PY'
import json, logging, pathlib, warnings
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
from label_studio_sdk.converter import Converter
config = """<View><Image name="image" value="$image"/>
<RectangleLabels name="box" toName="image"><Label value="car"/><Label value="bus"/></RectangleLabels></View>"""
def rectangle(name, turn=0, left=50):
    return {"id": name, "type": "rectanglelabels", "from_name": "box", "to_name": "image", "original_width": 200, "original_height": 100,
            "image_rotation": 0, "value": {"x": left, "y": 10, "width": 20, "height": 40, "rotation": turn, "rectanglelabels": ["car"]}}
def convert(tasks, form):
    pathlib.Path("tasks.json").write_text(json.dumps(tasks))
    out = pathlib.Path(f"out-{form}")
    Converter(config, ".", download_resources=False).convert("tasks.json", str(out), form, is_dir=False)
    return out

import math
import xml.etree.ElementTree as tree
task = {"id": 1, "data": {"image": "/data/upload/a.png"}, "annotations": [{"id": 1, "completed_by": 1, "result": [rectangle("r", 45)], "was_cancelled": False}]}
coco = json.loads((convert([task], "COCO") / "result.json").read_text())["annotations"][0]["bbox"]
text = next(convert([task], "YOLO").rglob("a.txt")).read_text().split()
node = tree.parse(next(convert([task], "VOC").rglob("a.xml"))).find("object/bndbox")
seen = {"coco": [round(v, 3) for v in coco], "yolo": [round(float(v), 6) for v in text[1:]], "voc": [int(node.findtext(k)) for k in ("xmin", "ymin", "xmax", "ymax")]}
side = 40 * math.sqrt(0.5)
true = [round(v, 3) for v in (100 - side, 10, 2 * side, 2 * side)]
assert true == [71.716, 10, 56.569, 56.569]
print(seen)
assert seen == {"coco": [43.431, 10.0, 84.853, 42.426], "yolo": [0.6, 0.3, 0.2, 0.4], "voc": [100, 10, 140, 50]}, seen
PY
