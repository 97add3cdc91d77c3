#!/usr/bin/env bash
# Finding: the scale number of a PFM file divides the samples in OpenCV and does nothing in
#   Pillow
#
# Packages: opencv-python-headless==5.0.0.93, pillow==13.0.0, numpy==2.4.6 (Python 3.11 or
#   later)
#
# Guess: only the sign of the scale line (byte order) acts on reading; if the number acted at
#   all, it would multiply the samples.
#
# Seen: samples 1, 2, 3 under the scale -2.0: OpenCV returns 0.5, 1.0, 1.5 and Pillow 1, 2, 3.
#   Under -0.5 OpenCV returns 2, 4, 6.
#
# Why it matters: disparity and depth maps come as PFM, and some writers put the largest value
#   or a unit there: distances are off by that factor in one of the two loaders.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q opencv-python-headless==5.0.0.93 pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import io
import cv2, numpy as np
from PIL import Image

def decode(data, flags):
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags)

samples = np.array([[1, 2, 3]], "<f4").tobytes()
seen = {}
for scale in ("-1.0", "-2.0", "-0.5"):
    data = b"Pf\n3 1\n" + scale.encode() + b"\n" + samples
    seen[scale] = (decode(data, cv2.IMREAD_UNCHANGED)[0].tolist(), np.asarray(Image.open(io.BytesIO(data)))[0].tolist())
print(seen)
assert seen == {
    "-1.0": ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
    "-2.0": ([0.5, 1.0, 1.5], [1.0, 2.0, 3.0]),
    "-0.5": ([2.0, 4.0, 6.0], [1.0, 2.0, 3.0]),
}, seen
PY
