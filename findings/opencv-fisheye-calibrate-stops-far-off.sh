#!/usr/bin/env bash
# Finding: fisheye calibration in OpenCV ends pixels away on noise-free points unless a flag
#   asks it to recompute the poses
#
# Packages: opencv-python-headless==5.0.0.93, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: eight views of exact points calibrate to an error near zero with default flags, and
#   point lists of shape (N, 1, 2), the shape that fisheye.projectPoints and
#   findChessboardCorners deal in, are accepted.
#
# Seen: with flags=0 the call returns normally with an RMS above 5 pixels;
#   CALIB_RECOMPUTE_EXTRINSIC brings it under 1e-6. Arrays shaped (N, 1, 2) raise a size
#   mismatch; (1, N, 2) is wanted.
#
# Why it matters: the returned camera looks plausible (the focal length is off by less than
#   one per cent), so an unchecked RMS ships a poor calibration.
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
board = np.array([[x * 0.1, y * 0.1, 0] for y in range(6) for x in range(8)], float).reshape(1, -1, 3)
camera = np.array([[300.0, 0, 320], [0, 300, 240], [0, 0, 1]])
rng = np.random.default_rng(1)
objects, points = [], []
for _ in range(8):
    turn = rng.uniform(-0.4, 0.4, 3)
    shift = np.array([rng.uniform(-0.5, 0), rng.uniform(-0.4, 0), rng.uniform(0.5, 0.9)])
    points.append(cv2.fisheye.projectPoints(board, turn, shift, camera, np.zeros(4))[0].reshape(1, -1, 2))
    objects.append(board)
def rms(flags, shape=(1, -1)):
    return cv2.fisheye.calibrate([o.reshape(*shape, 3) for o in objects], [p.reshape(*shape, 2) for p in points], (640, 480), None, None, flags=flags)[0]
plain, recomputed = rms(0), rms(cv2.CALIB_RECOMPUTE_EXTRINSIC)
try:
    rms(0, (-1, 1))
    refused = False
except cv2.error as error:
    refused = "Sizes of input arguments do not match" in str(error)
print(plain, recomputed, refused)
assert plain > 5 and recomputed < 1e-6 and refused, (plain, recomputed, refused)
PY
