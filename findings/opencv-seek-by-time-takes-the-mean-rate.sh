#!/usr/bin/env bash
# Finding: asked for the moment 1.3 s of a video with a pause, OpenCV gives the frame of 1.5 s, though
#   asked for the frame's number it gives the right one, with the right time
#
# Packages: opencv-python-headless==5.0.0.93, av==18.1.0, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: time is what a container knows of its frames, so CAP_PROP_POS_MSEC seeks to the frame of that
#   time, and it is numbers that go wrong where frames are unevenly spaced.
#
# Seen: eight frames at 0, 100, 200, 300, 1300, 1400, 1500 and 1600 ms. Set by CAP_PROP_POS_FRAMES each
#   number gives its frame, and CAP_PROP_POS_MSEC behind it says its time. Set by CAP_PROP_POS_MSEC 100
#   gives the frame of 0, 200 and 300 that of 100, 1300 that of 1500, 1400 and 1500 that of 1600, and
#   1600 none: the time is multiplied by the mean rate (4.7 frames a second).
#
# Why it matters: phones, web cameras and screen recorders drop frames. Labels, speech and other sensors
#   are found by time, and get another frame of the same video without an error; the mean rate shifts
#   with each pause, so that it is off most where the video has most.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q opencv-python-headless==5.0.0.93 av==18.1.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
from fractions import Fraction
import av, cv2, numpy as np

times_ms = [0, 100, 200, 300, 1300, 1400, 1500, 1600]
with av.open("pause.mp4", "w") as video:
    stream = video.add_stream("mpeg4", rate=10)
    stream.width = stream.height = 64
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, 1000)
    for number, time_ms in enumerate(times_ms):
        frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 30 * number, np.uint8), format="rgb24")
        frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
        video.mux(stream.encode(frame))
    video.mux(stream.encode(None))

def frame_at(property_, value):
    """Number of the frame that is read, by its brightness, and the time that OpenCV tells for it."""
    video = cv2.VideoCapture("pause.mp4")
    video.set(property_, value)
    is_read, frame = video.read()
    return (round(frame.mean() / 30), round(video.get(cv2.CAP_PROP_POS_MSEC))) if is_read else None

by_number = [frame_at(cv2.CAP_PROP_POS_FRAMES, number) for number in range(8)]
by_time = [frame_at(cv2.CAP_PROP_POS_MSEC, time_ms) for time_ms in times_ms]
print(by_number, by_time)
assert by_number == list(enumerate(times_ms)), by_number
assert by_time == [(0, 0), (0, 0), (1, 100), (1, 100), (6, 1500), (7, 1600), (7, 1600), None], by_time
PY
