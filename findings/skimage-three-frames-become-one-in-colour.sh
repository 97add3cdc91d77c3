#!/usr/bin/env bash
# Finding: scikit-image reads a TIFF of three grey frames as one picture in colour, and of four as one
#   with transparency; two and five frames stay frames
#
# Packages: scikit-image==0.26.0, tifffile==2026.3.3, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: a TIFF of n pages of grey (photometric MINISBLACK, one sample a pixel) comes back as
#   (n, height, width) whatever n is; the file says that it is grey.
#
# Seen: 20 x 30 pixels: two and five frames come back as (2, 20, 30) and (5, 20, 30), three and four as
#   (20, 30, 3) and (20, 30, 4). `tifffile.imread` gives (3, 20, 30) for the same file. `imread` of
#   scikit-image turns every array whose first axis is 3 or 4 long, and whose last is not.
#
# Why it matters: bursts, stereo triples and z-stacks of three are usual. A loop over the frames runs
#   over the 20 rows instead, and a net with a colour input takes three moments for red, green and
#   blue without an error; only stacks of some lengths are hit, so a test with ten frames passes.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q scikit-image==0.26.0 tifffile==2026.3.3 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import numpy as np, skimage.io, tifffile

seen = {}
for frames in (2, 3, 4, 5):
    path = f"{frames}.tif"
    tifffile.imwrite(path, np.zeros((frames, 20, 30), np.uint16), photometric="minisblack")
    seen[frames] = (skimage.io.imread(path).shape, tifffile.imread(path).shape)
print(seen)
assert seen == {
    2: ((2, 20, 30), (2, 20, 30)),
    3: ((20, 30, 3), (3, 20, 30)),
    4: ((20, 30, 4), (4, 20, 30)),
    5: ((5, 20, 30), (5, 20, 30)),
}, seen
PY
