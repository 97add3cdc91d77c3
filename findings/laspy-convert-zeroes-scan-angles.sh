#!/usr/bin/env bash
# Finding: converting with laspy to a newer point format sets all scan angles to zero, and the
#   way back does the same
#
# Packages: laspy==2.7.0, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: scan_angle_rank (whole degrees, formats 0-5) and scan_angle (steps of 0.006 degrees,
#   formats 6-10) are one quantity, so convert rescales it, or warns that it is lost.
#
# Seen: ranks 30 and -90 become scan_angle 0 and 0, without a warning, while classification,
#   time and coordinates come through; 5000 and -15000 become ranks 0 and 0.
#
# Why it matters: going to LAS 1.4 for more classes wipes the angles that strip adjustment and
#   intensity correction need; zeros look like perfectly valid nadir shots.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q laspy==2.7.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import warnings
import laspy, numpy as np
def points(form, version, **fields):
    cloud = laspy.LasData(laspy.LasHeader(point_format=form, version=version))
    cloud.x, cloud.y, cloud.z = [1.0, 2.0], [0.0, 0.0], [0.0, 0.0]
    for name, values in fields.items():
        cloud[name] = np.array(values)
    return cloud
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    up = laspy.convert(points(1, "1.2", scan_angle_rank=[30, -90], classification=[2, 12], gps_time=[5.0, 6.0]), point_format_id=6)
    down = laspy.convert(points(6, "1.4", scan_angle=[5000, -15000]), point_format_id=1)
seen = {name: np.array(up[name]).tolist() for name in ("scan_angle", "classification", "gps_time")}
back = np.array(down["scan_angle_rank"]).tolist()
print(seen, back, len(caught))
assert seen == {"scan_angle": [0, 0], "classification": [2, 12], "gps_time": [5.0, 6.0]}, seen
assert back == [0, 0] and not caught
PY
