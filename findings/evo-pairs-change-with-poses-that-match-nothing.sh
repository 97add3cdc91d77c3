#!/usr/bin/env bash
# Finding: evo pairs one reference pose with several estimates, and stops to do so once the
#   estimate has poses elsewhere
#
# Packages: evo==1.38.1 (Python 3.11 or later)
#
# Guess: poses are paired one to one by nearest time; poses far from any other change
#   nothing.
#
# Seen: reference at 0, 1, 2, 3, 4 s, estimate at 0, 0.004, 0.008 and 1 s, of which two are
#   10 m off: four pairs, three of them with the reference at 0 s, rmse 7.071 m. Two more
#   poses at 100 and 101 s, which pair with nothing, make the estimate the longer one: two
#   pairs, rmse 0.
#
# Why it matters: estimates with bursts of poses (a restarted tracker, two threads) get
#   another error by their length alone, and two estimates are compared on different terms.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q evo==1.38.1
cd "$work"
"$work/v/bin/python" - <<'PY'
import numpy as np
from evo.core import metrics, sync
from evo.core.trajectory import PoseTrajectory3D
def make(rows):
    rows = np.array(rows, float)
    places = np.column_stack([rows[:, 1], np.zeros((len(rows), 2))])
    return PoseTrajectory3D(places, np.tile([1.0, 0, 0, 0], (len(rows), 1)), rows[:, 0])
def judge(rows):
    truth, estimate = sync.associate_trajectories(make([(t, t) for t in range(5)]), make(rows))
    error = metrics.APE(metrics.PoseRelation.translation_part)
    error.process_data((truth, estimate))
    return truth.timestamps.tolist(), round(float(error.get_statistic(metrics.StatisticsType.rmse)), 3)
rows = [(0, 0), (0.004, 10), (0.008, 10), (1, 1)]
short, long = judge(rows), judge([*rows, (100, 0), (101, 0)])
print(short, long)
assert short == ([0, 0, 0, 1], 7.071) and long == ([0, 1], 0.0), (short, long)
PY
