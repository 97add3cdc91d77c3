#!/usr/bin/env bash
# Finding: a Dagster backfill whose only run failed, because a blocking check did not pass, ends
#   with success
#
# Packages: dagster==1.13.27, dagster-webserver==1.13.27 (Python 3.11 or later)
#
# Guess: a blocking check that does not pass fails its run, and a backfill is as good as its
#   runs: red in the list of backfills, and not COMPLETED_SUCCESS for who asks through GraphQL.
#
# Seen: an asset of one partition has a blocking check that never passes. A backfill of the
#   asset, launched through GraphQL, starts one run. The run ends as FAILURE, and the backfill
#   as COMPLETED_SUCCESS: it asks whether each partition was materialised, and it was, before the
#   check looked at it. With another asset behind it in the same backfill, which the check keeps
#   from being made, the same failure makes it COMPLETED_FAILED.
#
# Why it matters: a job of CI that launches a backfill and goes by its status is green with data
#   that a check has refused.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
server=""
# its servers are a group of their own
trap 'test -z "$server" || { kill -- "-$server"; sleep 2; kill -9 -- "-$server"; } 2>/dev/null; rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q dagster==1.13.27 dagster-webserver==1.13.27
mkdir "$work/home"
cd "$work"
export DAGSTER_HOME="$work/home" PATH="$work/v/bin:$PATH"
printf 'telemetry:\n  enabled: false\n' > home/dagster.yaml
cat > defs.py <<'PY'
import dagster as dg
parts = dg.StaticPartitionsDefinition(["monday"])
@dg.asset(partitions_def=parts)
def frames() -> None: ...
@dg.asset_check(asset=frames, blocking=True)
def frames_are_whole() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False)
@dg.asset(partitions_def=parts, deps=[frames])
def labels() -> None: ...
defs = dg.Definitions([frames, labels], asset_checks=[frames_are_whole])
PY
port="$(python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
setsid dagster dev -f defs.py -h 127.0.0.1 -p "$port" > dev.log 2>&1 &
server=$!
python - "$port" <<'PY'
import json, sys, time, urllib.error, urllib.request
URL = f"http://127.0.0.1:{sys.argv[1]}/graphql"
LAUNCH = """mutation($wanted: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $wanted) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
LOOK = """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status runs(limit: 9) { status } } } }"""
def ask(query, **variables):
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(URL, body, {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=30))["data"]
def wait_for(look, seconds=300):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            found = look()
        except urllib.error.URLError:
            found = None
        if found:
            return found
        time.sleep(1)
    raise SystemExit("no answer in time")
def end(backfill_id):
    found = ask(LOOK, id=backfill_id)["partitionBackfillOrError"]
    return found if found["status"].startswith("COMPLETED") or found["status"] == "FAILED" else None
def backfill(*assets):
    wanted = {"assetSelection": [{"path": [name]} for name in assets], "partitionNames": ["monday"]}
    launched = ask(LAUNCH, wanted=wanted)["launchPartitionBackfill"]
    found = wait_for(lambda: end(launched["backfillId"]))
    return found["status"], [run["status"] for run in found["runs"]]
wait_for(lambda: ask("{ version }"))
alone, together = backfill("frames"), backfill("frames", "labels")
print(alone, together)
assert alone == ("COMPLETED_SUCCESS", ["FAILURE"]), alone
assert together == ("COMPLETED_FAILED", ["FAILURE"]), together
PY
