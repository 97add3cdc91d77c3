#!/usr/bin/env bash
# Finding: DuckDB shows unsigned numbers, fields of structs and durations of a Lance table and cannot
#   filter by them; a table with a duration cannot be filtered by any column
#
# Packages: duckdb==2.0.1, pylance==14.0.2, pyarrow==25.0.1 (Python 3.11 or later)
#
# Guess: a registered Lance dataset is queried as any Arrow dataset is: where Lance cannot take a filter
#   over, DuckDB filters what it gets itself.
#
# Seen: `select` without a condition shows all columns, and `id > 1` filters. `width > 1` of a uint8,
#   uint16, uint32 or uint64 fails ("referenced a field that is not yet supported by Substrait
#   conversion"), so does `width is not null`, and `box.w > 1` of a struct ("nested references in
#   pushdown filters not yet supported"). Of a table that has a duration besides, `id > 1` fails too
#   ("conversion to substrait::Type from duration[ns]"). The same conditions work over the same table as
#   a pyarrow dataset, and in Lance's own `to_table(filter=...)`. A `materialized` table expression around
#   the table fails as well; `dataset.scanner()`, registered in its place, works and reads every row.
#
# Why it matters: sizes of pictures, class numbers, intensities and labels of points are unsigned as a
#   rule. Queries that were tried without a condition fail with the first one, and a column that was
#   added to a table breaks all queries of it that have one.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q duckdb==2.0.1 pylance==14.0.2 pyarrow==25.0.1
cd "$work"
RUST_LOG=error "$work/v/bin/python" - <<'PY'
import duckdb, lance, pyarrow as pa, pyarrow.dataset as arrow_dataset

rows = pa.table({"id": [1, 2, 3], "box": [{"w": 1}, {"w": 2}, {"w": 3}]})
for bits in (8, 16, 32, 64):
    rows = rows.append_column(f"u{bits}", pa.array([1, 2, 3], getattr(pa, f"uint{bits}")()))
timed = rows.append_column("exposure", pa.array([1, 2, 3], pa.duration("ns")))

def asked(dataset, query):
    """The rows of a query of `frames`, or the kind of its error."""
    connection = duckdb.connect()
    connection.register("frames", dataset)
    try:
        return connection.sql(query).fetchall()
    except duckdb.Error as error:
        return type(error).__name__

conditions = [f"u{bits} > 1" for bits in (8, 16, 32, 64)] + ["u8 is not null", "box.w > 1", "id > 1"]
ours = {"rows": lance.write_dataset(rows, "rows.lance"), "timed": lance.write_dataset(timed, "timed.lance")}
seen = {
    name: [asked(dataset, f"select id from frames where {condition}") for condition in conditions]
    for name, dataset in ours.items()
}
plain = [asked(arrow_dataset.dataset(timed), f"select id from frames where {condition}") for condition in conditions]
whole = asked(ours["timed"], "select u8, u64, box.w, id from frames")
around = asked(ours["rows"], "with f as materialized (from frames) select id from f where u8 > 1")
scanned = asked(ours["timed"].scanner(), "select id from frames where u8 > 1 and box.w > 1")
own = ours["rows"].to_table(filter="u8 > 1 and box.w > 1")["id"].to_pylist()
print(seen, plain, around, scanned, own)
later = [(2,), (3,)]
assert seen["rows"] == ["InvalidInputException"] * 6 + [later], seen
assert seen["timed"] == ["InvalidInputException"] * 7, seen
assert plain == [later] * 4 + [[(1,), (2,), (3,)], later, later], plain
assert whole == [(n, n, n, n) for n in (1, 2, 3)] and own == [2, 3], (whole, own)
assert around == "InvalidInputException" and scanned == later, (around, scanned)
PY
