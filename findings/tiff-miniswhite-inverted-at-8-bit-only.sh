#!/usr/bin/env bash
# Finding: an 8-bit TIFF with white at zero is inverted on reading, a 16-bit one is not, in
#   OpenCV and in Pillow alike
#
# Packages: opencv-python-headless==5.0.0.93, pillow==13.0.0, tifffile==2026.3.3, numpy==2.4.6
#   (Python 3.11 or later)
#
# Guess: a reader either returns stored samples or display values where bigger is brighter; it
#   does the same at 8 and at 16 bits.
#
# Seen: stored 0, 1, maximum. At 8 bits both libraries return 255, 254, 0. At 16 bits both
#   return 0, 1, 65535; OpenCV with IMREAD_GRAYSCALE inverts the 16-bit file after all.
#
# Why it matters: X-ray and thermal frames flip polarity when an exporter changes depth, or
#   when a loader changes its flag; statistics and thresholds then work on the negative.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q opencv-python-headless==5.0.0.93 pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import io
import cv2, numpy as np, tifffile
from PIL import Image

def decode(data, flags):
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags)

seen = {}
for kind, top in (("uint8", 255), ("uint16", 65535)):
    out = io.BytesIO()
    tifffile.imwrite(out, np.array([[0, 1, top]], kind), photometric="miniswhite")
    data = out.getvalue()
    seen[kind] = {
        "unchanged": decode(data, cv2.IMREAD_UNCHANGED)[0].tolist(),
        "grey": decode(data, cv2.IMREAD_GRAYSCALE)[0].tolist(),
        "pillow": np.asarray(Image.open(io.BytesIO(data)))[0].tolist(),
    }
print(seen)
assert seen == {
    "uint8": {"unchanged": [255, 254, 0], "grey": [255, 254, 0], "pillow": [255, 254, 0]},
    "uint16": {"unchanged": [0, 1, 65535], "grey": [255, 255, 0], "pillow": [0, 1, 65535]},
}, seen
PY
