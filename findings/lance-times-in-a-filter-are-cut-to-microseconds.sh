#!/usr/bin/env bash
# Finding: a time in a filter of Lance is cut to microseconds, so that rows of nanoseconds are not found,
#   and a delete takes rows that are earlier than it says
#
# Packages: pylance==14.0.2, datafusion==55.0.0, duckdb==2.0.1, pyarrow==25.0.1 (Python 3.11 or later)
#
# Guess: `t >= timestamp '...123456500'` compares with the column as it is, nanoseconds with nanoseconds, as
#   DataFusion does, whose expressions a filter of Lance is written in; or digits that do not fit are
#   refused.
#
# Seen: rows at 1, 500 and 999 ns behind one microsecond. Asked for 500 ns DataFusion finds the second row,
#   and the second and third from there on. Lance finds none, and all three. `delete` with that condition
#   takes three rows in place of two. DuckDB answers as Lance does over the same table, but for
#   `timestamp_ns '...'`. In Lance `timestamp(9) '...'` and `to_timestamp('...')` are right. An expression
#   of pyarrow with such a time is refused.
#
# Why it matters: cameras, lidars and ROS stamp in nanoseconds. A row is looked up by the very time that was
#   read from it, and is not there; an interval to delete or to train on takes neighbours along; and a
#   condition that was tried in DataFusion means something else in Lance.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pylance==14.0.2 datafusion==55.0.0 duckdb==2.0.1 pyarrow==25.0.1
cd "$work"
"$work/v/bin/python" - <<'PY'
import datafusion
import duckdb
import lance
import pyarrow as pa

MICROSECOND_NS = 1_700_000_000_123_456_000
SECOND_ROW = "2023-11-14 22:13:20.123456500"
times = pa.array([MICROSECOND_NS + behind for behind in (1, 500, 999)], pa.timestamp("ns"))
table = pa.table({"row": [1, 2, 3], "t": times})

dataset = lance.write_dataset(table, "frames.lance")
session = datafusion.SessionContext()
session.register_record_batches("frames", [table.to_batches()])
database = duckdb.connect()
database.register("frames", table)


def by_lance(condition):
    return dataset.to_table(filter=condition)["row"].to_pylist()


def by_datafusion(condition):
    found = session.sql(f"select row from frames where {condition}").to_arrow_table()
    return found["row"].to_pylist()


def by_duckdb(condition):
    return [row for (row,) in database.execute(f"select row from frames where {condition}").fetchall()]


for by, wanted in ((by_datafusion, ([2], [2, 3])), (by_lance, ([], [1, 2, 3])), (by_duckdb, ([], [1, 2, 3]))):
    seen = by(f"t = timestamp '{SECOND_ROW}'"), by(f"t >= timestamp '{SECOND_ROW}'")
    print(by.__name__, "at the time of row 2, and from there on:", *seen)
    assert seen == wanted, seen
assert by_duckdb(f"t = timestamp_ns '{SECOND_ROW}'") == [2]
assert by_lance(f"t = timestamp(9) '{SECOND_ROW}'") == by_lance(f"t = to_timestamp('{SECOND_ROW}')") == [2]

dataset.delete(f"t >= timestamp '{SECOND_ROW}'")
print("left after deleting rows 2 and 3:", dataset.to_table()["row"].to_pylist())
assert dataset.count_rows() == 0
PY
