#!/usr/bin/env bash
# Finding: what the type of a column is Great Expectations answers otherwise for one name than for a list
#   of it: with pandas 3 text is str alone and not in a list, and microseconds are datetime64[ns] alone
#   and not in a list
#
# Packages: great-expectations==1.24.1, pandas==3.1.1, pandas==2.3.3 (Python 3.11 or later; about two
#   minutes)
#
# Guess: `ExpectColumnValuesToBeInTypeList(type_list=[name])` is
#   `ExpectColumnValuesToBeOfType(type_=name)`, for several names; and the unit is a part of the type
#   datetime64[ns].
#
# Seen: a column of text and one of times in microseconds, which is what pandas 3 makes of them. Alone str
#   passes; in a list it fails, as do object, string and StringDtype, and the result says that the type
#   observed is str. Alone datetime64[ns] passes for microseconds, and so do [s], [ms] and [us]; in a list
#   only [us] does. In pandas 2.3.3 str passes in both, and the times are equally of any unit alone.
#
# Why it matters: of the gates that stood there before the upgrade to pandas 3, those with a list of types
#   are red for all text, with a report where the wanted and the observed type are one word; and those
#   with one name are green where times became microseconds, a thousandth as whole numbers, which is what
#   they were to notice.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cat > "$work/types_of.py" <<'PY'
import great_expectations as gx
import pandas as pd
from great_expectations.expectations import ExpectColumnValuesToBeInTypeList, ExpectColumnValuesToBeOfType

TEXT = ["str", "object", "string", "StringDtype"]
TIME = ["datetime64[s]", "datetime64[ms]", "datetime64[us]", "datetime64[ns]"]
frame = pd.DataFrame({"text": ["a", "b"], "time": pd.to_datetime(["2026-12-01", "2026-12-02"])})
frame["time"] = frame["time"].astype("datetime64[us]")
batch = gx.get_context(mode="ephemeral").data_sources.pandas_default.read_dataframe(frame)


def passing(column, names):
    alone = [ExpectColumnValuesToBeOfType(column=column, type_=name) for name in names]
    listed = [ExpectColumnValuesToBeInTypeList(column=column, type_list=[name]) for name in names]
    return [[name for name, one in zip(names, kind) if batch.validate(one).success] for kind in (alone, listed)]


text, time = passing("text", TEXT), passing("time", TIME)
observed = batch.validate(ExpectColumnValuesToBeInTypeList(column="text", type_list=["str"])).result
print("pandas", pd.__version__, "alone and in a list:", text, observed, time)
assert time == [TIME, ["datetime64[us]"]], time
if pd.__version__.startswith("3."):
    assert text == [["str"], []] and observed["observed_value"] == "str", (text, observed)
else:
    assert "str" in text[0] and "str" in text[1], text
PY
export GX_ANALYTICS_ENABLED=false
python3 -m venv "$work/v"
for pandas in 3.1.1 2.3.3; do
  "$work/v/bin/pip" install -q great-expectations==1.24.1 "pandas==$pandas"
  "$work/v/bin/python" "$work/types_of.py" 2>/dev/null
done
