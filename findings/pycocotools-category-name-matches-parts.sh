#!/usr/bin/env bash
# Finding: in pycocotools getCatIds(catNms="teddy bear") also returns the category bear, and
#   getImgIds wants all categories at once
#
# Packages: pycocotools==2.0.11, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: a single name is the same as a list with that name; image ids and annotation ids of
#   several categories are both unions.
#
# Seen: a bare string is searched as text, so every category whose name is a part of it
#   matches: "teddy bear" gives bear and teddy bear, the list form one id.
#   getAnnIds(catIds=[1, 2]) is a union, getImgIds(catIds=[1, 2]) an intersection.
#
# Why it matters: bears are trained as teddy bears, dogs as hot dogs; and picking images by
#   two categories drops those that have one of them.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pycocotools==2.0.11 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import contextlib, io
from pycocotools.coco import COCO
def coco(cls=COCO, **parts):
    with contextlib.redirect_stdout(io.StringIO()):
        made = cls()
        made.dataset = parts
        made.createIndex()
    return made

images = [{"id": n, "width": 9, "height": 9} for n in (1, 2, 3)]
names = ["bear", "teddy bear", "dog", "hot dog"]
annotations = [
    {"id": n, "image_id": image, "category_id": category, "bbox": [0, 0, 3, 3], "area": 9, "iscrowd": 0}
    for n, (image, category) in enumerate([(1, 1), (1, 2), (2, 1), (3, 2)], 1)
]
data = coco(images=images, annotations=annotations, categories=[{"id": n, "name": name} for n, name in enumerate(names, 1)])
seen = {
    "text": data.getCatIds(catNms="teddy bear"), "list": data.getCatIds(catNms=["teddy bear"]), "hot dog": data.getCatIds(catNms="hot dog"),
    "annotations": data.getAnnIds(catIds=[1, 2]), "images": data.getImgIds(catIds=[1, 2]),
}
print(seen)
assert seen == {"text": [1, 2], "list": [2], "hot dog": [3, 4], "annotations": [1, 2, 3, 4], "images": [1]}, seen
PY
