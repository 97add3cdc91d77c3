#!/usr/bin/env bash
# Finding: three pictures written one by one with tifffile come back from imread as the first
#   one only
#
# Packages: tifffile==2026.3.3, pillow==13.0.0, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: three write() calls with pictures of one size and type make a stack, and imread
#   returns it as (3, height, width).
#
# Seen: imread returns the first picture, because each call starts its own series; the file
#   has three pages and Pillow counts three. With contiguous=True or metadata=None on each
#   call imread returns the whole stack.
#
# Why it matters: a recorder that appends frames looks as if it had kept one; with
#   metadata=None, or in another reader, the frames are all there.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q tifffile==2026.3.3 pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import io
import numpy as np, tifffile
from PIL import Image
def written(**options):
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        for value in range(3):
            writer.write(np.full((4, 5), value, np.uint8), **options)
    data = out.getvalue()
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        pages, series = len(opened.pages), len(opened.series)
    return tifffile.imread(io.BytesIO(data)).shape, pages, series, Image.open(io.BytesIO(data)).n_frames
seen = {"plain": written(), "contiguous": written(contiguous=True), "no metadata": written(metadata=None)}
print(seen)
assert seen["plain"] == ((4, 5), 3, 3, 3), seen
assert seen["contiguous"][0] == seen["no metadata"][0] == (3, 4, 5), seen
PY
