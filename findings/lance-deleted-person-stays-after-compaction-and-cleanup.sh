#!/usr/bin/env bash
# Finding: a row that was deleted from a Lance table, compacted and cleaned up to the newest version, stays
#   readable in three of its files, two of which hold the text of the condition itself
#
# Packages: pylance==14.0.2, pyarrow (Python 3.11 or later)
#
# Guess: `delete`, then `optimize.compact_files()`, then `cleanup_old_versions` of everything but the newest
#   version is the way to get a person out of a table: what is left are the rows that are left.
#
# Seen: one row of a hundred is under the share from which on compaction writes a fragment anew (a tenth), so
#   nothing is committed and nothing is superfluous: the name lies in the data file as before, behind a mask.
#   It lies in the manifest and in the transaction file of the newest version, too, as these keep the
#   condition of the deletion, word for word. With a threshold of 0 compaction commits, and a cleanup after it
#   takes all three away. A deletion that is the last thing that happened to a table always leaves its
#   condition behind.
#
# Why it matters: who erases somebody by name writes that name into two files that no reader of the table
#   shows, and is told by `count_rows` and by the versions that it is done.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pylance==14.0.2
cat > "$work/erase.py" <<'PY'
import sys
from datetime import timedelta
from pathlib import Path

import lance
import pyarrow as pa

NAME = "Erika Mustermann"
folder = Path(sys.argv[1]) / "people.lance"


def clean():
    lance.dataset(folder).cleanup_old_versions(
        older_than=timedelta(0), delete_unverified=True
    )


def tell(after):
    made = lance.dataset(folder)
    holding = {
        f.relative_to(folder).parts[0]
        for f in folder.rglob("*")
        if f.is_file() and NAME.encode() in f.read_bytes()
    }
    rows, versions = made.count_rows(), len(made.versions())
    print(f"{after}: {rows} rows, {versions} version, named in {sorted(holding)}")


people = [f"person {number}" for number in range(99)] + [NAME]
lance.write_dataset(pa.table({"name": people}), folder)
lance.dataset(folder).delete(f"name = '{NAME}'")
lance.dataset(folder).optimize.compact_files()
clean()
tell("compacted and cleaned up")
lance.dataset(folder).optimize.compact_files(materialize_deletions_threshold=0.0)
clean()
tell("with a threshold of 0")
lance.dataset(folder).delete("name = 'person 7'")
clean()
left = b"person 7'"
holding = {
    f.relative_to(folder).parts[0]
    for f in folder.rglob("*")
    if f.is_file() and left in f.read_bytes()
}
print("the next condition:", sorted(holding))
PY
"$work/v/bin/python" "$work/erase.py" "$work" | tee "$work/seen"
diff - "$work/seen" <<'SEEN'
compacted and cleaned up: 99 rows, 1 version, named in ['_transactions', '_versions', 'data']
with a threshold of 0: 99 rows, 1 version, named in []
the next condition: ['_transactions', '_versions']
SEEN
