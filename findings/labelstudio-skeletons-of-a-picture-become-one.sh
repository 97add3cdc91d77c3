#!/usr/bin/env bash
# Finding: the keypoints of two people in one picture are one person in the COCO export of
#   Label Studio
#
# Packages: label-studio-sdk==2.1.2, pillow==13.0.0 (Python 3.11 or later)
#
# Guess: keypoints belong to the rectangle that their parentID names, as in the YOLO export:
#   two annotations with two keypoints each.
#
# Seen: one annotation with keypoints for the whole picture: of each keypoint the last one
#   in the file counts, and those of the first person are gone. The rectangles stand beside
#   it without keypoints. YOLO of the same file has both people.
#
# Why it matters: a set for poses looks well while each picture shows one person, and loses
#   all others.
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

config = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image"><Label value="person"/></RectangleLabels>'
    '<KeyPointLabels name="point" toName="image"><Label value="eye" model_index="0"/><Label value="nose" model_index="1"/></KeyPointLabels></View>'
)
results = []
for person, x in (("p1", 0), ("p2", 50)):
    box = {"x": x, "y": 0, "width": 20, "height": 50, "rotation": 0, "rectanglelabels": ["person"]}
    results.append(result(person, "rectanglelabels", "box", box))
    for name, at in (("eye", 5), ("nose", 10)):
        point = {"x": x + at, "y": 2 * at, "width": 1, "keypointlabels": [name]}
        results.append(result(f"{person}-{name}", "keypointlabels", "point", point, parentID=person))
save(results)
converter = Converter(config, ".")
converter.convert_to_coco("export.json", "coco", is_dir=False)
converter.convert_to_yolo("export.json", "yolo", is_dir=False)
with open("coco/result.json") as text:
    coco = [a.get("keypoints") for a in json.load(text)["annotations"]]
with open("yolo/labels/a.txt") as text:
    yolo = [len(line.split()) for line in text]
print(coco, yolo)
assert coco == [None, None, [110, 10, 2, 120, 20, 2]], coco
assert yolo == [11, 11], yolo
PY
