#!/usr/bin/env bash
# Finding: a blocking check of Dagster that fails with a mere warning lets the next asset be made in its
#   run, and keeps it from being requested by automation
#
# Packages: dagster==1.13.28 (Python 3.11 or later)
#
# Guess: `severity=WARN` is what does not hold anything back, also with `blocking=True`; run and
#   `AutomationCondition.all_deps_blocking_checks_passed()` mean the same checks by "blocking".
#
# Seen: a check with `blocking=True` returns `passed=False` with severity WARN. The run of asset, check
#   and next asset succeeds and makes the next asset. The condition, asked after asset and check were made
#   alone, does not request the next one, where it does after a check that passed. With severity ERROR
#   both hold it back. The condition asks whether the check passed and looks at no severity.
#
# Why it matters: a pipeline that was run by hand or by a job goes on where its automation stands still,
#   without a failed run anywhere. Recordings with a warning, which were to be looked at later and used
#   meanwhile, are never used.
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

WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


@dg.asset
def recording(): ...


@dg.asset(
    deps=[recording],
    automation_condition=dg.AutomationCondition.missing()
    & dg.AutomationCondition.all_deps_blocking_checks_passed(),
)
def labels(): ...


def made_and_requested(**result):
    """Whether labels are made in the run of the check, and whether they are requested after a run without them."""

    @dg.asset_check(asset=recording, blocking=True)
    def is_bright():
        return dg.AssetCheckResult(**result)

    def run(*assets):
        instance = dg.DagsterInstance.ephemeral()
        return dg.materialize([*assets, is_bright], instance=instance, raise_on_error=False), instance

    whole, _ = run(recording, labels)
    made = bool(whole.asset_materializations_for_node("labels"))
    _, instance = run(recording)
    definitions = dg.Definitions([recording, labels], asset_checks=[is_bright])
    requested = dg.evaluate_automation_conditions(definitions, instance).get_num_requested(labels.key)
    return made, requested == 1


passed, warned, failed = (
    made_and_requested(passed=True),
    made_and_requested(passed=False, severity=WARN),
    made_and_requested(passed=False, severity=ERROR),
)
print("made and requested, passed:", passed, "warned:", warned, "failed:", failed)
assert passed == (True, True) and failed == (False, False)
assert warned == (True, False), warned
PY
