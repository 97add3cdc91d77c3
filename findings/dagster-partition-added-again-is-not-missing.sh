#!/usr/bin/env bash
# Finding: a dynamic partition that was deleted and is added again counts as made in Dagster, and is not
#   made
#
# Packages: dagster==1.13.28 (Python 3.11 or later)
#
# Guess: deleting a dynamic partition ends its story; one that is added with the same key later is new, so
#   that its assets are missing and `AutomationCondition.missing()`, or `eager()`, requests them.
#
# Seen: of two partitions, both made, one is deleted and added again. Neither `missing()`, `on_missing()`
#   nor `eager()` requests it, where a partition with another key is requested by each; and the instance
#   tells it among the partitions that are made. Deleting takes the key out of a list and leaves the
#   events of its runs. There is no call that wipes a partition's events in a local instance:
#   `wipe_asset_partitions` raises NotImplementedError.
#
# Why it matters: a recording that was deleted, repaired and put back under its name is never processed
#   again. Where the files were deleted with the partition, everything behind it is told that they are
#   there.
#
# Exit status: 0 while the behaviour holds, 1 as soon as it changes.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/v"
"$work/v/bin/pip" install -q dagster==1.13.28
cd "$work"
"$work/v/bin/python" - 2> "$work/log" <<'PY' || { tail -n 5 "$work/log"; exit 1; }
import dagster as dg

SESSIONS = dg.DynamicPartitionsDefinition(name="sessions")
CONDITIONS = {
    "missing": dg.AutomationCondition.missing(),
    "on_missing": dg.AutomationCondition.on_missing(),
    "eager": dg.AutomationCondition.eager(),
}


def requested_after(condition, added_later):
    """What is requested, and told to be made, once `a` and `b` were made, `a` was deleted and `added_later` added."""

    @dg.asset(partitions_def=SESSIONS, automation_condition=condition)
    def frames(): ...

    definitions, instance = dg.Definitions([frames]), dg.DagsterInstance.ephemeral()
    instance.add_dynamic_partitions("sessions", ["a", "b"])
    for session in ("a", "b"):
        dg.materialize([frames], partition_key=session, instance=instance)
    cursor = dg.evaluate_automation_conditions(definitions, instance).cursor
    instance.delete_dynamic_partition("sessions", "a")
    assert is_wiping_refused(instance, frames.key)
    cursor = dg.evaluate_automation_conditions(definitions, instance, cursor=cursor).cursor
    instance.add_dynamic_partitions("sessions", [added_later])
    result = dg.evaluate_automation_conditions(definitions, instance, cursor=cursor)
    requested = result.get_requested_partitions(frames.key)
    return sorted(requested), sorted(instance.get_materialized_partitions(frames.key))


def is_wiping_refused(instance, key):
    try:
        instance.wipe_asset_partitions(key, ["a"])
    except NotImplementedError:
        return True
    return False


for name, condition in CONDITIONS.items():
    again, new = requested_after(condition, "a"), requested_after(condition, "c")
    print(name, "- a added again:", again, "c added:", new)
    assert again == ([], ["a", "b"]), again
    assert new == (["c"], ["a", "b"]), new
PY
