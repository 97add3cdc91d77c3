#!/usr/bin/env bash
# Finding: a bag with topics and no messages starts in the year 2262 and lasts minus 292 years
#
# Packages: rosbags==0.11.9 (Python 3.11 or later)
#
# Guess: start_time and end_time of a bag without messages are 0 or None, duration is 0, and
#   both readers agree.
#
# Seen: start_time is 9223372036854775807 and end_time 0 in both readers; duration is 0 from
#   Reader and -9223372036854775807 from AnyReader.
#
# Why it matters: a recording that was stopped before the first message is common; sums of
#   durations and time axes over many bags are spoilt by one such bag.
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
    writer.add_connection("/odom", String.__msgtype__, typestore=store)
seen = {}
for name, opened in (("Reader", Reader(bag)), ("AnyReader", AnyReader([bag], default_typestore=store))):
    with opened as reader:
        seen[name] = (reader.start_time, reader.end_time, reader.duration, reader.message_count)
print(seen)
last = 2**63 - 1
assert seen == {"Reader": (last, 0, 0, 0), "AnyReader": (last, 0, -last, 0)}, seen
PY
