#!/usr/bin/env bash
# Finding: a point that a fisheye sees at 100 degrees lands on the other side of the image in OpenCV
#   and nowhere in pycolmap, and the ray of its pixel is a wrong number in both
#
# Packages: opencv-python-headless==5.0.0.93, pycolmap==4.2.0, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: the four-term fisheye is a function of the angle to the axis, so that a lens of more than
#   180 degrees is projected beyond 90 degrees too, or refused there; and pixels out there have a
#   ray to the side, or none.
#
# Seen: with an ideal lens of 200 px a radian, a point at 100 degrees to the right should be 349 px
#   right of the centre. OpenCV puts it 279 px to the left of the centre, where a point at 80
#   degrees to the left is; pycolmap gives NaN. For the pixel 349 px to the right OpenCV returns
#   x = 1.8e16, the ray at 90 degrees, and pycolmap x = 1.745: the angle in rad in the place of its
#   tangent, a ray at 60 degrees. Neither answers with NaN, and at 89 degrees all agree.
#
# Why it matters: fisheye cameras of 190 to 220 degrees are usual on cars and robots. Points behind
#   the camera appear as objects on the wrong side, and features near the rim match rays that are
#   10 or 40 degrees off, while the file of the calibration looks right.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q opencv-python-headless==5.0.0.93 pycolmap==4.2.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import cv2, numpy as np, pycolmap
K, none, still = np.array([[200.0, 0, 320], [0, 200, 240], [0, 0, 1]]), np.zeros(4), np.zeros(3)
camera = pycolmap.Camera(model="OPENCV_FISHEYE", width=640, height=480, params=[200, 200, 320, 240, 0, 0, 0, 0])
def point(degrees):
    angle = np.radians(degrees)
    return np.array([[np.sin(angle), 0.0, np.cos(angle)]])
def by_opencv(degrees):
    return cv2.fisheye.projectPoints(point(degrees)[:, None], still, still, K, none)[0].ravel()[0] - 320
def by_colmap(degrees):
    return np.asarray(camera.img_from_cam(point(degrees))).ravel()[0] - 320
print("89:", by_opencv(89), by_colmap(89), "100:", by_opencv(100), by_colmap(100))
right = np.radians([89.0, 100.0]) * 200
assert abs(by_opencv(89) - right[0]) < 1e-6 and abs(by_colmap(89) - right[0]) < 1e-6
assert abs(by_opencv(100) + np.radians(80) * 200) < 1e-6, by_opencv(100)
assert np.isnan(by_colmap(100)), by_colmap(100)
pixel = np.array([[320 + right[1], 240.0]])
ray_opencv = cv2.fisheye.undistortPoints(pixel[:, None], K, none).ravel()[0]
ray_colmap = np.asarray(camera.cam_from_img(pixel)).ravel()[0]
print("ray of 100:", ray_opencv, ray_colmap)
assert ray_opencv > 1e15, ray_opencv
assert abs(ray_colmap - np.radians(100)) < 1e-6, ray_colmap
PY
