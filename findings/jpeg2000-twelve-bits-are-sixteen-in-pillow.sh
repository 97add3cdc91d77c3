#!/usr/bin/env bash
# Finding: a 12-bit JPEG 2000 file has values up to 4,095 in OpenCV and imagecodecs, and values 16 times
#   as large in Pillow
#
# Packages: pillow==13.0.0, opencv-python-headless==5.0.0.93, imagecodecs==2026.3.6, numpy==2.4.6 (Python
#   3.11 or later)
#
# Guess: what a lossless file stores is what is read, as all three do with 16 bits.
#
# Seen: samples 650, 651 and 652, written with 12 bits. OpenCV (IMREAD_UNCHANGED) and imagecodecs return
#   650, 651, 652, and Pillow, in mode I;16, 10400, 10416, 10432. The same samples in a file of 16 bits
#   are 650, 651, 652 in all three.
#
# Why it matters: satellites, X-ray and machine-vision cameras store 10 to 15 bits so. A net that was
#   trained through one loader sees pictures 16 times as bright, or black, through the other, both
#   uint16; thresholds, radiances and depths in physical units are off by the same factor.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pillow==13.0.0 opencv-python-headless==5.0.0.93 imagecodecs==2026.3.6 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import io
import cv2, imagecodecs, numpy as np
from PIL import Image

samples = np.arange(4096, dtype=np.uint16).reshape(64, 64)

def first_three(picture):
    return np.asarray(picture)[10, 10:13].tolist()

seen = {}
for bits in (12, 16):
    data = imagecodecs.jpeg2k_encode(samples, bitspersample=bits, reversible=True, codecformat="jp2")
    seen[bits] = {
        "imagecodecs": first_three(imagecodecs.jpeg2k_decode(data)),
        "opencv": first_three(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)),
        "pillow": first_three(Image.open(io.BytesIO(data))),
    }
print(seen)
stored = [650, 651, 652]
assert seen[12] == {"imagecodecs": stored, "opencv": stored, "pillow": [10400, 10416, 10432]}, seen
assert seen[16] == {"imagecodecs": stored, "opencv": stored, "pillow": stored}, seen
PY
