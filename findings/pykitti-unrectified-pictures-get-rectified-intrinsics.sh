#!/usr/bin/env bash
# Finding: pykitti opens a drive of unrectified pictures and gives the intrinsics of the
#   rectified ones
#
# Packages: pykitti==0.3.1, opencv-python-headless==5.0.0.93, pillow==13.0.0, numpy==2.4.6
#   (Python 3.11 or later)
#
# Guess: with dataset='extract' the pictures are unrectified, so calib.K_cam2 is K_02 of the
#   calibration file, and the distortion D_02 is there too.
#
# Seen: K_cam2 is taken from P_rect_02 as with dataset='sync', though the picture has
#   1392x512 pixels and not 1242x375: focal length 721 for 984, centre 609 for 690. No field
#   of calib holds a distortion.
#
# Why it matters: a net or a mapper that takes K beside the picture is off by a third in
#   scale, with nothing to tell.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pykitti==0.3.1 opencv-python-headless==5.0.0.93 pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import os
import numpy as np, pykitti
from PIL import Image
day = "2011_09_26"
def calibrate():
    unit = "R: 1 0 0 0 1 0 0 0 1\nT: 0 0 0\n"
    for name in ("calib_imu_to_velo.txt", "calib_velo_to_cam.txt"):
        with open(f"{day}/{name}", "w") as out:
            out.write(unit)
    with open(f"{day}/calib_cam_to_cam.txt", "w") as out:
        for n in range(4):
            out.write(f"S_{n:02d}: 1392 512\nK_{n:02d}: 984 0 690 0 981 233 0 0 1\nD_{n:02d}: -0.37 0.2 0 0 -0.07\n")
            out.write(f"R_rect_{n:02d}: 1 0 0 0 1 0 0 0 1\nS_rect_{n:02d}: 1242 375\nP_rect_{n:02d}: 721 0 609 0 0 721 172 0 0 0 1 0\n")

drive = f"{day}/{day}_drive_0001_extract"
for sensor in ("oxts", "image_02"):
    os.makedirs(f"{drive}/{sensor}/data")
with open(f"{drive}/oxts/timestamps.txt", "w") as out:
    out.write("2011-09-26 13:02:25.964389445\n")
with open(f"{drive}/oxts/data/0000000000.txt", "w") as out:
    out.write(" ".join(["49", "8"] + ["0"] * 28) + "\n")
Image.new("RGB", (1392, 512)).save(f"{drive}/image_02/data/0000000000.png")
calibrate()
found = pykitti.raw(".", day, "0001", dataset="extract")
size, k = found.get_cam2(0).size, found.calib.K_cam2.tolist()
print(size, k, found.calib._fields)
assert size == (1392, 512) and k == [[721, 0, 609], [0, 721, 172], [0, 0, 1]], (size, k)
assert not any("dist" in name.lower() or name.startswith("D_") for name in found.calib._fields)
PY
