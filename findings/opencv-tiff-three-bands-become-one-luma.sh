#!/usr/bin/env bash
# Finding: three scientific bands in one TIFF come out of IMREAD_UNCHANGED as a single
#   weighted grey band
#
# Packages: opencv-python-headless==5.0.0.93, tifffile==2026.3.3, numpy==2.4.6 (Python 3.11 or
#   later)
#
# Guess: a 16-bit TIFF of three interleaved bands marked MINISBLACK (not a colour picture) is
#   returned as rows x columns x 3, or refused.
#
# Seen: IMREAD_UNCHANGED returns a 2-D array whose values occur in no band: 0.299 of the first
#   band + 0.587 of the second + 0.114 of the third, the grey formula for red, green and blue.
#   The same samples marked RGB come back unchanged in three channels.
#
# Why it matters: near-infrared, depth and temperature bands get mixed into one number per
#   pixel, with a plausible type and size.
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

bands = np.array([[[1000, 20000, 50000], [0, 10000, 0]]], np.uint16)
def read(photometric):
    out = io.BytesIO()
    tifffile.imwrite(out, bands, photometric=photometric, planarconfig="contig")
    assert tifffile.imread(io.BytesIO(out.getvalue())).shape == (1, 2, 3)
    return decode(out.getvalue(), cv2.IMREAD_UNCHANGED)
mixed, colour = read("minisblack"), read("rgb")
print(mixed.tolist(), colour[..., ::-1].tolist())
assert mixed.dtype == np.uint16 and mixed.shape == (1, 2), mixed.shape
assert mixed.tolist() == [[round(0.299 * 1000 + 0.587 * 20000 + 0.114 * 50000), 5870]], mixed
assert (colour[..., ::-1] == bands).all()
PY
