#!/usr/bin/env bash
# Finding: in pycocotools mask.encode of an array with values 0, 1, 2 makes a mask with
#   background inside of the object
#
# Packages: pycocotools==2.0.11, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: encode treats every non-zero value as foreground (255 works), or raises on values
#   other than 0 and 1.
#
# Seen: a run ends wherever the value changes, so the column 0 1 2 0 is coded as off, on, off,
#   on: it decodes to 0 1 0 1. The foreground pixel 2 is lost and the background after it is
#   set.
#
# Why it matters: label maps, soft masks saved as 0..255 and anti-aliased PNG masks become
#   striped masks with plausible areas and no error.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pycocotools==2.0.11 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import numpy as np
from pycocotools import mask
def through(column):
    coded = mask.encode(np.asfortranarray(np.array(column, np.uint8)[:, None]))
    return mask.decode(coded)[:, 0].tolist(), int(mask.area(coded))
seen = {name: through(column) for name, column in {
    "binary": [0, 1, 1, 0], "255": [0, 255, 255, 0], "labels": [0, 1, 2, 0], "soft edge": [0, 90, 255, 255, 90, 0],
}.items()}
print(seen)
assert seen == {
    "binary": ([0, 1, 1, 0], 2), "255": ([0, 1, 1, 0], 2),
    "labels": ([0, 1, 0, 1], 2), "soft edge": ([0, 1, 0, 0, 1, 0], 2),
}, seen
PY
