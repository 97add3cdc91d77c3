"""Why a run did not end well: by its errors, the claims that stopped it, and how it ended.

Belongs here: reading one run. Does not: rules of causes (kinds), and sessions.
"""

import time
from collections.abc import Iterator

from assets.retrieval.run_failures import RefusedCheck, RunFailure, read_failure
from assets.retrieval.run_history import Run, list_runs, read_log
from assets.training.turn import find_turn
from orchestration.agent.answer import Source, plain
from orchestration.profiles import Settings
from orchestration.triage.diagnosis import Diagnosis, Evidence, NothingWrongError
from orchestration.triage.kinds import Kind, name_check, name_error, name_run
from orchestration.triage.remedies import TRAIN, Stopped, choose_proposal, list_remedies

LAST = "last"
_LOOKED_AT = 50  # newest runs, of which the last bad one is meant
_BAD = ("FAILURE", "CANCELED")
_AT_WORK = ("STARTED", "CANCELING")
_QUIET_S = 3600.0  # a run that says nothing for so long, and has not ended, is taken for killed
_MOST_LINES = 5


def find_run(settings: Settings, name: str) -> Run:
    """The run whose id begins so; of "last" the newest that did not end well.

    Raises NothingWrongError where no run failed, LookupError where none begins so, ValueError for several.
    """
    place = (settings.dagster_home, settings.dagster_url)
    if name == LAST:
        found = [run for run in list_runs(*place, _LOOKED_AT) if _is_bad(settings, run)]
        if not found:
            raise NothingWrongError(f"none of the newest {_LOOKED_AT} runs failed")
        return found[0]
    found = list_runs(*place, 2, name)
    if len(found) > 1:
        raise ValueError(f"several runs begin with {name!r}: give more of the id")
    if not found:
        raise LookupError(f"no run begins with {name!r}")
    return found[0]


def diagnose_run(settings: Settings, run: Run) -> Diagnosis:
    """Raises NothingWrongError for a run that ended well, and ValueError for one that is under way."""
    told = read_failure(settings.dagster_home, settings.dagster_url, run.run_id)
    of = Source("run", run.run_id)
    if told is None:
        _require_bad(settings, run, None)
        reason = "its events are gone, so that nothing tells why"
        return Diagnosis(of, run.job, Kind.UNKNOWN, reason)
    _require_bad(settings, run, told.last_at_s)
    blocking = _list_blocking(told)
    is_killed = told.is_canceled or run.status not in _BAD
    kind = name_run(told.errors, [check.check for check in blocking], is_killed)
    session = run.session or next((c.session for c in blocking if c.session), "")
    stopped = Stopped(run.job, session, told.not_made)
    return Diagnosis(
        of,
        run.job,
        kind,
        _tell_cause(kind, told, blocking, run),
        tuple(_list_evidence(settings, run, told)),
        list_remedies(kind, stopped, _list_said(kind, told)),
        told.not_made,
        choose_proposal(kind, stopped),
        _list_others(kind, told, blocking),
    )


def _is_bad(settings: Settings, run: Run) -> bool:
    if run.status in _BAD:
        return True
    if run.status not in _AT_WORK:
        return False
    told = read_failure(settings.dagster_home, settings.dagster_url, run.run_id)
    return told is not None and _is_lost(settings, run, told.last_at_s)


def _is_lost(settings: Settings, run: Run, last_at_s: float | None) -> bool:
    """Whether a run that has noted no end is taken for killed: it is quiet, and no process has the turn to train."""
    if run.status not in _AT_WORK or last_at_s is None:
        return False
    task = run.job.removeprefix(TRAIN)
    if run.job.startswith(TRAIN) and find_turn(settings.home, task):
        return False
    return time.time() - last_at_s > _QUIET_S


def _require_bad(settings: Settings, run: Run, last_at_s: float | None) -> None:
    if run.status == "SUCCESS":
        raise NothingWrongError(f"run {run.run_id} of {run.job} ended well")
    if run.status not in _BAD and not _is_lost(settings, run, last_at_s):
        raise ValueError(
            f"run {run.run_id} of {run.job} is under way ({run.status}): look again when it has ended"
        )


def _list_blocking(told: RunFailure) -> list[RefusedCheck]:
    return [check for check in told.checks if check.blocks]


def _tell_cause(
    kind: Kind, told: RunFailure, blocking: list[RefusedCheck], run: Run
) -> str:
    """In one line: what the first error says, or the claims that stopped it."""
    if kind is Kind.KILLED:
        return _tell_kill(told, run)
    links = told.errors[0].links if told.errors else ()
    first = links[0] if links else None
    if first is not None and name_error(told.errors[0]) is not Kind.FAILED_GATE:
        return f"{first.cls}: {first.says}".rstrip(": .")
    if blocking:
        check = blocking[0]
        more = f", and {len(blocking) - 1} claims more" if len(blocking) > 1 else ""
        return f"{check.check} of {check.asset}: {check.says}{more}".rstrip(".")
    return "its events name no error"


def _tell_kill(told: RunFailure, run: Run) -> str:
    if run.status == "CANCELED" or told.is_canceled:
        return "somebody told it to stop"
    if run.status == "FAILURE":
        return "its process was told to stop (Ctrl-C or SIGTERM) before it had ended"
    return "it has noted no end and says nothing any more: its process was killed, or its machine went away"


def _list_evidence(
    settings: Settings, run: Run, told: RunFailure
) -> Iterator[Evidence]:
    for error in told.errors:
        for link in error.links[:1]:
            yield Evidence("error", error.step or run.job, link.says, link.cls, link.at)
    for check in sorted(told.checks, key=lambda c: not c.blocks):
        yield _describe_check(check)
    lines = read_log(settings.dagster_home, settings.dagster_url, run.run_id)
    loud = [line for line in lines if line.level in ("warning", "error", "critical")]
    for line in loud[-_MOST_LINES:]:
        yield Evidence("log", line.step or run.job, line.says, line.level, line.at)


def _describe_check(check: RefusedCheck) -> Evidence:
    what = "blocking check" if check.blocks else "warning check"
    name = f"{check.asset}: {check.check}"
    return Evidence(what, name, check.says, str(plain(check.figures)), check.session)


def _list_said(kind: Kind, told: RunFailure) -> list[str]:
    """What the error itself says that helps: our own errors end with the remedy."""
    if kind not in (
        Kind.REFUSED,
        Kind.DIVERGED,
        Kind.NO_MEMORY,
        Kind.NO_RAY,
        Kind.NO_CALIBRATION,
        Kind.DISK_FULL,
    ):
        return []
    links = told.errors[0].links if told.errors else ()
    says = links[0].says if links else ""
    _, colon, remedy = says.rpartition(": ")
    return [remedy] if colon and remedy else []


def _list_others(
    kind: Kind, told: RunFailure, blocking: list[RefusedCheck]
) -> tuple[Kind, ...]:
    others = [name_check(check.check) for check in blocking]
    return tuple(dict.fromkeys(one for one in others if one is not kind))
