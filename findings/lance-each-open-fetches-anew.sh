#!/usr/bin/env bash
# Finding: each `lance.dataset()` of a process starts with an empty cache, so opening the same
#   version of a table in a bucket once more fetches its manifest and the heads of its files again
#
# Packages: pylance==14.0.2, pyarrow==26.0.1, moto[server]==5.2.5 (Python 3.11 or later)
#
# Guess: Lance has a cache of metadata with a bound of a gigabyte, and versions never change. So a
#   process that opens the version which it has read already asks the bucket which version is
#   the newest, and for no more than the values.
#
# Seen: a table of eight appends of one row is opened and read five times. Each time Lance asks ten
#   things: the list of versions, the manifest, and each of the eight files, the fifth time as the
#   first. The cache is the dataset object's own. With one `lance.Session` handed to every open it
#   is ten once and from then on one, the list: so small a file comes with its head.
#
# Why it matters: a program that opens tables where it needs them, as web handlers and tasks of
#   workflows do, pays for each of its requests a hundred times a minute, in money and in latency,
#   and the more the more a table is appended to. Nothing but the bill shows it.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q pylance==14.0.2 pyarrow==26.0.1 'moto[server]==5.2.5'
cd "$work"
AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing AWS_DEFAULT_REGION=us-east-1 \
  "$work/v/bin/python" - <<'PY'
import logging
import boto3, lance, pyarrow as pa
from moto.server import ThreadedMotoServer
seen = []
log = logging.getLogger("werkzeug")
log.setLevel(logging.INFO)
log.propagate = False
handler = logging.Handler()
handler.emit = lambda record: seen.append(record.getMessage())
log.addHandler(handler)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
server.start()
host, port = server.get_host_and_port()
url = f"http://{host}:{port}"
boto3.client("s3", endpoint_url=url).create_bucket(Bucket="tables-1")
options = {"aws_endpoint": url, "allow_http": "true", "aws_region": "us-east-1"}
where = "s3://tables-1/t.lance"
for number in range(8):
    lance.write_dataset(pa.table({"n": [number]}), where, mode="append" if number else "create", storage_options=options)
def ask(**session):
    seen.clear()
    rows = lance.dataset(where, storage_options=options, **session).to_table()["n"].to_pylist()
    assert sorted(rows) == list(range(8)), rows
    manifests = [line for line in seen if "/_versions/" in line.split("?")[0]]
    return len(seen), len(manifests)
alone = [ask() for _ in range(5)]
session = lance.Session()
shared = [ask(session=session) for _ in range(5)]
print("each by itself", alone)
print("one session   ", shared)
assert alone == [(10, 1)] * 5, alone
assert shared == [(10, 1)] + [(1, 0)] * 4, shared
import os, sys
sys.stdout.flush()
os._exit(0)
PY
