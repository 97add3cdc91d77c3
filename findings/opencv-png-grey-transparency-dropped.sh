#!/usr/bin/env bash
# Finding: a grey PNG with a transparent value loses its transparency under IMREAD_UNCHANGED,
#   RGB and palette PNGs keep it
#
# Packages: opencv-python-headless==5.0.0.93, pillow==13.0.0, numpy==2.4.6 (Python 3.11 or
#   later)
#
# Guess: the tRNS chunk becomes an alpha channel under IMREAD_UNCHANGED for every colour type,
#   as it does for RGB and palette pictures.
#
# Seen: RGB and palette pictures come back with four channels and alpha 0 on the transparent
#   pixel. The grey one comes back as a plain 2-D array; Pillow reports value 100 as
#   transparent in the same bytes.
#
# Why it matters: no-data pixels of a grey map or mask turn into ordinary grey values, and
#   code that tests for a fourth channel never notices.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q opencv-python-headless==5.0.0.93 pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import io, struct, zlib
import cv2, numpy as np
from PIL import Image

def decode(data, flags):
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags)

def png(width, depth, colour, row, *extra):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", width, 1, depth, colour, 0, 0, 0)
    parts = [(b"IHDR", head), *extra, (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)

grey = png(3, 8, 0, bytes([0, 100, 200]), (b"tRNS", struct.pack(">H", 100)))
rgb = png(2, 8, 2, bytes([1, 2, 3, 4, 5, 6]), (b"tRNS", struct.pack(">HHH", 4, 5, 6)))
palette = png(2, 8, 3, bytes([0, 1]), (b"PLTE", bytes([1, 2, 3, 4, 5, 6])), (b"tRNS", bytes([255, 0])))
seen = {name: decode(data, cv2.IMREAD_UNCHANGED).tolist() for name, data in (("grey", grey), ("rgb", rgb), ("palette", palette))}
pillow = np.asarray(Image.open(io.BytesIO(grey)).convert("RGBA"))[..., 3].tolist()
print(seen, "Pillow alpha of the grey file:", pillow)
four = [[[3, 2, 1, 255], [6, 5, 4, 0]]]
assert seen == {"grey": [[0, 100, 200]], "rgb": four, "palette": four}, seen
assert pillow == [[255, 0, 255]], pillow
PY
