#!/usr/bin/env bash
# Finding: OpenCV turns a JPEG, PNG or WebP by its orientation and leaves the AVIF of the same
#   picture lying on its side
#
# Packages: opencv-python-headless==5.0.0.93, pillow==13.0.0, numpy==2.4.6 (Python 3.11 or
#   later)
#
# Guess: cv2 applies orientation by default, and in AVIF the rotation is a property of the
#   picture that every reader must apply, so AVIF is the safest of the four.
#
# Seen: a 16x8 picture saved by Pillow with orientation 6: JPEG, PNG and WebP decode to 16
#   rows by 8 columns, AVIF to 8 rows by 16. Pillow reports orientation 6 for that AVIF file
#   and exif_transpose turns it.
#
# Why it matters: phones and web exports use AVIF; width and height swap between two loaders,
#   and boxes land outside of the picture.
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
from PIL import Image, ImageOps

def decode(data, flags):
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags)

seen = {}
for kind in ("JPEG", "PNG", "WEBP", "AVIF"):
    exif = Image.Exif()
    exif[274] = 6
    out = io.BytesIO()
    Image.new("RGB", (16, 8), (10, 20, 30)).save(out, kind, exif=exif)
    picture = Image.open(io.BytesIO(out.getvalue()))
    tag = picture.getexif().get(274)
    seen[kind] = (decode(out.getvalue(), cv2.IMREAD_COLOR).shape[:2], tag, ImageOps.exif_transpose(picture).size)
print(seen)
turned = ((16, 8), 6, (8, 16))
assert seen == {"JPEG": turned, "PNG": turned, "WEBP": turned, "AVIF": ((8, 16), 6, (8, 16))}, seen
PY
