#!/usr/bin/env bash
# Finding: a picture labelled by two people is two pictures in the COCO export of Label
#   Studio, and in the YOLO export the work of the first one is gone
#
# Packages: label-studio-sdk==2.1.2 (Python 3.11 or later)
#
# Guess: all formats treat the two annotations alike: both kept under one picture, or one of
#   them chosen.
#
# Seen: COCO: two image entries with one file_name and two ids, each with the box of one
#   person. YOLO: one text file with the box of the second person only; the first one was
#   overwritten.
#
# Why it matters: COCO tools count and evaluate the picture twice (its two copies may land in
#   train and test), YOLO loses a half of the paid work, and the two exports cannot be
#   compared.
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

task = {"id": 1, "data": {"image": "/data/upload/a.png"}, "annotations": [
    {"id": number, "completed_by": number, "result": [rectangle(f"r{number}", left=10 * number)], "was_cancelled": False} for number in (1, 2)]}
coco = json.loads((convert([task], "COCO") / "result.json").read_text())
lines = next(convert([task], "YOLO").rglob("a.txt")).read_text().splitlines()
images = [(i["id"], i["file_name"]) for i in coco["images"]]
boxes = [(a["image_id"], a["bbox"]) for a in coco["annotations"]]
print(images, boxes, lines)
assert images == [(0, "/data/upload/a.png"), (1, "/data/upload/a.png")], images
assert boxes == [(0, [20.0, 10.0, 40.0, 40.0]), (1, [40.0, 10.0, 40.0, 40.0])], boxes
assert [round(float(v), 6) for line in lines for v in line.split()[1:]] == [0.3, 0.3, 0.2, 0.4], lines
PY
