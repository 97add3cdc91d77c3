#!/usr/bin/env bash
# Finding: the filter score > 0.5 keeps the row with a NaN score in DuckDB and Polars, not in
#   pandas and Arrow; and DuckDB changes its mind by where the rows come from
#
# Packages: duckdb==2.0.1, polars==2.1.0, pandas==3.1.1, pyarrow==25.0.1, numpy==2.4.6 (Python
#   3.11 or later)
#
# Guess: a NaN is greater than nothing: four engines select the same single row of one Parquet
#   file, and DuckDB gives one answer for the file and for the DataFrame read from it.
#
# Seen: rows 0.9, 0.1, NaN and null. pandas and pyarrow keep the first; Polars and DuckDB keep
#   the first and the NaN row. DuckDB on the pandas DataFrame of the same file keeps only the
#   first, because NaN became null on the way.
#
# Why it matters: broken detector scores slip into the selected set, or not, by the choice of
#   engine, and a check rewritten from pandas to SQL does not count the same rows.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q duckdb==2.0.1 polars==2.1.0 pandas==3.1.1 pyarrow==25.0.1 numpy==2.4.6
cd "$work"
"$work/v/bin/python" - <<'PY'
import duckdb, pandas as pd, polars as pl, pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet as pq
table = pa.table({"row": [1, 2, 3, 4], "score": pa.array([0.9, 0.1, float("nan"), None])})
pq.write_table(table, "s.parquet")
frame = pd.read_parquet("s.parquet")
def duck(source):
    return [row for row, in duckdb.sql(f"select row from {source} where score > 0.5 order by row").fetchall()]
seen = {
    "pandas": frame.query("score > 0.5")["row"].tolist(),
    "arrow": table.filter(pc.field("score") > 0.5)["row"].to_pylist(),
    "polars": pl.read_parquet("s.parquet").filter(pl.col("score") > 0.5)["row"].to_list(),
    "duckdb file": duck("'s.parquet'"),
    "duckdb frame": duck("frame"),
}
print(seen)
assert seen == {
    "pandas": [1], "arrow": [1], "polars": [1, 3], "duckdb file": [1, 3], "duckdb frame": [1],
}, seen
PY
