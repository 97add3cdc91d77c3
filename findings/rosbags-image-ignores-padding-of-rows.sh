#!/usr/bin/env bash
# Finding: a ROS picture whose rows are padded comes out of rosbags-image sheared, with the padding as
#   pixels
#
# Packages: rosbags-image==0.10.4, rosbags==0.11.9, opencv-python-headless==5.0.0.93, numpy==2.4.6 (Python
#   3.11 or later)
#
# Guess: `step` is the length of a row in bytes in sensor_msgs/Image; a reader takes the first `width`
#   pixels of each, as cv_bridge does.
#
# Seen: a grey picture of 3 x 5 pixels with a step of 8. Its first row is right, the second one is the
#   padding of the first and two pixels of the second, the third one pixels of the second and third and
#   padding; the last pixels are not there. Without padding it is right. Nothing is raised: the buffer is
#   longer than what is taken of it, and `step` is not looked at.
#
# Why it matters: cameras and decoders align rows to 4, 16 or 64 bytes, so that pictures of 1242 or 1936
#   pixels are hit, and those of 640 never. The picture has the right size and plausible grey values.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q rosbags-image==0.10.4 rosbags==0.11.9 opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import numpy as np
from rosbags.image import message_to_cvimage
from rosbags.typesys import Stores, get_typestore

types = get_typestore(Stores.ROS2_HUMBLE).types
stamp = types["builtin_interfaces/msg/Time"](sec=1, nanosec=0)
header = types["std_msgs/msg/Header"](stamp=stamp, frame_id="camera")
PADDING = 99


def read_back(picture, step):
    rows = np.full((picture.shape[0], step), PADDING, np.uint8)
    rows[:, : picture.shape[1]] = picture
    message = types["sensor_msgs/msg/Image"](
        header=header,
        height=picture.shape[0],
        width=picture.shape[1],
        encoding="mono8",
        is_bigendian=0,
        step=step,
        data=rows.ravel(),
    )
    return message_to_cvimage(message)


picture = np.arange(15, dtype=np.uint8).reshape(3, 5)
print("step 5:", read_back(picture, 5).tolist(), "step 8:", read_back(picture, 8).tolist())
assert (read_back(picture, 5) == picture).all()
assert read_back(picture, 8).tolist() == [[0, 1, 2, 3, 4], [99, 99, 99, 5, 6], [7, 8, 9, 99, 99]]
PY
