#!/usr/bin/env bash
# Finding: TrackEval counts a gap in a track as a fragment only where the tracker tells some other
#   box in the gap: two false alarms far away turn Frag from 0 to 1
#
# Packages: trackeval==1.3.0 (Python 3.11 or later; half a minute)
#
# Guess: Frag counts how often an object that was tracked, and then was not, is tracked again. It
#   is a matter of that object and its track.
#
# Seen: one object, found in frames 1 to 4 and 7 to 10: Frag 0. The same with a box of another
#   track 500 px away in frames 5 and 6: Frag 1. Frames in which the tracker tells nothing at all
#   are passed over before it is noted what was tracked in the frame before.
#
# Why it matters: Frag of sequences with one object, and of any sequence in which a detector goes
#   blind for some frames, says that tracks are whole which are not; a tracker that stays silent is
#   told to fragment less than one that guesses. What continues from "the frame before" is, for the
#   matching too, the last frame with a box.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q trackeval==1.3.0
cd "$work"
"$work/v/bin/python" - <<'PY'
import contextlib
import io
from pathlib import Path

import trackeval


def write(path, rows):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("".join(f"{frame},{track},{left},50,30,80,1,-1,-1,-1\n" for frame, track, left in rows))


found = [(f, 1, 100 + 2 * f) for f in (1, 2, 3, 4, 7, 8, 9, 10)]
write("gt/walk/gt/gt.txt", [(f, 1, 100 + 2 * f) for f in range(1, 11)])
write("results/silent/data/walk.txt", found)
write("results/guessing/data/walk.txt", [*found, (5, 2, 600), (6, 2, 600)])
with contextlib.redirect_stdout(io.StringIO()):
    data = trackeval.datasets.MotChallenge2DBox(
        {
            "GT_FOLDER": "gt",
            "TRACKERS_FOLDER": "results",
            "BENCHMARK": "MOT15",
            "SKIP_SPLIT_FOL": True,
            "SEQ_INFO": {"walk": 10},
        }
    )
    evaluated, _ = trackeval.Evaluator({"PLOT_CURVES": False}).evaluate([data], [trackeval.metrics.CLEAR()])
clear = {name: of["walk"]["pedestrian"]["CLEAR"] for name, of in evaluated["MotChallenge2DBox"].items()}
for name, of in clear.items():
    print(f"{name}: {of['CLR_TP']} hits, {of['CLR_FP']} false alarms, Frag {of['Frag']}")
assert (clear["silent"]["Frag"], clear["guessing"]["Frag"]) == (0, 1), clear
assert clear["silent"]["CLR_TP"] == clear["guessing"]["CLR_TP"] == 8, clear
print("as described")
PY
