#!/usr/bin/env bash
# Finding: an ellipse of Label Studio is in none of the exports COCO, YOLO and VOC, and its
#   picture is one without an object
#
# Packages: label-studio-sdk==2.1.2, pillow==13.0.0 (Python 3.11 or later)
#
# Guess: an ellipse becomes a polygon or its bounding box, or the export raises.
#
# Seen: COCO lists the picture without an annotation, YOLO writes an empty label file, VOC a
#   file without an object, while the class is in the list of classes. A log line says
#   'Unknown label type or labels are empty {task_id=}', with the braces.
#
# Why it matters: cells and other round things are drawn with ellipses; a converted set
#   holds their pictures as negatives.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q label-studio-sdk==2.1.2 pillow==13.0.0
cd "$work"
"$work/v/bin/python" - <<'PY'
import json, os
from label_studio_sdk.converter import Converter
from PIL import Image
os.makedirs("images")
Image.new("RGB", (200, 100)).save("images/a.png")
def result(name, kind, control, value, **more):
    return {
        "id": name, "type": kind, "from_name": control, "to_name": "image", "original_width": 200, "original_height": 100,
        "image_rotation": 0, "value": value, **more,
    }
def save(results):
    note = {"id": 1, "was_cancelled": False, "created_at": "2026-01-05T10:00:00Z", "result": results}
    with open("export.json", "w") as out:
        json.dump([{"id": 1, "data": {"image": os.path.abspath("images/a.png")}, "annotations": [note], "predictions": []}], out)

config = '<View><Image name="image" value="$image"/><EllipseLabels name="oval" toName="image"><Label value="cell"/></EllipseLabels></View>'
oval = {"x": 50, "y": 50, "radiusX": 10, "radiusY": 20, "rotation": 0, "ellipselabels": ["cell"]}
save([result("e1", "ellipselabels", "oval", oval)])
converter = Converter(config, ".")
for name in ("coco", "yolo", "voc"):
    getattr(converter, f"convert_to_{name}")("export.json", name, is_dir=False)
with open("coco/result.json") as text:
    document = json.load(text)
coco = [len(document["images"]), [c["name"] for c in document["categories"]], document["annotations"]]
with open("yolo/labels/a.txt") as text:
    yolo = text.read()
with open("voc/Annotations/a.xml") as text:
    voc = text.read().count("<object>")
print(coco, repr(yolo), voc)
assert coco == [1, ["cell"], []] and yolo == "" and voc == 0, (coco, yolo, voc)
PY
