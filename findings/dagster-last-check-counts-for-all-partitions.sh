#!/usr/bin/env bash
# Finding: whether the blocking checks of a partition passed is answered in Dagster by the last check of
#   any partition
#
# Packages: dagster==1.13.28 (Python 3.11 or later)
#
# Guess: `AutomationCondition.all_deps_blocking_checks_passed()` is evaluated for each partition: a check
#   that failed for monday keeps back what is made of monday, until it passes for monday.
#
# Seen: an asset with the partitions monday and tuesday and a blocking check, which ran in the run of each
#   partition, failed for monday and passed for tuesday. With monday checked first both are requested
#   downstream, monday too; with tuesday checked first neither is. Only a check that is given the
#   `partitions_def` of its asset is asked by partition: then it is tuesday in both orders. A check
#   without it runs with each partition as well, and reads its key. The documentation of the condition
#   says that it is "true for any partition where all upstream blocking checks have passed".
#
# Why it matters: a gate on broken recordings opens with the next good one, and closes for all good ones
#   with the next broken one. Checks written before they knew partitions look as they did, and the page of
#   the asset shows one green check.
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

DAYS = dg.StaticPartitionsDefinition(["monday", "tuesday"])


@dg.asset(partitions_def=DAYS)
def recording(): ...


@dg.asset(
    partitions_def=DAYS,
    deps=[recording],
    automation_condition=dg.AutomationCondition.missing()
    & dg.AutomationCondition.all_deps_blocking_checks_passed(),
)
def labels(): ...


def requested(order, **of_the_check):
    @dg.asset_check(asset=recording, blocking=True, **of_the_check)
    def is_sound(context):
        return dg.AssetCheckResult(passed=context.partition_key != "monday")

    instance = dg.DagsterInstance.ephemeral()
    for day in order:
        run = dg.materialize([recording, is_sound], partition_key=day, instance=instance, raise_on_error=False)
        assert run.success == (day == "tuesday")
    definitions = dg.Definitions([recording, labels], asset_checks=[is_sound])
    return dg.evaluate_automation_conditions(definitions, instance).get_requested_partitions(labels.key)


for order, wanted in ((["monday", "tuesday"], {"monday", "tuesday"}), (["tuesday", "monday"], set())):
    plain, partitioned = requested(order), requested(order, partitions_def=DAYS)
    print("checked", order, "requested:", sorted(plain), "with partitions_def:", sorted(partitioned))
    assert plain == wanted, plain
    assert partitioned == {"tuesday"}, partitioned
PY
