#!/usr/bin/env bash
# Finding: a picture that lies halfway between two scans is joined with the earlier one by pandas and
#   with the later one by Polars, both with `nearest`
#
# Packages: pandas==3.1.1, polars==2.1.0, pyarrow==25.0.1, numpy==2.4.6 (Python 3.11 or later)
#
# Guess: `merge_asof(direction="nearest")` and `join_asof(strategy="nearest")` are one join in two
#   libraries, ties too.
#
# Seen: pictures at 50, 150 and 250 ms and scans at 0, 100, 200 and 300 ms: pandas pairs the pictures
#   with the scans of 0, 100 and 200 ms, Polars with those of 100, 200 and 300 ms. All pairs differ.
#   Pictures at 49 and 51 ms get the same scans in both. Polars' documentation speaks of the last row
#   whose value is nearest, that of pandas leaves ties open.
#
# Why it matters: triggered cameras stand exactly halfway between the turns of a lidar by design, so
#   it is all frames that tie. A table that is made anew with the other library has scans of other
#   moments, a tenth of a second apart: a car at 20 m/s is 2 m elsewhere.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pandas==3.1.1 polars==2.1.0 pyarrow==25.0.1 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import pandas as pd
import polars as pl

scans = {"t_ms": [0, 100, 200, 300], "scan_ms": [0, 100, 200, 300]}

def paired(times_ms):
    by_pandas = pd.merge_asof(pd.DataFrame({"t_ms": times_ms}), pd.DataFrame(scans), on="t_ms", direction="nearest")
    by_polars = pl.DataFrame({"t_ms": times_ms}).join_asof(pl.DataFrame(scans), on="t_ms", strategy="nearest")
    return by_pandas["scan_ms"].tolist(), by_polars["scan_ms"].to_list()

halfway, beside = paired([50, 150, 250]), paired([49, 51])
print(halfway, beside)
assert halfway == ([0, 100, 200], [100, 200, 300]), halfway
assert beside == ([0, 100], [0, 100]), beside
PY
