#!/usr/bin/env bash
# Finding: packets that are marked with the same object lose the mark on their way to the frames:
#   PyAV forgets an object as soon as the first frame or packet that carries it is gone
#
# Packages: av==18.1.0, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: with the flag copy_opaque a frame carries what its packet was marked with in `opaque`:
#   the name of a camera on each packet of it comes out on each frame, as would any object.
#
# Seen: of six packets marked "front" five frames have None in its place; marked with a list of
#   its own each frame has its mark. PyAV keeps the objects in one table for the process by
#   their identity, one entry for all that carry the object, and the first that goes removes it.
#   Small integers are one object each in CPython, so numbers that start again (the place of a
#   packet in its part of the video) vanish too while an older frame of that number is let go.
#
# Why it matters: the mark is how a frame finds its packet, its camera or its label again when
#   decoding reorders. Half of them are None by the order in which memory is given back, without
#   an error; a test with few frames, which keeps them all, sees something else than production.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q av==18.1.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import io
import av, numpy as np
from av.codec.context import Flags
video = io.BytesIO()
with av.open(video, "w", format="matroska") as out:
    stream = out.add_stream("mjpeg", rate=10)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
    for n in range(6):
        picture = np.full((48, 64, 3), 20 * n, np.uint8)
        out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
    out.mux(stream.encode(None))
def marks(make):
    video.seek(0)
    found = []
    with av.open(video) as container:
        stream = container.streams.video[0]
        stream.codec_context.flags |= Flags.copy_opaque
        for n, packet in enumerate(container.demux(stream)):
            if packet.size:
                packet.opaque = make(n)
            found += [frame.opaque for frame in packet.decode()]
    return found
same = marks(lambda n: "front")
own = marks(lambda n: ["front", n])
print("one object for all:", same)
print("an object for each:", own)
assert len(same) == 6 and same.count(None) >= 4, same
assert own == [["front", n] for n in range(6)], own
PY
