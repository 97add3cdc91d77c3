#!/usr/bin/env bash
# Finding: of two columns whose names differ by case alone Great Expectations checks the first one for
#   both: an empty column X is found to be without nulls where x stands before it
#
# Packages: great-expectations==1.24.1, pandas==3.1.1 (Python 3.11 or later; about a minute)
#
# Guess: names of columns are compared as pandas does it, letter by letter: x and X are two columns, and
#   an expectation of a column that is not there fails.
#
# Seen: a frame with x (two numbers) and X (two nulls). `ExpectColumnValuesToNotBeNull` of X passes and
#   the maximum of X is that of x. With X as the first column the same expectation of x fails, with two
#   nulls found. In a frame that has x alone the expectation of X passes as well, though
#   `ExpectColumnToExist` says that there is no X. No warning.
#
# Why it matters: point clouds have such pairs by their formats: X and x are the stored and the scaled
#   coordinate in LAS. The gate of the second one is one of the first: it passes on data that it never
#   looked at, or condemns data that are sound, by the order of the columns.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q great-expectations==1.24.1 pandas==3.1.1
cd "$work"
GX_ANALYTICS_ENABLED=false "$work/v/bin/python" -W ignore - <<'PY'
import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd

context = gx.get_context(mode="ephemeral")
context.variables.progress_bars = {"globally": False}

def validated(frame, expectation):
    return context.data_sources.pandas_default.read_dataframe(frame).validate(expectation)

def count_nulls(frame, column):
    found = validated(frame, gxe.ExpectColumnValuesToNotBeNull(column=column))
    return found.success, found.result["unexpected_count"]

both = pd.DataFrame({"x": [691.25, 691.5], "X": [None, None]})
turned, alone = both[["X", "x"]], both[["x"]]
highest = validated(both, gxe.ExpectColumnMaxToBeBetween(column="X", max_value=1000)).result["observed_value"]
seen = {name: [count_nulls(frame, column) for column in ("x", "X")] for name, frame in (("both", both), ("turned", turned))}
absent = count_nulls(alone, "X"), validated(alone, gxe.ExpectColumnToExist(column="X")).success
print(seen, highest, absent)
assert both["X"].isna().all() and both["x"].notna().all()
assert seen == {"both": [(True, 0)] * 2, "turned": [(False, 2)] * 2}, seen
assert highest == 691.5 and absent == ((True, 0), False), (highest, absent)
PY
