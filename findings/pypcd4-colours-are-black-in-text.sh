#!/usr/bin/env bash
# Finding: a coloured point cloud that pypcd4 saves as text comes back black
#
# Packages: pypcd4==1.5.1, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: the three encodings of a PCD file hold the same values: a cloud with colours that is
#   saved as ASCII has the same colours when it is read again, as one in binary has.
#
# Seen: in binary and binary_compressed the colours come back. In ASCII all of them are 0, 0, 0.
#   Colours are packed into the bits of a float32, which is then a number like 2.3e-38, and
#   numbers are written with ten decimals, whatever their size.
#
# Why it matters: text is what people choose to look into a file, or to hand it on; there is no
#   error, and the positions are right. All other small numbers become 0 too.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pypcd4==1.5.1 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import numpy as np
from pypcd4 import Encoding, PointCloud

colours = np.array([[255, 128, 64], [10, 20, 30]], np.uint8)
packed = PointCloud.encode_rgb(colours).reshape(-1, 1)
cloud = PointCloud.from_xyzrgb_points(np.hstack([np.ones((2, 3), np.float32), packed]))
seen = {}
for encoding in (Encoding.ASCII, Encoding.BINARY, Encoding.BINARY_COMPRESSED):
    cloud.save("cloud.pcd", encoding=encoding)
    again = PointCloud.from_path("cloud.pcd").pc_data
    assert (again["x"] == 1).all()
    seen[encoding.name] = PointCloud.decode_rgb(again["rgb"]).tolist()
print(seen)
black = [[0, 0, 0], [0, 0, 0]]
assert seen == {"ASCII": black, "BINARY": colours.tolist(), "BINARY_COMPRESSED": colours.tolist()}, seen
PY
