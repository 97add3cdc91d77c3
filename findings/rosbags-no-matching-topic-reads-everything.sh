#!/usr/bin/env bash
# Finding: filtering a bag by the connections of a topic that it lacks yields all messages of
#   all topics
#
# Packages: rosbags==0.11.9 (Python 3.11 or later)
#
# Guess: messages(connections=[...]) with an empty list yields nothing: no connection was
#   selected.
#
# Seen: the empty list switches the filter off: Reader and AnyReader both yield the two
#   messages of the other topics. mcap, for comparison, yields nothing for topics=[].
#
# Why it matters: the usual line [c for c in reader.connections if c.topic == name] with a
#   mistyped name feeds odometry or images to code that expects something else.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q rosbags==0.11.9
cd "$work"
"$work/v/bin/python" - <<'PY'
import pathlib
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import Reader, Writer
from rosbags.typesys import Stores, get_typestore
store = get_typestore(Stores.ROS2_HUMBLE)
String = store.types["std_msgs/msg/String"]

bag = pathlib.Path("bag")
with Writer(bag, version=9) as writer:
    for number, topic in enumerate(("/odom", "/camera")):
        connection = writer.add_connection(topic, String.__msgtype__, typestore=store)
        writer.write(connection, 10 + number, store.serialize_cdr(String(data=topic), String.__msgtype__))
seen = {}
for name, opened in (("Reader", Reader(bag)), ("AnyReader", AnyReader([bag], default_typestore=store))):
    with opened as reader:
        wanted = [c for c in reader.connections if c.topic == "/lidar"]
        assert wanted == []
        seen[name] = [c.topic for c, _, _ in reader.messages(connections=wanted)]
print(seen)
assert seen == {"Reader": ["/odom", "/camera"], "AnyReader": ["/odom", "/camera"]}, seen
PY
