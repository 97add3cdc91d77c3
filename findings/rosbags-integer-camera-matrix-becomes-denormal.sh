#!/usr/bin/env bash
# Finding: a camera matrix given as integers is written to the bag bit by bit as if the
#   integers were floats
#
# Packages: rosbags==0.11.9, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: an array of the wrong element type for float64[9] is converted or refused, as float32
#   is.
#
# Seen: np.array([500, 0, 320, ...]) is int64, has 8 bytes an element, and its bits are stored
#   unchanged: reading gives 2.47e-321, 0, 1.58e-321. A float32 array raises, a list raises.
#
# Why it matters: NumPy makes int64 out of a matrix typed in whole numbers; the bag is written
#   without complaint and every projection from it is zero or not a number.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q rosbags==0.11.9 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import numpy as np
from rosbags.typesys import Stores, get_typestore
store = get_typestore(Stores.ROS2_HUMBLE)
kinds = store.types
Info = kinds["sensor_msgs/msg/CameraInfo"]
def written(matrix):
    message = Info(
        header=kinds["std_msgs/msg/Header"](stamp=kinds["builtin_interfaces/msg/Time"](sec=1, nanosec=0), frame_id="camera"),
        height=480, width=640, distortion_model="plumb_bob", d=np.zeros(5), k=matrix, r=np.eye(3).ravel(), p=np.zeros(12),
        binning_x=0, binning_y=0,
        roi=kinds["sensor_msgs/msg/RegionOfInterest"](x_offset=0, y_offset=0, height=0, width=0, do_rectify=False),
    )
    try:
        return store.deserialize_cdr(bytes(store.serialize_cdr(message, Info.__msgtype__)), Info.__msgtype__).k
    except Exception as error:
        return type(error).__name__
numbers = [500, 0, 320, 0, 500, 240, 0, 0, 1]
whole = np.array(numbers, dtype=np.int64)
back = written(whole)
others = [written(whole.astype(np.float32)), written(numbers)]
print(back, others)
assert back.dtype == np.float64 and (back.view(np.int64) == whole).all() and 0 < back[0] < 1e-300, back
assert (written(whole.astype(np.float64)) == whole).all()
assert others == ["ValueError", "AttributeError"], others
PY
