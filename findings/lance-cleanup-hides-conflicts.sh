#!/usr/bin/env bash
# Finding: after a cleanup of old versions Lance does not see what was committed meanwhile: a
#   merge that was opened before inserts a key twice, a delete brings deleted rows back
#
# Packages: pylance==14.0.2, pyarrow==26.0.1 (Python 3.11 or later)
#
# Guess: a writer that is overtaken fails with a conflict or tries again, and a cleanup that
#   keeps the newest version takes nothing from writers.
#
# Seen: two writers open a table at the same version. The first inserts 'b' and deletes 'a',
#   then writes once more. The second inserts 'b', or deletes 'c', on the version that it
#   holds. With all versions there the insert is refused, and both deletes hold. After
#   cleanup_old_versions(retain_versions=1) both are told that they succeeded, and 'b' stands
#   twice, or 'a' is there again: conflicts are looked for in the versions that are left.
#
# Why it matters: maintenance beside writers, in a loop or by a schedule, gives up the promise
#   that a table with a primary key makes, without an error anywhere.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pylance==14.0.2 pyarrow==26.0.1
cd "$work"
"$work/v/bin/python" - <<'PY'
import lance, pyarrow as pa
KEY = {"lance-schema:unenforced-primary-key": "true"}
SCHEMA = pa.schema([pa.field("key", pa.string(), nullable=False, metadata=KEY)])
def rows(*keys):
    return pa.table({"key": list(keys)}, schema=SCHEMA)
def insert(data, key):
    data.merge_insert("key").when_not_matched_insert_all().conflict_retries(0).execute(rows(key))
def race(name, with_cleanup, write):
    first = lance.write_dataset(rows("a", "c", "d"), name)
    second = lance.dataset(name)
    insert(first, "b")
    first.delete("key = 'a'")
    insert(first, "e")
    if with_cleanup:
        first.cleanup_old_versions(retain_versions=1)
    try:
        write(second)
        said = "done"
    except OSError:
        said = "refused"
    return said, "".join(sorted(lance.dataset(name).to_table()["key"].to_pylist()))
def merge(data):
    insert(data, "b")
def delete(data):
    data.delete("key = 'c'", conflict_retries=0)
seen = [race(f"{n}.lance", n >= 2, write) for n, write in enumerate((merge, delete, merge, delete))]
print(seen)
assert seen == [("refused", "bcde"), ("done", "bde"), ("done", "bbcde"), ("done", "abde")], seen
PY
