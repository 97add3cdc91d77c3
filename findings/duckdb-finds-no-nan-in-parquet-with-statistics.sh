#!/usr/bin/env bash
# Finding: DuckDB finds no NaN with isnan in a Parquet file that holds one, if the file
#   carries statistics, as pyarrow writes them
#
# Packages: duckdb==2.0.1, pyarrow==25.0.1 (Python 3.11 or later)
#
# Guess: statistics only save time: a query gives the same rows with and without them.
#
# Seen: scores 0.9, 0.1 and NaN. From the file without statistics and from the Arrow table,
#   isnan finds row 3, score > 0.95 finds row 3 (NaN sorts last in DuckDB) and max is NaN.
#   From the file with statistics both queries find no row and max is 0.9, since the written
#   maximum leaves NaN out and the row group is skipped; score > 0.5, which the statistics
#   cannot rule out, returns row 3 all the same, and max asked together with avg is NaN again.
#
# Why it matters: a data check for broken scores passes on exactly the files that have them,
#   and two lines of one report contradict each other.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q duckdb==2.0.1 pyarrow==25.0.1
cd "$work"
"$work/v/bin/python" - <<'PY'
import duckdb, pyarrow as pa, pyarrow.parquet as pq
scores = pa.table({"row": [1, 2, 3], "score": [0.9, 0.1, float("nan")]})
pq.write_table(scores, "with.parquet")
pq.write_table(scores, "without.parquet", write_statistics=False)
def ask(source):
    def rows(test):
        return [row for row, in duckdb.sql(f"select row from {source} where {test} order by row").fetchall()]
    alone = duckdb.sql(f"select max(score) from {source}").fetchall()[0][0]
    paired = duckdb.sql(f"select max(score), avg(score) from {source}").fetchall()[0][0]
    return rows("isnan(score)"), rows("score > 0.95"), rows("score > 0.5"), str(alone), str(paired)
seen = {source: ask(source) for source in ("'with.parquet'", "'without.parquet'", "scores")}
print(seen)
whole = ([3], [3], [1, 3], "nan", "nan")
assert seen == {"'with.parquet'": ([], [], [1, 3], "0.9", "nan"), "'without.parquet'": whole, "scores": whole}, seen
PY
