#!/usr/bin/env bash
# Finding: the flag IMREAD_IGNORE_ORIENTATION keeps JPEG, PNG and WebP as stored, but a TIFF
#   is turned all the same
#
# Packages: opencv-python-headless==5.0.0.93, pillow==13.0.0, tifffile==2026.3.3, numpy==2.4.6
#   (Python 3.11 or later)
#
# Guess: one decode flag means one thing: with IMREAD_IGNORE_ORIENTATION (and with
#   IMREAD_UNCHANGED, which implies it) no picture is turned, whatever its format.
#
# Seen: the stored picture is 4 wide and 2 high with orientation 6. JPEG, PNG and WebP come
#   back 2x4 (rows x columns) under the flag; the TIFF comes back turned, 4x2, with the flag,
#   without it, and with IMREAD_UNCHANGED.
#
# Why it matters: boxes drawn in stored coordinates no longer fit the pixels of the TIFF files
#   of a mixed folder, although the loader was told not to turn anything.
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

picture = np.zeros((2, 4, 3), np.uint8)
files = {}
for kind in ("JPEG", "PNG", "WEBP"):
    exif = Image.Exif()
    exif[274] = 6
    out = io.BytesIO()
    Image.fromarray(picture).save(out, kind, exif=exif)
    files[kind] = out.getvalue()
out = io.BytesIO()
tifffile.imwrite(out, picture, photometric="rgb", extratags=[(274, "H", 1, 6, True)])
files["TIFF"] = out.getvalue()

flags = (cv2.IMREAD_COLOR, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION, cv2.IMREAD_UNCHANGED)
seen = {kind: [decode(data, flag).shape[:2] for flag in flags] for kind, data in files.items()}
print(seen)
honoured = [(4, 2), (2, 4), (2, 4)]
assert seen == {"JPEG": honoured, "PNG": honoured, "WEBP": honoured, "TIFF": [(4, 2)] * 3}, seen
PY
