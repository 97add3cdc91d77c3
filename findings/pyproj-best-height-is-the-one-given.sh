#!/usr/bin/env bash
# Finding: asked for heights above the sea pyproj returns the heights above the ellipsoid that it was
#   given, also with `only_best=True`
#
# Packages: pyproj==3.7.2 (Python 3.11 or later; without the network of PROJ, which is off by default)
#
# Guess: from EPSG:4979 (GPS, height above the ellipsoid) to EPSG:4326+5773 (height above the sea by
#   EGM96) the height changes by the geoid, 48 m in southern Germany; where its grid is not installed the
#   conversion fails, or does so at least with `only_best=True`, which says so.
#
# Seen: 500 m are 500 m, by default and with `only_best=True`, which its documentation explains as an
#   error if the best transformation that PROJ knows cannot be used. `accuracy` is -1, unknown, and the
#   description has the words "ballpark vertical transformation". Only `allow_ballpark=False` raises. The
#   operation with the grid is listed by TransformerGroup as unavailable, with a warning. From EPSG:4326,
#   which has no height, the accuracy is even 0, and `allow_ballpark=False` passes.
#
# Why it matters: the wheel brings no grid. Drone and car recordings have GPS heights, maps and terrain
#   have heights above the sea, and both meet 48 m apart, by a conversion that was asked to be the best or
#   none.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pyproj==3.7.2
cd "$work"
export PROJ_NETWORK=OFF
"$work/v/bin/python" -W ignore - <<'PY'
from pyproj import Transformer
from pyproj.exceptions import ProjError
from pyproj.transformer import TransformerGroup

ABOVE_THE_SEA = "EPSG:4326+5773"
GPS_HEIGHT_M = 500.0


def height_and_accuracy(source, **options):
    transformer = Transformer.from_crs(source, ABOVE_THE_SEA, always_xy=True, **options)
    height = transformer.transform(9.0, 48.7, GPS_HEIGHT_M, errcheck=True)[2]
    return height, transformer.accuracy


group = TransformerGroup("EPSG:4979", ABOVE_THE_SEA, always_xy=True)
unavailable = [operation.name for operation in group.unavailable_operations]
seen = {best: height_and_accuracy("EPSG:4979", only_best=best) for best in (None, True)}
without_height = height_and_accuracy("EPSG:4326", allow_ballpark=False)
print("only_best:", seen, "unavailable:", unavailable, "from EPSG:4326:", without_height)
assert unavailable and not group.best_available
assert seen == {None: (GPS_HEIGHT_M, -1.0), True: (GPS_HEIGHT_M, -1.0)}, seen
assert without_height == (GPS_HEIGHT_M, 0.0), without_height
try:
    height_and_accuracy("EPSG:4979", allow_ballpark=False)
except ProjError as error:
    print("allow_ballpark=False:", error)
else:
    raise SystemExit("allow_ballpark=False passes now")
PY
