#!/usr/bin/env bash
# Finding: an 8-bit RGBA TIFF loses colour to its alpha in OpenCV; the same picture at 16
#   bits, or as PNG, does not
#
# Packages: opencv-python-headless==5.0.0.93, tifffile==2026.3.3, numpy==2.4.6 (Python 3.11 or
#   later)
#
# Guess: IMREAD_UNCHANGED returns the four stored samples, at both depths and from both
#   formats; IMREAD_COLOR drops the alpha.
#
# Seen: stored RGBA (10, 250, 20, 128) with unassociated alpha. The 8-bit TIFF gives RGB (5,
#   125, 10) both with IMREAD_COLOR and with IMREAD_UNCHANGED; the 16-bit TIFF under
#   IMREAD_UNCHANGED gives the stored samples; the 16-bit one under IMREAD_COLOR is multiplied
#   again; the PNG is never multiplied.
#
# Why it matters: training pixels darken without any error when a dataset is converted from
#   PNG to TIFF, and the darkening depends on bit depth and flag.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q opencv-python-headless==5.0.0.93 tifffile==2026.3.3 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import io
import cv2, numpy as np, tifffile

def decode(data, flags):
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags)

stored = np.full((2, 2, 4), (10, 250, 20, 128), np.uint8)
def tiff(array):
    out = io.BytesIO()
    tifffile.imwrite(out, array, photometric="rgb", extrasamples=["unassalpha"])
    return out.getvalue()
files = {
    "tiff8": tiff(stored),
    "tiff16": tiff(stored.astype(np.uint16) * 257),
    "png8": cv2.imencode(".png", stored[..., [2, 1, 0, 3]])[1].tobytes(),
}
def rgb(data, flag):
    pixel = decode(data, flag)[0, 0]
    values = pixel[[2, 1, 0]].astype(int)
    return tuple((values // 257 if pixel.dtype == np.uint16 else values).tolist())
seen = {name: [rgb(data, flag) for flag in (cv2.IMREAD_COLOR, cv2.IMREAD_UNCHANGED)] for name, data in files.items()}
print(seen)
assert seen == {
    "tiff8": [(5, 125, 10), (5, 125, 10)],
    "tiff16": [(5, 125, 10), (10, 250, 20)],
    "png8": [(10, 250, 20), (10, 250, 20)],
}, seen
PY
