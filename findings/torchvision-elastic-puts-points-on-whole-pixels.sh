#!/usr/bin/env bash
# Finding: torchvision's elastic transform moves keypoints and boxes even where it moves no pixel, to two sides
#
# Packages: torchvision==0.29.2, torch==2.15.0 (Python 3.11 or later; 3 GB on Linux, two minutes)
#
# Guess: a displacement of zero leaves pictures, keypoints and boxes as they are, and a point between two
#   pixels is displaced by what lies between their displacements.
#
# Seen: with no displacement anywhere, a keypoint at (30.9, 45.67) goes to (30, 45), and the corner of a box
#   at the same place goes to (31, 46): the places are made whole before the displacement is looked up,
#   keypoints by floor and corners by ceiling, and the fraction is not given back. So a point and the corner
#   that it was end a pixel apart. By a uniform displacement of ten and five pixels, (60.1, 50.1) and
#   (60.9, 50.9) end at one place.
#
# Why it matters: `ElasticTransform` with a small alpha adds up to a pixel of error to each label that is not
#   on a whole pixel, always to the upper left for keypoints and to the lower right for boxes, so
#   that it does not average out over epochs. Labels of scaled pictures are never on whole pixels.
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

HEIGHT, WIDTH = 100, 200
CANVAS = (HEIGHT, WIDTH)


def moved(places, displacement):
    return F.elastic(tv_tensors.KeyPoints(torch.tensor(places), canvas_size=CANVAS), displacement)


def close(found, wanted):
    return torch.allclose(found.as_subclass(torch.Tensor), torch.tensor(wanted), atol=1e-3)


still = torch.zeros(1, HEIGHT, WIDTH, 2)
picture = torch.rand(1, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))
assert torch.allclose(F.elastic(tv_tensors.Image(picture), still), picture, atol=1e-4)

points = moved([[30.9, 45.67], [64.82, 70.99]], still)
box = tv_tensors.BoundingBoxes(
    torch.tensor([[30.9, 45.67, 64.82, 70.99]]), format="XYXY", canvas_size=CANVAS
)
corners = F.elastic(box, still)
print("displacement 0, keypoints:", points.tolist())
print("displacement 0, corners of the box:", corners.tolist())
assert close(points, [[30.0, 45.0], [64.0, 70.0]])
assert close(corners, [[31.0, 46.0, 65.0, 71.0]])

# in units of half the picture: 10 pixels to the left, 5 up
uniform = torch.full((1, HEIGHT, WIDTH, 2), 0.1)
pair = moved([[60.1, 50.1], [60.9, 50.9]], uniform)
print("both displaced by (-10, -5):", pair.tolist())
assert close(pair, [[50.0, 45.0], [50.0, 45.0]])
print("as described")
PY
