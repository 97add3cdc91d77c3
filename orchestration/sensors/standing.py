"""How a piece of work stands, by the newest runs that were made for it.

Belongs here: whether runs failed by themselves, how often in a row, and why. Does not: when to ask for another.
"""

from dataclasses import dataclass
from datetime import datetime

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from assets.addresses import hide

_CHECK_FAILED = "DagsterAssetCheckFailedError"  # what Dagster ends the step of a blocking check with
_NO_WORD = "its process ended without a word"
_MOST_RUNS = 20
_MOST_FAILURES = 500


@dataclass(frozen=True)
class Standing:
    """Of one piece of work. Without `failed_run` it is under way, has ended well or by a check, or was never begun."""

    is_begun: bool = False
    failed_run: str = ""  # id of the newest run, where that failed by itself
    num_failures: int = 0  # in a row
    ended_s: float = 0.0  # seconds since 1970, of the newest run
    reason: str = ""


def find_standing(
    instance: dg.DagsterInstance, job: str, tags: dict[str, str]
) -> Standing:
    """Of the work whose runs are of this job and have these tags.

    A run that a check has failed, or that somebody has ended, is no failure: the next would end the same way.
    """
    records = instance.get_run_records(RunsFilter(job_name=job, tags=tags), _MOST_RUNS)
    if not records:
        return Standing()
    num_failures = 0
    for record in records:
        if record.dagster_run.status != DagsterRunStatus.FAILURE:
            break
        num_failures += 1
    newest = records[0]
    errors = _list_errors(instance, newest.dagster_run.run_id)
    if not num_failures or (errors and all(_is_check(error) for error in errors)):
        return Standing(is_begun=True)
    reasons = [_find_cause(error) for error in errors if not _is_check(error)]
    return Standing(
        True,
        newest.dagster_run.run_id,
        num_failures,
        newest.end_time or newest.update_timestamp.timestamp(),
        reasons[0] if reasons else _NO_WORD,
    )


def list_failed_partitions(
    instance: dg.DagsterInstance, job: str, after_s: float
) -> tuple[set[str], float]:
    """The partitions of runs that failed after a time, and the time up to which that is all, in seconds since 1970."""
    failed = RunsFilter(
        job_name=job,
        statuses=[DagsterRunStatus.FAILURE],
        updated_after=datetime.fromtimestamp(after_s) if after_s else None,
    )
    records = instance.get_run_records(
        failed, _MOST_FAILURES, order_by="update_timestamp", ascending=True
    )
    tags = [record.dagster_run.tags for record in records]
    until_s = [after_s, *(record.update_timestamp.timestamp() for record in records)]
    return {t["dagster/partition"] for t in tags if "dagster/partition" in t}, max(
        until_s
    )


def describe_failure(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """Why a run failed by itself; "" where it did not, or a check failed it."""
    if run.status != DagsterRunStatus.FAILURE:
        return ""
    errors = _list_errors(instance, run.run_id)
    reasons = [_find_cause(error) for error in errors if not _is_check(error)]
    if errors and not reasons:
        return ""
    return f"run {run.run_id[:8]}: {reasons[0] if reasons else _NO_WORD}"


def _list_errors(instance: dg.DagsterInstance, run_id: str) -> list[object]:
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    data = [e.dagster_event.step_failure_data for e in entries if e.dagster_event]
    return [d.error for d in data if d.error]


def _is_check(error: object) -> bool:
    return getattr(error, "cls_name", "") == _CHECK_FAILED


def _find_cause(error: object) -> str:
    while getattr(error, "cause", None):
        error = error.cause  # type: ignore[attr-defined]
    return hide(str(getattr(error, "message", error)).strip().splitlines()[0])
