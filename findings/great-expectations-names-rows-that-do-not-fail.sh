#!/usr/bin/env bash
# Finding: Great Expectations with result_format SUMMARY looks for the rows that fail also where
#   none fails, and its work depends on the format far more than on the rows
#
# Packages: great-expectations==1.24.1, pandas==2.3.3 (Python 3.11 or later)
#
# Guess: the list of failing rows is made where an expectation fails; on five rows that meet
#   everything the formats BASIC and SUMMARY do the same, which is next to nothing.
#
# Seen: with SUMMARY every expectation that is met has two more metrics resolved, the list of the
#   rows that fail and the query that would find them. Each metric makes the library write out the
#   whole expectation anew: 122 times for BASIC and 170 times for SUMMARY, for one
#   expectation on five rows. 50,000 rows are written out as often.
#
# Why it matters: a gate with twenty expectations costs 0.2 s of processor with BASIC and 0.4 s
#   with SUMMARY, be it on five rows; asking SUMMARY only of what failed halves a pipeline of many
#   small tables.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q great-expectations==1.24.1 pandas==2.3.3
cd "$work"
GX_ANALYTICS_ENABLED=false "$work/v/bin/python" -W ignore - <<'PY'
import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import Expectation
metrics, written = set(), 0
resolve, configuration = PandasExecutionEngine.resolve_metrics, Expectation.configuration
def watch_resolve(self, metrics_to_resolve, *args, **kwargs):
    metrics.update(m.metric_name for m in metrics_to_resolve)
    return resolve(self, metrics_to_resolve, *args, **kwargs)
def watch_configuration(self):
    global written
    written += 1
    return configuration.fget(self)
PandasExecutionEngine.resolve_metrics = watch_resolve
Expectation.configuration = property(watch_configuration)
seen = {}
for num_rows in (5, 50_000):
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    frame = pd.DataFrame({"score": [0.5] * num_rows})
    batch = context.data_sources.pandas_default.read_dataframe(frame)
    for form in ("BASIC", "SUMMARY"):
        met = gxe.ExpectColumnValuesToBeBetween(column="score", min_value=0, max_value=1)
        suite = gx.ExpectationSuite("one", expectations=[met])
        metrics.clear()
        written = 0
        assert batch.validate(suite, result_format=form).success
        seen[num_rows, form] = written, sorted(m for m in metrics if "index" in m)
        print(num_rows, form, *seen[num_rows, form])
asked = ["column_values.between.unexpected_index_list", "column_values.between.unexpected_index_query"]
assert [seen[n, f][1] for n in (5, 50_000) for f in ("BASIC", "SUMMARY")] == [[], asked, [], asked], seen
assert seen[5, "BASIC"][0] == seen[50_000, "BASIC"][0] > 60, seen
assert seen[5, "SUMMARY"][0] > 1.2 * seen[5, "BASIC"][0], seen
PY
