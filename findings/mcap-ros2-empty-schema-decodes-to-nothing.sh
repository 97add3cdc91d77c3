#!/usr/bin/env bash
# Finding: a ROS 2 channel whose schema text is empty decodes without an error into messages
#   without fields
#
# Packages: mcap==1.6.0, mcap-ros2-support==0.6.0 (Python 3.11 or later)
#
# Guess: the type is std_msgs/msg/String, the definition is missing, the payload is 11 bytes:
#   the decoder raises, or falls back on the well-known type.
#
# Seen: iter_decoded_messages yields a String object that has no data attribute and drops the
#   payload; the channel next to it, with the one-line definition, decodes.
#
# Why it matters: recorders that could not find a definition write an empty one; a conversion
#   loop then finishes with no rows or with an AttributeError far from the cause.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q mcap==1.6.0 mcap-ros2-support==0.6.0
cd "$work"
"$work/v/bin/python" - <<'PY'
import io, struct
from mcap.reader import make_reader
from mcap.writer import Writer
from mcap_ros2.decoder import DecoderFactory
out = io.BytesIO()
writer = Writer(out)
writer.start("ros2", "example")
payload = b"\0\1\0\0" + struct.pack("<I", 3) + b"hi\0"
for topic, text in (("/empty", b""), ("/full", b"string data")):
    schema = writer.register_schema("std_msgs/msg/String", "ros2msg", text)
    channel = writer.register_channel(topic, "cdr", schema)
    writer.add_message(channel, log_time=1, data=payload, publish_time=1)
writer.finish()
reader = make_reader(io.BytesIO(out.getvalue()), decoder_factories=[DecoderFactory()])
seen = {channel.topic: (type(value).__name__, getattr(value, "data", "no such field")) for _, channel, _, value in reader.iter_decoded_messages()}
print(seen)
assert seen == {"/empty": ("String", "no such field"), "/full": ("String", "hi")}, seen
PY
