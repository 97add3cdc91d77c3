#!/usr/bin/env bash
# Finding: after one missing laser scan pykitti pairs every later scan with the picture
#   before its own
#
# Packages: pykitti==0.3.1, opencv-python-headless==5.0.0.93, pillow==13.0.0, numpy==2.4.6
#   (Python 3.11 or later)
#
# Guess: files are numbered 0000000000 and up, and a drive may lack some; get_velo(2) is
#   file 2, or raises where it is absent.
#
# Seen: of the scans 0, 2 and 3 get_velo(1) is scan 2 and get_velo(2) is scan 3, while
#   get_cam2(1), get_cam2(2) and timestamps[1], [2] are those of 1 and 2. Nothing is said;
#   only get_velo(3) raises.
#
# Why it matters: drives of KITTI raw lack scans (0009 of 2011_09_26 does), and depth
#   projected into the picture is then a tenth of a second off for the rest of the drive.
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

drive = f"{day}/{day}_drive_0009_sync"
for sensor in ("oxts", "image_02", "velodyne_points"):
    os.makedirs(f"{drive}/{sensor}/data")
for n in range(4):
    with open(f"{drive}/oxts/timestamps.txt", "a") as out:
        out.write(f"2011-09-26 13:02:25.{n}00000000\n")
    with open(f"{drive}/oxts/data/{n:010d}.txt", "w") as out:
        out.write(" ".join(["49", "8"] + ["0"] * 28) + "\n")
    Image.new("RGB", (1242, 375), (n, n, n)).save(f"{drive}/image_02/data/{n:010d}.png")
    if n != 1:
        np.full(4, n, np.float32).tofile(f"{drive}/velodyne_points/data/{n:010d}.bin")
calibrate()
found = pykitti.raw(".", day, "0009")
pairs = [(found.get_cam2(n).getpixel((0, 0))[0], int(found.get_velo(n)[0, 0])) for n in range(3)]
times = [t.microsecond // 100_000 for t in found.timestamps]
print(pairs, times)
assert pairs == [(0, 0), (1, 2), (2, 3)] and times == [0, 1, 2, 3], (pairs, times)
PY
