#!/usr/bin/env bash
# Finding: OpenEXR's own Python writer saves other pixels than those of a cropped or turned array
#
# Packages: OpenEXR==3.5.3, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: what is given is what is written: a crop of a depth map, every second pixel of it, or the map
#   turned by `.T` are arrays as any other, and the file holds their values, or there is an error.
#
# Seen: the file has the shape of the array and the values that lie in memory from its first pixel on,
#   one after the other: strides are not looked at. A crop of two columns holds pixels of the columns
#   beside it; a turned map is the unturned one, cut into lines of another length. Nothing is said.
#   `numpy.ascontiguousarray` before it gives the right file.
#
# Why it matters: depth, disparity and flow are kept as EXR, and are cropped to a region of interest
#   before. The values are of the right range, so a file looks plausible in numbers and as a picture.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q OpenEXR==3.5.3 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import numpy as np
import OpenEXR


def through_a_file(depth):
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {"Z": depth}) as file:
        file.write("depth.exr")
    with OpenEXR.File("depth.exr") as file:
        return file.channels()["Z"].pixels


depth = np.arange(12, dtype=np.float32).reshape(3, 4)
assert np.array_equal(through_a_file(depth), depth)
seen = {
    "crop": through_a_file(depth[:, :2]).tolist(),
    "every second": through_a_file(depth[:, ::2]).tolist(),
    "turned": through_a_file(depth.T).tolist(),
}
for name, values in seen.items():
    print(name, values)
in_a_row = [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
assert seen["crop"] == in_a_row != depth[:, :2].tolist()
assert seen["every second"] == in_a_row != depth[:, ::2].tolist()
assert seen["turned"] == depth.reshape(4, 3).tolist() != depth.T.tolist()
assert np.array_equal(through_a_file(np.ascontiguousarray(depth[:, :2])), depth[:, :2])
PY
