#!/usr/bin/env bash
# Finding: one NaN makes river's ADWIN deaf for good, while its neighbour KSWIN goes on
#
# Packages: river==0.23.0 typing_extensions==4.15.0, which river imports and does not ask for
#   (Python 3.11 or later; half a minute)
#
# Guess: ADWIN forgets old values as its window shrinks, so that a missing value is refused, skipped, or
#   forgotten after some time.
#
# Seen: 5,000 values of standard deviation 0.1, moved by three of them at 2,500. ADWIN tells the
#   change within 60 values. With one NaN as value 100 it tells none, and `estimation` is nan
#   to the end: all sums hold it, no comparison with it is true, so no window is ever cut and the NaN never
#   leaves. Nothing is raised. KSWIN tells the change with the NaN among its values all the same.
#
# Why it matters: a brightness of an empty frame, or a score of a picture without objects, is a NaN, and a
#   monitor that can never alarm looks like one that has nothing to tell.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q river==0.23.0 typing_extensions==4.15.0
cd "$work"
"$work/v/bin/python" -W ignore - <<'PY'
import math

import numpy as np
from river import drift

CHANGE = 2_500
NAN_AT = 100


def alarms(detector, values):
    """The places at which it tells a change."""
    told = []
    for place, value in enumerate(values):
        detector.update(float(value))
        if detector.drift_detected:
            told.append(place)
    return told


values = np.random.default_rng(0).normal(0.5, 0.1, 5_000)
values[CHANGE:] += 0.3
with_nan = values.copy()
with_nan[NAN_AT] = math.nan

adwin = drift.ADWIN()
plain = alarms(adwin, values)
print("ADWIN:", plain, " mean:", round(adwin.estimation, 3))
deaf = drift.ADWIN()
told = alarms(deaf, with_nan)
print("ADWIN with one NaN:", told, " mean:", deaf.estimation)
kswin = alarms(drift.KSWIN(seed=0), with_nan)
print("KSWIN with one NaN, behind the change:", [p for p in kswin if p >= CHANGE][:1])

assert CHANGE < min(p for p in plain if p > CHANGE) < CHANGE + 100
assert told == [] and math.isnan(deaf.estimation)
assert any(CHANGE <= p < CHANGE + 100 for p in kswin)
print("as described")
PY
