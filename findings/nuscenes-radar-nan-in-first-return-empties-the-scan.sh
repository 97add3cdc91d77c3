#!/usr/bin/env bash
# Finding: a NaN in any field of the first return makes a radar scan empty in nuscenes-devkit;
#   the same NaN in any other return changes nothing
#
# Packages: nuscenes-devkit==1.2.0, numpy==1.26.4 (Python 3.11)
#
# Guess: a return with a NaN is dropped, or all are kept and the NaN comes through, wherever in
#   the scan it stands.
#
# Seen: of three returns of which one has no cross section (rcs is NaN), all three come back when
#   that is the second or the third, with the NaN in it; when it is the first, none comes back, and
#   nothing is said. Filters are switched off.
#
# Why it matters: the order of returns decides whether a scan is there. A converter that writes NaN
#   for what a radar does not measure gives data sets whose scans are empty for everybody who uses
#   the devkit, and a training on them sees nothing but fewer points.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q nuscenes-devkit==1.2.0 numpy==1.26.4
cd "$work"
"$work/v/bin/python" - <<'PY'
import math, struct
from nuscenes.utils.data_classes import RadarPointCloud

FIELDS = (
    "x y z dyn_prop id rcs vx vy vx_comp vy_comp is_quality_valid ambig_state x_rms y_rms"
    " invalid_state pdh0 vx_rms vy_rms"
)
HEAD = f"""# .PCD v0.7 - Point Cloud Data file format
VERSION 0.7
FIELDS {FIELDS}
SIZE 4 4 4 1 2 4 4 4 4 4 1 1 1 1 1 1 1 1
TYPE F F F I I F F F F F I I I I I I I I
COUNT 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
WIDTH 3
HEIGHT 1
VIEWPOINT 0 0 0 1 0 0 0
POINTS 3
DATA binary
"""
RadarPointCloud.disable_filters()


def read(without_rcs):
    """The x of the returns of a scan in which one has no cross section."""
    returns = [
        struct.pack("<fffbhfffff8b", 5 + n, 0, 0, 1, n, math.nan if n == without_rcs else 2.0,
                    0, 0, 0, 0, 1, 3, 19, 19, 0, 1, 16, 3)
        for n in range(3)
    ]
    with open("radar.pcd", "wb") as out:
        out.write(HEAD.encode() + b"".join(returns) + b"\n")
    return RadarPointCloud.from_file("radar.pcd").points[0].tolist()


seen = {n: read(n) for n in (None, 2, 1, 0)}
for n, xs in seen.items():
    print(f"rcs is NaN in return {n}: x = {xs}")
assert seen == {None: [5.0, 6.0, 7.0], 2: [5.0, 6.0, 7.0], 1: [5.0, 6.0, 7.0], 0: []}, seen
PY
