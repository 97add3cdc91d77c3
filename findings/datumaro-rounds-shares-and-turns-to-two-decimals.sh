#!/usr/bin/env bash
# Finding: datumaro rounds every coordinate to two decimals, also where they are shares of
#   the picture, metres or radians
#
# Packages: datumaro==1.13.12 (Python 3.11 or later)
#
# Guess: numbers are kept as they are given; rounding, if any, happens in exporters of
#   formats in pixels.
#
# Seen: a box of 0.004 x 0.004 as shares of the picture becomes 0.01 wide and 0 high; a
#   cuboid turned by 0.0149 rad is turned by 0.01.
#
# Why it matters: small objects in data with shares lose their area on construction, and the
#   corner of a car 80 m away moves by 0.4 m.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q datumaro==1.13.12
cd "$work"
"$work/v/bin/python" - <<'PY'
import datumaro as dm
x, y, width, height = dm.Bbox(0.123, 0.456, 0.004, 0.004).get_bbox()
turn = dm.Cuboid3d(position=[80.0, 0.0, 0.0], rotation=[0.0, 0.0, 0.0149], scale=[4.0, 2.0, 1.5]).rotation
print(width, height, turn)
assert round(width, 6) == 0.01 and height == 0, (width, height)
assert turn == [0.0, 0.0, 0.01], turn
PY
