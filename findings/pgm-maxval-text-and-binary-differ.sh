#!/usr/bin/env bash
# Finding: OpenCV scales the text form of a PGM with maxval 15 to 0..255 and leaves the binary
#   form of it as stored
#
# Packages: opencv-python-headless==5.0.0.93, pillow==13.0.0, numpy==2.4.6 (Python 3.11 or
#   later)
#
# Guess: P2 (text) and P5 (binary) are two spellings of one picture: a reader scales both by
#   maxval or neither.
#
# Seen: values 0, 5, 15 with maxval 15. OpenCV: P2 gives 0, 85, 255 and P5 gives 0, 5, 15.
#   With maxval 1000, OpenCV scales neither spelling. Pillow scales all four files.
#
# Why it matters: label maps and sensor dumps change values when someone re-saves them in the
#   other spelling, and the two common loaders disagree on the binary one.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q opencv-python-headless==5.0.0.93 pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import io, struct
import cv2, numpy as np
from PIL import Image

def decode(data, flags):
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags)

seen = {}
for top, values in ((15, [0, 5, 15]), (1000, [0, 500, 1000])):
    text = b"P2\n3 1\n%d\n%s\n" % (top, " ".join(map(str, values)).encode())
    binary = b"P5\n3 1\n%d\n" % top + struct.pack(">3B" if top < 256 else ">3H", *values)
    for name, data in ((f"P2 {top}", text), (f"P5 {top}", binary)):
        seen[name] = (decode(data, cv2.IMREAD_UNCHANGED)[0].tolist(), np.asarray(Image.open(io.BytesIO(data)))[0].tolist())
print(seen)
assert seen == {
    "P2 15": ([0, 85, 255], [0, 85, 255]),
    "P5 15": ([0, 5, 15], [0, 85, 255]),
    "P2 1000": ([0, 500, 1000], [0, 32768, 65535]),
    "P5 1000": ([0, 500, 1000], [0, 32768, 65535]),
}, seen
PY
