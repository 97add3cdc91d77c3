#!/usr/bin/env bash
# Finding: with a primary key two merges of Lance that share no key refuse each other as soon as
#   they are large, and each merge of one row costs 65 KiB beside its data
#
# Packages: pylance==14.0.2, pyarrow==26.0.1 (Python 3.11 or later)
#
# Guess: the mark `unenforced-primary-key` makes Lance refuse a key that two writers insert at
#   once. Keys that differ pass, however many there are, as they do without the mark; and a merge
#   of one row writes some hundred bytes beside it.
#
# Seen: two writers open a table at one version and each inserts n keys that the other does not
#   have, without retries. With the mark 10 and 10 keys pass, 1,000 and 1,000 are refused ("Too many
#   concurrent writers"), and so is 1 key beside 100,000. Without the mark all of them pass. The keys
#   are compared through a filter of 32 KiB whatever the number of rows. It is written twice, into
#   the transaction and into the manifest, which every reader of the table reads first: a manifest
#   of 0.3 KiB has 32 KiB more.
#
# Why it matters: workers that fill one table with batches of their own never commit side by
#   side. Each is told of a conflict that there is not and does its merge again, or fails where it
#   may not try again. A table of small commits grows by 65 KiB with each.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pylance==14.0.2 pyarrow==26.0.1
cd "$work"
"$work/v/bin/python" - <<'PY'
import pathlib
import lance, pyarrow as pa
MARK = {"lance-schema:unenforced-primary-key": "true"}
def rows(schema, name, count):
    return pa.table({"key": [f"{name}{n}" for n in range(count)]}, schema=schema)
def insert(data, name, count):
    merge = data.merge_insert("key").when_not_matched_insert_all().conflict_retries(0)
    merge.execute(rows(data.schema, name, count))
def race(path, mark, first, second):
    schema = pa.schema([pa.field("key", pa.string(), nullable=False, metadata=mark)])
    ours = lance.write_dataset(rows(schema, "start", 1), path)
    theirs = lance.dataset(path)
    insert(ours, "ours", first)
    try:
        insert(theirs, "theirs", second)
    except OSError as error:
        assert "Too many concurrent writers" in str(error), error
        return "refused"
    return "passes"
def overhead(path):
    """Bytes of the newest manifest and of the newest transaction."""
    newest = min(pathlib.Path(path, "_versions").glob("*.manifest"))
    last = max(pathlib.Path(path, "_transactions").iterdir(), key=lambda p: int(p.name.split("-")[0]))
    return newest.stat().st_size, last.stat().st_size
PAIRS = ((10, 10), (1_000, 1_000), (1, 100_000))
marked = [race(f"marked-{n}.lance", MARK, *pair) for n, pair in enumerate(PAIRS)]
plain = [race(f"plain-{n}.lance", None, *pair) for n, pair in enumerate(PAIRS)]
print(marked, plain)
assert marked == ["passes", "refused", "refused"], marked
assert plain == ["passes", "passes", "passes"], plain
with_mark, without = overhead("marked-0.lance"), overhead("plain-0.lance")
print(with_mark, without)
assert min(with_mark) > 32 << 10 and max(without) < 1 << 10, (with_mark, without)
PY
