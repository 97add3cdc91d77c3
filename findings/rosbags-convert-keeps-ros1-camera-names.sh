#!/usr/bin/env bash
# Finding: a ROS 1 bag that rosbags-convert turned into ROS 2 has camera calibrations that a
#   ROS 2 reader refuses
#
# Packages: rosbags==0.11.9, mcap-ros2-support==0.6.0 (Python 3.11 or later)
#
# Guess: the tool converts ROS 1 to ROS 2; sensor_msgs/CameraInfo becomes that of ROS 2,
#   with the fields k and d in place of K and D.
#
# Seen: unless it is told --dst-typestore, the definition of ROS 1 goes along with its
#   capitals. mcap-ros2-support refuses the schema, as ROS 2 allows no capitals in names of
#   fields; with --dst-typestore ros2_humble it reads the message.
#
# Why it matters: pictures of an old bag arrive, and their calibrations do not.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q rosbags==0.11.9 mcap-ros2-support==0.6.0
cd "$work"
"$work/v/bin/python" - <<'PY'
import subprocess
from pathlib import Path
import numpy as np
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rosbags.rosbag1 import Writer
from rosbags.typesys import Stores, get_typestore
store = get_typestore(Stores.ROS1_NOETIC)
def of(name, *fields):
    return store.types[name](*fields)
kind = "sensor_msgs/msg/CameraInfo"
head = of("std_msgs/msg/Header", 0, of("builtin_interfaces/msg/Time", 7, 0), "camera")
camera = of(
    kind, head, 24, 32, "plumb_bob", np.zeros(5), np.array([40, 0, 16, 0, 40, 12, 0, 0, 1.0]),
    np.eye(3).ravel(), np.eye(4)[:3].ravel(), 0, 0, of("sensor_msgs/msg/RegionOfInterest", 0, 0, 0, 0, False),
)
with Writer("old.bag") as bag:
    topic = bag.add_connection("/camera_info", kind, typestore=store)
    bag.write(topic, 7, store.serialize_ros1(camera, kind))
def read(folder, *options):
    command = ["v/bin/rosbags-convert", "--src", "old.bag", "--dst", folder, "--dst-storage", "mcap"]
    subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
    (path,) = Path(folder).glob("*.mcap")
    with open(path, "rb") as stream:
        reader = make_reader(stream, decoder_factories=[DecoderFactory()])
        try:
            return [list(m.decoded_message.k) for m in reader.iter_decoded_messages()]
        except Exception as error:
            return f"{type(error).__name__}: {error}"
plain, told = read("plain"), read("told", "--dst-typestore", "ros2_humble")
print(plain)
print(told)
assert "invalid field name" in plain and "'D'" in plain, plain
assert told == [[40, 0, 16, 0, 40, 12, 0, 0, 1]], told
PY
