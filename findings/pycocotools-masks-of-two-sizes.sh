#!/usr/bin/env bash
# Finding: masks of different sizes merge into a mask of 0x0 pixels and have an IoU of -1,
#   without an error
#
# Packages: pycocotools==2.0.11, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: merge and iou raise when the two masks do not have one size.
#
# Seen: merge of a 2x3 and a 3x2 mask returns size [0, 0] with empty counts; iou returns -1,
#   which np.max and thresholds accept as a low overlap.
#
# Why it matters: a mask made for a resized or turned copy of the picture wipes out the union
#   of the instances, and evaluation code counts it as a plain miss.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pycocotools==2.0.11 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import numpy as np
from pycocotools import mask
wide = mask.encode(np.asfortranarray(np.ones((2, 3), np.uint8)))
high = mask.encode(np.asfortranarray(np.ones((3, 2), np.uint8)))
merged, overlap = mask.merge([wide, high]), mask.iou([wide], [high], [0]).tolist()
print(merged, overlap)
assert merged == {"size": [0, 0], "counts": b""}, merged
assert overlap == [[-1.0]], overlap
PY
