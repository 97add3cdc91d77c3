#!/usr/bin/env bash
# Finding: a merge of Lance refuses two rows of a key that is there, and inserts both rows
#   of a key that is not
#
# Packages: pylance==14.0.2, pyarrow==26.0.1 (Python 3.11 or later)
#
# Guess: merge_insert('id') keeps one row an id: two rows of one id in the input are
#   refused, or the last one wins, whether the id is known or new.
#
# Seen: two rows with the known id 1 raise 'Ambiguous merge inserts'; two rows with the new
#   id 9 go in, both, and the result reports two inserted rows. The next merge of a row with
#   id 9 updates both.
#
# Why it matters: a batch that holds a new row twice doubles it at its first write, and
#   every later merge keeps both.
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
def rows(ids, text):
    return pa.table({"id": pa.array(ids, pa.int64()), "text": [text] * len(ids)})
lance.write_dataset(rows([1, 2], "old"), "set.lance")
def merge(table):
    data = lance.dataset("set.lance")
    try:
        done = data.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(table)
    except Exception as error:
        return str(error)[:45]
    return done["num_inserted_rows"], done["num_updated_rows"]
known, new, again = merge(rows([1, 1], "a")), merge(rows([9, 9], "b")), merge(rows([9], "c"))
left = sorted(lance.dataset("set.lance").to_table().to_pydict()["id"])
print(known, new, again, left)
assert "Ambiguous merge inserts" in known, known
assert new == (2, 0) and again == (0, 2) and left == [1, 2, 9, 9], (new, again, left)
PY
