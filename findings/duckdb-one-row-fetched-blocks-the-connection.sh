#!/usr/bin/env bash
# Finding: since DuckDB 2.0 a connection whose only row was fetched by `fetchone` refuses `sql`, `table`, `register`
#   and `append`, though not `execute`
#
# Packages: duckdb==2.0.0, duckdb==1.4.2, pyarrow, pandas (Python 3.11 or later)
#
# Guess: `execute("select count(*) ...").fetchone()` is over once its one row is fetched, so that the connection is
#   free for whatever comes next, as it was in all releases before.
#
# Seen: in 2.0.0 the result counts as unfinished until a fetch returns nothing: `sql`, `table`, `register`,
#   `from_arrow` and `append` raise ResourceInUseException, while `execute`, `begin` and a `cursor()` go on. The same
#   after `fetchmany(n)` of exactly n rows; after `fetchall` all go on. In 1.4.2 none of them raises.
#
# Why it matters: counting rows by `fetchone` and then registering a table is how many small tools over Parquet and
#   Arrow begin; they break on the upgrade, and only where the second call is not an `execute`.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cat > "$work/after.py" <<'PY'
import duckdb
import pandas as pd
import pyarrow as pa

table = pa.table({"a": [1]})
CALLS = {
    "execute": lambda con: con.execute("select 2").fetchall(),
    "begin": lambda con: (con.begin(), con.rollback()),
    "cursor": lambda con: [c.sql("select 2").fetchall() for c in [con.cursor()]],
    "sql": lambda con: con.sql("select 2").fetchall(),
    "table": lambda con: con.table("t").fetchall(),
    "register": lambda con: con.register("seen", table),
    "from_arrow": lambda con: con.from_arrow(table).fetchall(),
    "append": lambda con: con.append("t", pd.DataFrame({"i": [1]})),
}


def refused(fetch):
    names = []
    for name, call in CALLS.items():
        con = duckdb.connect()
        con.execute("create table t as select range i from range(10)")
        fetch(con)
        try:
            call(con)
        except duckdb.Error as error:
            names.append(f"{name} ({type(error).__name__})")
    return ", ".join(names) or "nothing"


print("refused after fetchone of one row: ", refused(lambda con: con.execute("select count(*) from t").fetchone()))
print("refused after fetchmany(10) of ten:", refused(lambda con: con.execute("from t").fetchmany(10)))
print("refused after fetchall:            ", refused(lambda con: con.execute("from t").fetchall()))
PY
for version in 1.4.2 2.0.0; do
    python3 -m venv "$work/$version"
    "$work/$version/bin/pip" install -q "duckdb==$version" pyarrow pandas
    echo "DuckDB $version"
    "$work/$version/bin/python" "$work/after.py"
done | tee "$work/seen"
diff - "$work/seen" <<'SEEN'
DuckDB 1.4.2
refused after fetchone of one row:  nothing
refused after fetchmany(10) of ten: nothing
refused after fetchall:             nothing
DuckDB 2.0.0
refused after fetchone of one row:  sql (ResourceInUseException), table (ResourceInUseException), register (ResourceInUseException), from_arrow (ResourceInUseException), append (ResourceInUseException)
refused after fetchmany(10) of ten: sql (ResourceInUseException), table (ResourceInUseException), register (ResourceInUseException), from_arrow (ResourceInUseException), append (ResourceInUseException)
refused after fetchall:             nothing
SEEN
echo "as described"
