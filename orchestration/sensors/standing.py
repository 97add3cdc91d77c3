"""How a piece of work stands, by the newest runs that were made for it.

Belongs here: whether runs failed by themselves, how often in a row, and why. Does not: when to ask for another.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from assets.addresses import hide
from assets.ledger import pause_s

_CHECK_FAILED = "DagsterAssetCheckFailedError"  # what Dagster ends the step of a blocking check with
_NO_WORD = "its process ended without a word"
_PARTITION = "dagster/partition"
_RUN_KEY = "dagster/run_key"
_MOST_RUNS = 20
_AT_ONCE = 500  # partitions of one query
_MOST_FAILURES = 500
_IN_PROGRESS = (
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
)


@dataclass(frozen=True)
class Standing:
    """Of one piece of work. Without `failed_run` it is under way, has ended well or by a check, or was never begun."""

    is_begun: bool = False
    failed_run: str = ""  # id of the newest run, where that failed by itself
    num_failures: int = 0  # in a row
    ended_s: float = 0.0  # seconds since 1970, of the newest run
    reason: str = ""
    run_keys: frozenset[str] = frozenset()  # that its runs were asked for under
    is_under_way: bool = False  # the newest run waits or runs

    @property
    def is_ended(self) -> bool:
        """By itself or by a check: no run follows, whatever the time."""
        return self.is_begun and not self.failed_run and not self.is_under_way


def find_standing(
    instance: dg.DagsterInstance, job: str, tags: dict[str, str]
) -> Standing:
    """Of the work whose runs are of this job and have these tags.

    A run that a check has failed, or that somebody has ended, is no failure: the next would end the same way.
    """
    records = instance.get_run_records(RunsFilter(job_name=job, tags=tags), _MOST_RUNS)
    return _judge(instance, records)


def find_standings(
    instance: dg.DagsterInstance, job: str, partitions: Sequence[str]
) -> Iterator[tuple[str, Standing]]:
    """The same of each of these partitions, in their order: one query for hundreds, and one for each that failed."""
    for start in range(0, len(partitions), _AT_ONCE):
        some = partitions[start : start + _AT_ONCE]
        mine = RunsFilter(job_name=job, tags={_PARTITION: list(some)})
        records = defaultdict(list)
        for record in instance.get_run_records(mine):  # the newest come first
            records[record.dagster_run.tags[_PARTITION]].append(record)
        for partition in some:
            yield partition, _judge(instance, records[partition][:_MOST_RUNS])


def is_resting(now: Standing) -> bool:
    """Whether the newest run failed by itself, and the pause after that is not over: longer after each in a row."""
    return bool(now.failed_run) and time.time() < now.ended_s + pause_s(
        now.num_failures
    )


def name_next(now: Standing, run_key: str) -> str:
    """The key of the run that is to be asked for under `run_key`, another one after each that failed by itself; ""
    where it is under way, has ended well, was ended by a check or a person, or rests.

    Dagster takes a key once and for ever: asked for again under the same one, a failed run would never be repeated.
    """
    key = run_key + f":{now.failed_run}" * bool(now.failed_run)
    return "" if is_resting(now) or key in now.run_keys else key


def count_under_way(instance: dg.DagsterInstance, job: str) -> int:
    """Runs of the job that wait or run."""
    return instance.get_runs_count(RunsFilter(job_name=job, statuses=_IN_PROGRESS))


def _judge(instance: dg.DagsterInstance, records: Sequence[dg.RunRecord]) -> Standing:
    """By all runs of one piece of work, the newest first."""
    if not records:
        return Standing()
    tags = [record.dagster_run.tags for record in records]
    run_keys = frozenset(t[_RUN_KEY] for t in tags if _RUN_KEY in t)
    num_failures = 0
    for record in records:
        if record.dagster_run.status != DagsterRunStatus.FAILURE:
            break
        num_failures += 1
    newest = records[0]
    is_under_way = newest.dagster_run.status in _IN_PROGRESS
    begun = Standing(True, run_keys=run_keys, is_under_way=is_under_way)
    if not num_failures:
        return begun
    errors = _list_errors(instance, newest.dagster_run.run_id)
    if errors and all(_is_check(error) for error in errors):
        return begun
    reasons = [_find_cause(error) for error in errors if not _is_check(error)]
    return Standing(
        True,
        newest.dagster_run.run_id,
        num_failures,
        newest.end_time or newest.update_timestamp.timestamp(),
        reasons[0] if reasons else _NO_WORD,
        run_keys,
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
    return {t[_PARTITION] for t in tags if _PARTITION in t}, max(until_s)


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
