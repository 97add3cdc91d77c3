#!/usr/bin/env bash
# Finding: reading without a flag, OpenCV returns None for a float or 32-bit integer TIFF,
#   converts a float PFM, and wraps a signed 16-bit TIFF
#
# Packages: opencv-python-headless==5.0.0.93, tifffile==2026.3.3, numpy==2.4.6 (Python 3.11 or
#   later)
#
# Guess: IMREAD_COLOR promises 8-bit colour, so every readable single-channel depth is
#   converted the same way, whatever the file format.
#
# Seen: float32 and int32 TIFFs give None with IMREAD_COLOR and decode with IMREAD_UNCHANGED;
#   the same float samples as PFM are converted. A signed 16-bit TIFF is taken as unsigned: -1
#   becomes 255 and 256 becomes 1.
#
# Why it matters: depth and elevation files look broken until a flag is added, and small
#   negative heights become the brightest pixels.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q opencv-python-headless==5.0.0.93 tifffile==2026.3.3 numpy==2.4.6
cd "$work"
export OPENCV_LOG_LEVEL=SILENT
"$work/v/bin/python" - <<'PY'
import io
import cv2, numpy as np, tifffile

def decode(data, flags):
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags)

def tiff(array, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, array, **options)
    return out.getvalue()

floats = np.array([[1, 2, 200]], np.float32)
pfm = b"Pf\n3 1\n-1.0\n" + floats.astype("<f4").tobytes()
files = {"float tiff": tiff(floats), "int32 tiff": tiff(floats.astype(np.int32)), "float pfm": pfm, "int16 tiff": tiff(np.array([[-1, 256, 0]], np.int16))}
def answer(data, flag):
    back = decode(data, flag)
    return None if back is None else (back if back.ndim == 2 else back[..., 0])[0].tolist()
seen = {name: [answer(data, flag) for flag in (cv2.IMREAD_COLOR, cv2.IMREAD_UNCHANGED)] for name, data in files.items()}
print(seen)
assert seen == {
    "float tiff": [None, [1.0, 2.0, 200.0]],
    "int32 tiff": [None, [1, 2, 200]],
    "float pfm": [[1, 2, 200], [1.0, 2.0, 200.0]],
    "int16 tiff": [[255, 1, 0], [-1, 256, 0]],
}, seen
PY
