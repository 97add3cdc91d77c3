#!/usr/bin/env bash
# Finding: Python cannot hand the pyramids of cv2.buildOpticalFlowPyramid to
#   cv2.calcOpticalFlowPyrLK, which they are made for
#
# Packages: opencv-python-headless==5.0.0.93, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: as in C++, where the tracker takes a picture or its pyramid, so that the pyramid of each
#   frame is built once and serves as the earlier and as the later one, there and back.
#
# Seen: the tuple that buildOpticalFlowPyramid returns is refused ("prevImg is not a numerical
#   tuple"), and so is a list of its levels ("not a numpy array"): the binding declares one
#   array. Pictures alone work, and their pyramids are built anew in each call.
#
# Why it matters: trackers that go forth and back build every pyramid four times. It is a
#   fifteenth of a call, so smaller windows help more than a wrapper in C++ would.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import cv2, numpy as np

noise = np.random.default_rng(0).integers(0, 255, (120, 160), np.uint8)
before = cv2.GaussianBlur(noise, (0, 0), 2)
after = np.roll(before, 2, axis=1)
corners = cv2.goodFeaturesToTrack(before, 20, 0.01, 5)
setting = dict(winSize=(15, 15), maxLevel=2)
levels, first = cv2.buildOpticalFlowPyramid(before, (15, 15), 2)
_, second = cv2.buildOpticalFlowPyramid(after, (15, 15), 2)

def track(one, other):
    try:
        moved, found, _ = cv2.calcOpticalFlowPyrLK(one, other, corners, None, **setting)
    except cv2.error as error:
        return next(line for line in str(error).splitlines() if "prevImg is" in line).strip()
    return np.round(np.median(moved - corners, axis=0), 2).ravel().tolist()

seen = {
    "pictures": track(before, after),
    "tuples": track(first, second),
    "lists": track(list(first), list(second)),
}
print(levels, seen)
assert seen["pictures"] == [2.0, 0.0], seen
assert "not a numerical tuple" in seen["tuples"] and "not a numpy array" in seen["lists"], seen
PY
