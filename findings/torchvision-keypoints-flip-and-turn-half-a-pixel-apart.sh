#!/usr/bin/env bash
# Finding: keypoints of torchvision that are flipped twice do not lie where half a turn puts them
#
# Packages: torchvision==0.29.2, torch==2.15.0 (Python 3.11 or later; 3 GB on Linux, two minutes)
#
# Guess: a flip to the side and one upside down are a turn by 180 degrees, for pictures, boxes and
#   keypoints alike, and a keypoint on a pixel stays on it.
#
# Seen: pictures and boxes agree with themselves. Keypoints are flipped as numbers of pixels
#   (x becomes width - 1 - x) and turned as places in a continuous plane (x becomes width - x), so
#   the two ways end one pixel apart in x and in y. After a flip the keypoint is on the pixel it
#   marked and its box, of which it was a corner, is not; after a turn it is the other way round.
#
# Why it matters: keypoints and boxes of one person come apart by a pixel under flips, which are in
#   every augmentation, and keypoints leave their pixel under turns by 90, 180 and 270 degrees. On
#   maps of 64 or 56 pixels, where keypoints are scored, that is most of the tolerance of small ones.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q torchvision==0.29.2 torch==2.15.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import torch
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

HEIGHT, WIDTH, X, Y = 100, 200, 20, 10
image = torch.zeros(1, HEIGHT, WIDTH)
image[0, Y, X] = 1
point = tv_tensors.KeyPoints(torch.tensor([[float(X), float(Y)]]), canvas_size=(HEIGHT, WIDTH))
box = tv_tensors.BoundingBoxes(
    torch.tensor([[float(X), float(Y), 50.0, 40.0]]), format="XYXY", canvas_size=(HEIGHT, WIDTH)
)


def mark(picture):
    y, x = divmod(int(picture[0].argmax()), picture.shape[-1])
    return [x, y]


flip = lambda value: F.vertical_flip(F.horizontal_flip(value))
turn = lambda value: F.rotate(value, 180)
seen = {
    name: {"pixel": mark(do(image)), "keypoint": do(point)[0].tolist(), "corner": do(box)[0, 2:].tolist()}
    for name, do in (("two flips", flip), ("half a turn", turn))
}
for name, found in seen.items():
    print(name, found)
assert seen["two flips"] == {"pixel": [179, 89], "keypoint": [179.0, 89.0], "corner": [180.0, 90.0]}, seen
assert seen["half a turn"] == {"pixel": [179, 89], "keypoint": [180.0, 90.0], "corner": [180.0, 90.0]}, seen
PY
