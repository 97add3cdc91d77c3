#!/usr/bin/env bash
# Finding: YOLO files that sahi and PyLabel make of COCO name classes that their list does not have
#
# Packages: sahi==0.12.8; pylabel==0.1.55 with pandas==2.3.3 (Python 3.11 or later)
#
# Guess: COCO's category ids are names, with gaps (its own run from 1 to 90 for 80 classes), and YOLO's
#   class numbers are places in the list of names, so an exporter numbers the classes anew.
#
# Seen: both write the category id as it is beside a list of names that has no gaps. Of two classes with
#   the ids 5 and 9 the label file has the classes 5 and 9, and the list has the places 0 and 1.
#
# Why it matters: with ids that start at 1 and have no gap, which is what most tools write, all numbers
#   but the last are places in the list, each of the next class: a person is trained as a bicycle.
#   With gaps a trainer drops the files as corrupt, or fails at the first batch.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/sahi"
"$work/sahi/bin/pip" install -q sahi==0.12.8
python3 -m venv "$work/pylabel"
"$work/pylabel/bin/pip" install -q pylabel==0.1.55 pandas==2.3.3
cd "$work"
mkdir pictures out out/labels
cat > coco.json <<'JSON'
{"images": [{"id": 1, "file_name": "a.png", "width": 60, "height": 40}],
 "categories": [{"id": 5, "name": "car"}, {"id": 9, "name": "person"}],
 "annotations": [
  {"id": 1, "image_id": 1, "category_id": 9, "bbox": [10, 10, 20, 10], "area": 200, "iscrowd": 0},
  {"id": 2, "image_id": 1, "category_id": 5, "bbox": [30, 20, 20, 10], "area": 200, "iscrowd": 0}]}
JSON
"$work/sahi/bin/python" -c "from PIL import Image; Image.new('RGB', (60, 40)).save('pictures/a.png')"

"$work/sahi/bin/python" - > /dev/null 2>&1 <<'PY'
from sahi.utils.coco import Coco

Coco.from_coco_dict_or_path("coco.json", image_dir="pictures").export_as_yolo("sahi-out", train_split_rate=1)
PY
"$work/pylabel/bin/python" - > /dev/null 2>&1 <<'PY'
from pylabel import importer

importer.ImportCoco("coco.json", path_to_images="pictures").export.ExportToYoloV5(output_path="out/labels")
PY
python3 - <<'PY'
from pathlib import Path

for tool, labels, names in (
    ("sahi", "sahi-out/train/a.txt", "sahi-out/data.yml"),
    ("pylabel", "out/labels/a.txt", "out/dataset.yaml"),
):
    classes = [int(line.split()[0]) for line in Path(labels).read_text().splitlines()]
    listed = " ".join(Path(names).read_text().split())
    print(f"{tool}: classes {classes} beside: {listed}")
    assert classes == [9, 5], classes
    assert "nc: 2" in listed, listed
PY
