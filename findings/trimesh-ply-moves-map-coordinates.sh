#!/usr/bin/env bash
# Finding: a point cloud in map coordinates that trimesh reads from a PLY with doubles comes out of its PLY
#   in steps of half a metre, in text as well
#
# Packages: trimesh==5.2.0, plyfile==1.1.5, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: what was read as doubles is written as doubles, or at least with all digits in the text form;
#   and a property beside the coordinates is kept.
#
# Seen: three points of UTM, 10 cm apart, of which two differ in northing. trimesh reads them exactly, as
#   float64. Its PLY, binary and text, declares `float` and has one northing for all of them: what was
#   5336000.456 and 5336000.556 is 5336000.5. The intensity is gone. The same cloud through its XYZ
#   is exact. Nothing is said.
#
# Why it matters: a scan that was only cropped or turned by a script falls into planes of half a metre,
#   and registrations against it fail or, worse, fit the steps; the viewer shows a sound cloud as long
#   as one looks from afar.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q trimesh==5.2.0 plyfile==1.1.5 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import numpy as np, trimesh
from plyfile import PlyData, PlyElement

points = [(691000.125, 5336000.456, 520.5, 7), (691000.125, 5336000.556, 520.5, 8), (691000.25, 5336000.456, 520.5, 9)]
rows = np.array(points, [("x", "<f8"), ("y", "<f8"), ("z", "<f8"), ("intensity", "<f4")])
PlyData([PlyElement.describe(rows, "vertex")]).write("map.ply")

cloud = trimesh.load("map.ply")
assert cloud.vertices.dtype == np.float64 and np.array_equal(cloud.vertices[:, 1], rows["y"])
cloud.export("map.xyz")
assert np.array_equal(np.loadtxt("map.xyz")[:, 1], rows["y"])
for encoding in ("binary", "ascii"):
    with open("again.ply", "wb") as file:
        file.write(cloud.export(file_type="ply", encoding=encoding))
    again = PlyData.read("again.ply")["vertex"].data
    print(encoding, again.dtype.names, again["y"].tolist())
    assert again.dtype.names == ("x", "y", "z") and again["y"].dtype == np.float32, again.dtype
    assert again["y"].tolist() == [5336000.5] * 3, again["y"]
PY
