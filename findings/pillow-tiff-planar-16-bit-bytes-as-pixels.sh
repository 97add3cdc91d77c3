#!/usr/bin/env bash
# Finding: Pillow opens a planar 16-bit RGB TIFF and returns the bytes of the samples as
#   pixels
#
# Packages: pillow==13.0.0, tifffile==2026.3.3, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: Pillow has no 16-bit RGB mode: it either raises, or keeps the upper 8 bits as it does
#   for the interleaved layout of the same picture.
#
# Seen: interleaved samples 0x0102, 0x0304, ... give their upper bytes. The planar file opens
#   without an error as mode RGB with the right size, and each plane is filled with the first
#   bytes of its samples, low byte then high byte, so one sample covers two pixels and half of
#   the plane is never read.
#
# Why it matters: the picture has the expected mode and size and looks like noise;
#   multispectral exports are often planar.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import io
import numpy as np, tifffile
from PIL import Image
planes = np.array([[[0x0102, 0x0304, 0x0506, 0x0708]], [[0x1112, 0x1314, 0x1516, 0x1718]], [[0x2122, 0x2324, 0x2526, 0x2728]]], "<u2")
def opened(array, layout):
    out = io.BytesIO()
    tifffile.imwrite(out, array, photometric="rgb", planarconfig=layout, byteorder="<")
    picture = Image.open(io.BytesIO(out.getvalue()))
    return picture.mode, picture.size, [[hex(v) for v in plane] for plane in np.asarray(picture)[0].T.tolist()]
interleaved = opened(np.ascontiguousarray(np.moveaxis(planes, 0, -1)), "contig")
planar = opened(planes, "separate")
print(interleaved, planar, sep="\n")
assert interleaved == ("RGB", (4, 1), [["0x1", "0x3", "0x5", "0x7"], ["0x11", "0x13", "0x15", "0x17"], ["0x21", "0x23", "0x25", "0x27"]])
assert planar == ("RGB", (4, 1), [["0x2", "0x1", "0x4", "0x3"], ["0x12", "0x11", "0x14", "0x13"], ["0x22", "0x21", "0x24", "0x23"]]), planar
PY
