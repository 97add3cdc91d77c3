#!/usr/bin/env bash
# Finding: adding a plain number to a uint32 array in OpenCV 5 rounds the array to 24 bits,
#   adding an array does not
#
# Packages: opencv-python-headless==5.0.0.93, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: cv2.add(a, 0) and cv2.add(a, zeros) are the same sum, exact for 32-bit integers.
#
# Seen: 16777217 + 0 is 16777216 and 16777219 + 0 is 16777220; with an array of zeros, and for
#   int32 with the number, the sums are exact: the uint32 path with a number works in single
#   precision.
#
# Why it matters: instance ids, packed colours and frame counters above 16 million are
#   renumbered by adding zero.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import cv2, numpy as np
ids = np.array([[16777217, 16777219, 4000000001]], np.uint32)
zero = cv2.add(ids, 0)[0].tolist()
zeros = cv2.add(ids, np.zeros_like(ids))[0].tolist()
signed = cv2.add(np.array([[16777217, 16777219]], np.int32), 0)[0].tolist()
print(zero, zeros, signed)
assert zero == [16777216, 16777220, 4000000000], zero
assert zeros == [16777217, 16777219, 4000000001], zeros
assert signed == [16777217, 16777219], signed
PY
