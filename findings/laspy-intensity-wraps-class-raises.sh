#!/usr/bin/env bash
# Finding: in laspy a class number that does not fit raises, an intensity array that does not
#   fit wraps around
#
# Packages: laspy==2.7.0, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: assigning out-of-range values is checked for all fields, or for none.
#
# Seen: classification 40 in point format 3 raises OverflowError, coordinates out of range
#   raise, and a list holding 70000 for intensity raises; the same 70000 in a NumPy array is
#   stored as 4464 and -1 as 65535. Colours given as floats from 0 to 1 are cut to 0 and 1.
#
# Why it matters: sensor intensities above 65535 become dim points, and normalised colours
#   become black, in a file that passes every reader.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q laspy==2.7.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import laspy, numpy as np
cloud = laspy.LasData(laspy.LasHeader(point_format=3, version="1.2"))
cloud.x = [0.0, 1.0, 2.0]
def stored(name, values):
    try:
        cloud[name] = values
    except OverflowError:
        return "OverflowError"
    return np.array(cloud[name]).tolist()
seen = {
    "classification": stored("classification", np.array([40, 1, 2])),
    "x": stored("x", np.array([3e7, 1.0, 2.0])),
    "intensity list": stored("intensity", [70000, 1, 2]),
    "intensity array": stored("intensity", np.array([70000, -1, 2])),
    "red": stored("red", np.array([0.25, 0.9, 1.0])),
}
print(seen)
assert seen == {
    "classification": "OverflowError", "x": "OverflowError", "intensity list": "OverflowError",
    "intensity array": [4464, 65535, 2], "red": [0, 0, 1],
}, seen
PY
