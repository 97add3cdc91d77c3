#!/usr/bin/env bash
# Finding: Roboflow's trackers finds no object in a ground truth of MOT15, and scores tracks that
#   equal it with 0
#
# Packages: trackers==2.6.1, trackeval==1.3.0 (Python 3.11 or later; a minute)
#
# Guess: `evaluate_mot_sequence` takes files of the MOT Challenge, says that its metrics match
#   TrackEval, and a truth measured against itself has HOTA, MOTA and IDF1 of 1.
#
# Seen: 2D MOT 2015 has no classes, its lines end in -1,-1,-1. Trackers reads the eighth column as
#   a class all the same and keeps class 1 alone: no object is left, each box is a false alarm,
#   and HOTA, MOTA and IDF1 are 0, without an error or a warning. With seven columns, or 1 in the
#   eighth, the same boxes give 1. TrackEval gives 1 for the file as it is.
#
# Why it matters: MOT15 and everything that was made in its form (SORT's own detections and
#   results, TUD-Campus, PETS09, exports of many tools) looks like a tracker that found nothing. A
#   search over a tracker's settings on such a truth compares zeros.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q trackers==2.6.1 trackeval==1.3.0
cd "$work"
"$work/v/bin/python" - <<'PY'
import contextlib
import io
from pathlib import Path

import trackeval
from trackers.eval import evaluate_mot_sequence

rows = [(f, i, 100 * i + 2 * f, 50, 30, 80) for f in range(1, 11) for i in (1, 2)]


def write(path, tail):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("".join(f"{','.join(map(str, r))},1{tail}\n" for r in rows))


write("gt/walk/gt/gt.txt", ",-1,-1,-1")
write("results/same/data/walk.txt", ",-1,-1,-1")
write("seven.txt", "")


def score(truth):
    found = evaluate_mot_sequence(truth, "results/same/data/walk.txt", metrics=["CLEAR", "HOTA", "Identity"])
    return found.HOTA.HOTA, found.CLEAR.MOTA, found.Identity.IDF1, found.CLEAR.CLR_FN, found.CLEAR.CLR_FP


as_published, without_class = score("gt/walk/gt/gt.txt"), score("seven.txt")
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
    metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(), trackeval.metrics.Identity()]
    evaluated, _ = trackeval.Evaluator({"PLOT_CURVES": False}).evaluate([data], metrics)
of = evaluated["MotChallenge2DBox"]["same"]["walk"]["pedestrian"]
reference = of["HOTA"]["HOTA"].mean(), of["CLEAR"]["MOTA"], of["Identity"]["IDF1"]
print("trackers, as MOT15 has it: HOTA %.3f, MOTA %.3f, IDF1 %.3f, %d missed, %d false alarms" % as_published)
print("trackers, seven columns:   HOTA %.3f, MOTA %.3f, IDF1 %.3f, %d missed, %d false alarms" % without_class)
print("TrackEval, as MOT15 has it: HOTA %.3f, MOTA %.3f, IDF1 %.3f" % reference)
assert as_published == (0, 0, 0, 0, 20), as_published
assert without_class[:3] == (1, 1, 1) and reference == (1, 1, 1), (without_class, reference)
print("as described")
PY
