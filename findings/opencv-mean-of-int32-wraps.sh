#!/usr/bin/env bash
# Finding: the mean of four equal int32 numbers is negative in cv2.mean and right in
#   cv2.meanStdDev
#
# Packages: opencv-python-headless==5.0.0.93, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: mean and sumElems return doubles and add up in doubles, as for every other depth;
#   meanStdDev gives the same mean.
#
# Seen: for four samples of 600000000, sumElems gives -1894967296 and mean -473741824,
#   although meanStdDev gives 600000000 and three such samples are added right: groups of four
#   are added in 32 bits first. uint32 has no such trouble. OpenCV 4.14 did the same.
#
# Why it matters: averages of integral images, microsecond offsets and region areas kept in
#   int32 are wrong without a warning once four neighbours add up to more than 2147483647.
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
def answers(count, kind):
    row = np.full((1, count), 600_000_000, kind)
    return cv2.sumElems(row)[0], cv2.mean(row)[0], cv2.meanStdDev(row)[0].item()
seen = {"four int32": answers(4, np.int32), "three int32": answers(3, np.int32), "four uint32": answers(4, np.uint32)}
print(seen)
assert seen == {
    "four int32": (-1894967296.0, -473741824.0, 600000000.0),
    "three int32": (1800000000.0, 600000000.0, 600000000.0),
    "four uint32": (2400000000.0, 600000000.0, 600000000.0),
}, seen
PY
