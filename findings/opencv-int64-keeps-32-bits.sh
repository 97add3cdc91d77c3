#!/usr/bin/env bash
# Finding: OpenCV 5 has 64-bit integer matrices, yet an int64 array passed from NumPy is cut
#   to its low 32 bits
#
# Packages: opencv-python-headless==5.0.0.93, tifffile==2026.3.3, numpy==2.4.6 (Python 3.11 or
#   later)
#
# Guess: since cv2.imdecode of a 64-bit TIFF returns int64, cv2 functions take int64 arrays as
#   they are; at worst they raise, as OpenCV does for types it lacks.
#
# Seen: cv2.flip, cv2.max and cv2.add of 2**40 + 7 return int32 arrays holding 7, 7 and 14,
#   and minMaxLoc says 7. The 64-bit TIFF of the same number is decoded right, so a value can
#   come out of cv2 that cannot go back in.
#
# Why it matters: timestamps in nanoseconds, point ids and hashes are damaged by a mere flip.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q opencv-python-headless==5.0.0.93 tifffile==2026.3.3 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import io
import cv2, numpy as np, tifffile

def decode(data, flags):
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags)

def tiff(array, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, array, **options)
    return out.getvalue()

big = np.full((1, 2), 2**40 + 7, np.int64)
read = decode(tiff(big), cv2.IMREAD_UNCHANGED)
results = {"flip": cv2.flip(read, 0), "max": cv2.max(read, read), "add": cv2.add(read, read)}
seen = {name: (out.dtype.name, out.ravel().tolist()) for name, out in results.items()}
print(read.dtype, read.tolist(), seen, cv2.minMaxLoc(read)[:2])
assert read.dtype == np.int64 and (read == big).all()
assert seen == {"flip": ("int32", [7, 7]), "max": ("int32", [7, 7]), "add": ("int32", [14, 14])}, seen
assert cv2.minMaxLoc(read)[:2] == (7.0, 7.0)
PY
