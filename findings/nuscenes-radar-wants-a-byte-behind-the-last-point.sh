#!/usr/bin/env bash
# Finding: nuscenes-devkit reads a binary PCD of a radar only when there is at least one byte behind
#   its last point, which no PCD needs to have
#
# Packages: nuscenes-devkit==1.2.0, numpy==1.26.4, pypcd4==1.5.1 (Python 3.11)
#
# Guess: a PCD with the 18 fields, types and header lines that the devkit documents is read, whoever
#   wrote it; the data of a binary PCD are points times their size, and end there.
#
# Seen: the file that pypcd4 writes of such points, with the comment of PCL as its first line (which
#   the devkit asks for, in words), ends with its last point, and `from_file` stops with an
#   AssertionError without a word (`end_p < len(data_binary)`). The same file with a line feed behind
#   it is read, all points of it.
#
# Why it matters: nuScenes' own files end with such a byte, so only files that somebody else made
#   (another radar in the same form, a filtered copy) show it, and nothing says what is wrong with
#   them. A tool that trims files to the size that their header states breaks them.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
for name in devkit writer; do python3 -m venv "$work/$name"; done
"$work/devkit/bin/pip" install -q nuscenes-devkit==1.2.0 numpy==1.26.4
"$work/writer/bin/pip" install -q pypcd4==1.5.1
cd "$work"
"$work/writer/bin/python" - <<'PY'
import numpy as np
from pypcd4 import Encoding, PointCloud

FIELDS = (
    "x y z dyn_prop id rcs vx vy vx_comp vy_comp is_quality_valid ambig_state x_rms y_rms"
    " invalid_state pdh0 vx_rms vy_rms"
).split()
TYPES = [np.float32] * 3 + [np.int8, np.int16] + [np.float32] * 5 + [np.int8] * 8
rows = [(9 + n, 1, 0, 1, n, 2.5, 0, 0, 0, 0, 1, 3, 19, 19, 0, 1, 16, 3) for n in range(2)]
columns = [np.array(column, kind) for column, kind in zip(zip(*rows), TYPES)]
PointCloud.from_points(columns, FIELDS, TYPES).save("radar.pcd", encoding=Encoding.BINARY)
PY
"$work/devkit/bin/python" - <<'PY'
from nuscenes.utils.data_classes import RadarPointCloud

RadarPointCloud.disable_filters()
data = b"# .PCD v0.7 - Point Cloud Data file format\n" + open("radar.pcd", "rb").read()
open("radar.pcd", "wb").write(data)
head, points = data.split(b"DATA binary\n")
print(head.decode(), len(points), "bytes of points")
assert len(points) == 2 * 43
try:
    RadarPointCloud.from_file("radar.pcd")
    seen = "read"
except AssertionError as error:
    seen = f"AssertionError{error.args}"
print("as it was written:", seen)
open("longer.pcd", "wb").write(data + b"\n")
longer = RadarPointCloud.from_file("longer.pcd").points
print("with one byte more:", longer[0].tolist())
assert seen == "AssertionError()" and longer[0].tolist() == [9.0, 10.0], (seen, longer)
PY
