#!/usr/bin/env bash
# Finding: Pillow does not find the transparent colour of a 4-bit grey PNG, nor of a 16-bit
#   RGB one
#
# Packages: pillow==13.0.0, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: the key of the tRNS chunk is in the units of the file, so it is scaled together with
#   the pixels and the matching pixel becomes transparent at every depth.
#
# Seen: pixels are brought to 8 bits, the key is not: a 4-bit grey picture (values 0, 5, 15;
#   key 5) becomes 0, 85, 255 with key 5, and a 16-bit RGB picture is compared with the 16-bit
#   key (1000, 2000, 3000) after its pixels became (3, 7, 11). Alpha is 255 everywhere. With 8
#   bits the key works.
#
# Why it matters: convert("RGBA") reports fully opaque pictures, so masks made from
#   transparency are full and no-data pixels count as data.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import io, struct, zlib
import numpy as np
from PIL import Image

def png(width, depth, colour, row, *extra):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", width, 1, depth, colour, 0, 0, 0)
    parts = [(b"IHDR", head), *extra, (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)

def alpha(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))[0, :, 3].tolist()
grey4 = png(3, 4, 0, bytes([0x05, 0xF0]), (b"tRNS", struct.pack(">H", 5)))
grey8 = png(3, 8, 0, bytes([0, 5, 15]), (b"tRNS", struct.pack(">H", 5)))
pixels = (1000, 2000, 3000, 40000, 50000, 60000)
rgb16 = png(2, 16, 2, struct.pack(">6H", *pixels), (b"tRNS", struct.pack(">3H", 1000, 2000, 3000)))
rgb8 = png(2, 8, 2, bytes([1, 2, 3, 4, 5, 6]), (b"tRNS", struct.pack(">3H", 1, 2, 3)))
seen = {"grey4": alpha(grey4), "grey8": alpha(grey8), "rgb16": alpha(rgb16), "rgb8": alpha(rgb8)}
print(seen)
assert np.asarray(Image.open(io.BytesIO(grey4))).tolist() == [[0, 85, 255]]
assert seen == {"grey4": [255, 255, 255], "grey8": [255, 0, 255], "rgb16": [255, 255], "rgb8": [0, 255]}, seen
PY
