#!/usr/bin/env bash
# Finding: OpenCV finds the tags of a Kalibr AprilGrid with the right numbers and their corners a
#   module inside, so that a tag of 119 px measures 98, and its first corner is AprilTag's third
#
# Packages: opencv-python-headless==5.0.0.93, moms-apriltag==2023.1.15, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: a tag of the family 36h11 is found with the corners of its black square, or, as Kalibr
#   prints it with a border of two modules where AprilTag has one, not at all.
#
# Seen: with default settings the tag with a border of two is found, with its number; its corners are
#   those of the square one module in: 98 px apart in place of 119, as if the tag were 18 % smaller.
#   With markerBorderBits = 2 they lie at the edge. With that, a tag with a border of one is not found.
#   The first corner is the bottom right one of the tag as AprilTag draws it: OpenCV's dictionary
#   holds the family turned by half a turn.
#
# Why it matters: Kalibr's board is what rigs are calibrated with. Numbers are right and the picture
#   looks right; with the printed size of the tag all distances are a fifth too long, and points
#   paired by the order of AprilTag lie on the opposite corners.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q --no-deps opencv-python-headless==5.0.0.93 moms-apriltag==2023.1.15 numpy==2.4.6 colorama==0.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import cv2, numpy as np
from moms_apriltag import TagGenerator2
bits = TagGenerator2("tag36h11").generate(5)[1:-1, 1:-1]  # without its border: 6 x 6
family = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
def find(border, told):
    """Corners of the tag 5, of 12 px a module, in a white page with a margin of 60 px."""
    tag = np.kron(np.pad(bits, border), np.ones((12, 12), np.uint8))
    settings = cv2.aruco.DetectorParameters()
    if told is not None:
        settings.markerBorderBits = told
    page = np.pad(tag, 60, constant_values=255)
    corners, ids, _ = cv2.aruco.ArucoDetector(family, settings).detectMarkers(page)
    return None if ids is None else (ids.ravel().tolist(), corners[0][0])
def side(corners):
    return float(np.linalg.norm(np.diff(corners, axis=0), axis=1).mean())
numbers, inside = find(2, None)
_, edge = find(2, 2)
_, plain = find(1, None)
print(numbers, side(inside), side(edge), side(plain), find(1, 2), edge[0])
assert numbers == [5] and 97 < side(inside) < 100, side(inside)
assert 118 < side(edge) < 121 and find(1, 2) is None
assert 94 < side(plain) < 97, side(plain)
# the first corner lies at the bottom right
assert edge[0].tolist() == edge.max(axis=0).tolist() and plain[0].tolist() == plain.max(axis=0).tolist()
PY
