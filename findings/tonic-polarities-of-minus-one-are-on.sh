#!/usr/bin/env bash
# Finding: in frames that tonic makes of events with the polarities -1 and 1 all events are of one kind
#
# Packages: tonic==1.7.0, numpy==2.4.6 (Python 3.11 or later; about a minute)
#
# Guess: `ToFrame` with a sensor size of (width, height, 2) has a channel for events that darken and one
#   for those that brighten, be the former written as 0 or as -1, the two ways in which event cameras are
#   recorded; or it refuses what it does not know.
#
# Seen: four events, two of each kind. Written as 0 and 1 the channels hold two and two; written as -1 and
#   1 they hold none and four: the polarity is the index of the channel, and the index -1 is the last one.
#   No warning. `ToVoxelGrid` takes both: 0 is counted as -1 there.
#
# Why it matters: a loader that gives signed polarities (for which one adds them up to a picture) makes
#   frames with the right number of events and an empty channel. A net learns from what is left, half of
#   its input, and a check of counts passes.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q tonic==1.7.0 numpy==2.4.6
cd "$work"
"$work/v/bin/python" -W ignore - <<'PY'
import numpy as np
from tonic.transforms import ToFrame, ToVoxelGrid

EVENT = np.dtype([("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", np.int8)])
SENSOR = (4, 1, 2)


def events(darker, brighter):
    made = np.zeros(4, EVENT)
    made["x"], made["t"] = [0, 1, 2, 3], [0, 10, 20, 30]
    made["p"] = [darker, brighter, darker, brighter]
    return made


def channels(made):
    return ToFrame(sensor_size=SENSOR, n_event_bins=1)(made).sum(axis=(0, 2, 3)).tolist()


def grid(made):
    return ToVoxelGrid(sensor_size=SENSOR, n_time_bins=1)(made).round(3).tolist()


plain, signed = events(0, 1), events(-1, 1)
print("frames of 0 and 1:", channels(plain), "of -1 and 1:", channels(signed))
print("voxel grids:", grid(plain.copy()), grid(signed.copy()))
assert channels(plain) == [2, 2]
assert channels(signed) == [0, 4]
assert grid(plain.copy()) == grid(signed.copy())
PY
