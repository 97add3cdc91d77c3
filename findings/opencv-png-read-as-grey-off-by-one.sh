#!/usr/bin/env bash
# Finding: reading a PNG as grey differs by one from reading it in colour and converting;
#   reading a TIFF does not
#
# Packages: opencv-python-headless==5.0.0.93, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: IMREAD_GRAYSCALE equals cvtColor of the colour picture for lossless formats; a
#   difference, if any, is the same for all of them.
#
# Seen: pure green is 149 from the PNG and 150 from the TIFF and from cvtColor; the mixed
#   colour (R 201, G 93, B 17) is 116 against 117; others agree.
#
# Why it matters: a cache of grey pictures, a hash or a template match made from PNG files
#   does not fit the one made from the decoded colour picture, or from another container of
#   the same pixels.
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

def decode(data, flags):
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags)

colours = np.array([[(0, 0, 255), (0, 255, 0), (255, 0, 0), (200, 100, 50), (17, 93, 201), (255, 255, 255)]], np.uint8)
seen = {"cvtColor": cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY)[0].tolist()}
for kind in (".png", ".tiff"):
    data = cv2.imencode(kind, colours)[1].tobytes()
    assert (decode(data, cv2.IMREAD_COLOR) == colours).all()
    seen[kind] = decode(data, cv2.IMREAD_GRAYSCALE)[0].tolist()
print(seen)
expected = {"cvtColor": [76, 150, 29, 96, 117, 255], ".png": [76, 149, 29, 96, 116, 255], ".tiff": [76, 150, 29, 96, 117, 255]}
assert seen == expected, seen
PY
