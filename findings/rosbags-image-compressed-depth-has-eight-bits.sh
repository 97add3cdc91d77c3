#!/usr/bin/env bash
# Finding: a depth map in a compressed ROS picture loses its lower eight bits in rosbags-image: 1234 mm
#   are 4
#
# Packages: rosbags-image==0.10.4, rosbags==0.11.9, opencv-python-headless==5.0.0.93, numpy==2.4.6 (Python
#   3.11 or later)
#
# Guess: a message with the format "16UC1; png compressed", which is what image_transport writes for a
#   depth map, comes back as the uint16 values that were compressed, since PNG keeps them; as the same map
#   does in an uncompressed message.
#
# Seen: depths of 650, 1234, 4000 and 65000 mm are 2, 4, 15 and 253 in uint8. PNG holds all 16 bits, as
#   `cv2.imdecode` with IMREAD_UNCHANGED shows; the package decodes with IMREAD_ANYCOLOR, which turns all
#   depths into 8 bits. Asked for "16UC1" it raises that bgr8 cannot be converted. The uncompressed
#   message gives the four values in uint16.
#
# Why it matters: thermal and depth cameras are recorded compressed to save the disk. What comes out has
#   the right size and the look of a depth map, in steps of 256 mm, and numbers that pass for centimetres
#   or shades of grey.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q rosbags-image==0.10.4 rosbags==0.11.9 opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import cv2
import numpy as np
from rosbags.image import ImageConversionError, message_to_cvimage
from rosbags.typesys import Stores, get_typestore

types = get_typestore(Stores.ROS2_HUMBLE).types
stamp = types["builtin_interfaces/msg/Time"](sec=1, nanosec=0)
header = types["std_msgs/msg/Header"](stamp=stamp, frame_id="depth")
depth_mm = np.array([[650, 1234, 4000, 65000]], np.uint16)
png = cv2.imencode(".png", depth_mm)[1].ravel()

plain = types["sensor_msgs/msg/Image"](
    header=header, height=1, width=4, encoding="16UC1", is_bigendian=0, step=8, data=depth_mm.view(np.uint8).ravel()
)
compressed = types["sensor_msgs/msg/CompressedImage"](header=header, format="16UC1; png compressed ", data=png)
seen = message_to_cvimage(compressed)
print("uncompressed:", message_to_cvimage(plain).tolist(), "compressed:", seen.dtype, seen.tolist())
assert (cv2.imdecode(png, cv2.IMREAD_UNCHANGED) == depth_mm).all()
assert (message_to_cvimage(plain) == depth_mm).all()
assert seen.dtype == np.uint8 and seen.tolist() == [[2, 4, 15, 253]]
try:
    message_to_cvimage(compressed, "16UC1")
except ImageConversionError as error:
    print("asked for 16UC1:", error)
else:
    raise SystemExit("16UC1 is given now")
PY
