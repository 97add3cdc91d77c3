#!/usr/bin/env bash
# Finding: OpenCV refuses an uncompressed 8-bit TIFF with tiles of 16 or 48 pixels and reads
#   it with tiles of 32 or 64
#
# Packages: opencv-python-headless==5.0.0.93, tifffile==2026.3.3, numpy==2.4.6 (Python 3.11 or
#   later)
#
# Guess: TIFF tile sides are any multiple of 16, so all four files decode; the tile side is no
#   concern of the caller.
#
# Seen: sides 16 and 48 return None, sides 32 and 64 the right pixels. With zlib compression
#   all four decode.
#
# Why it matters: imread returns None for a valid file and the next line fails on it; re-
#   tiling or compressing the same picture cures it.
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

picture = (np.arange(96)[:, None] * 2 + np.arange(96)[None, :]).astype(np.uint8)
def right(side, compression):
    out = io.BytesIO()
    tifffile.imwrite(out, picture, tile=(side, side), compression=compression)
    assert (tifffile.imread(io.BytesIO(out.getvalue())) == picture).all()
    back = decode(out.getvalue(), cv2.IMREAD_UNCHANGED)
    return None if back is None else bool((back == picture).all())
sides = (16, 32, 48, 64)
seen = {compression: [right(side, compression) for side in sides] for compression in (None, "zlib")}
print(seen)
assert seen == {None: [None, True, None, True], "zlib": [True] * 4}, seen
PY
