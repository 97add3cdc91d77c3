"""Why a session is held back, or could not be taken in: by the ledger, the gates' decisions and the newest checks.

Belongs here: reading one session. Does not: rules of causes (kinds), and runs.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from assets.causes import group_by_cause
from assets.retrieval.dagster_checks import FailedCheck, list_failed_checks
from assets.retrieval.quarantine import list_quarantine
from assets.retrieval.run_history import list_runs
from assets.tables.catalog import Catalog, is_in
from orchestration.agent.answer import Source, plain
from orchestration.agent.world import World
from orchestration.triage.diagnosis import Diagnosis, Evidence, NothingWrongError
from orchestration.triage.kinds import Kind, name_check
from orchestration.triage.of_run import diagnose_run
from orchestration.triage.remedies import Stopped, choose_proposal, list_remedies

Row: TypeAlias = dict[str, Any]
_MOST_CHECKS = 500


def diagnose_session(world: World, session: str) -> Diagnosis:
    """Raises LookupError for a session that there is not, NothingWrongError for one that is well.

    What keeps it from readers counts before what they only lack: a failed intake, then a gate, then files.
    """
    files = _list_unread(world, session)
    held = _list_held(world.catalog, session)
    checks = _list_checks(world, session)
    pauses = [p for p in world.ledger.pauses() if p.session == session]
    if not any((files, held, checks, pauses)):
        _require_known(world, session)
        raise NothingWrongError(
            f"nothing is the matter with session {session}: no gate holds it, and no file of it is unread"
        )
    evidence = tuple(_list_evidence(files, held, checks))
    if pauses:
        return _diagnose_pause(world, session, pauses[0], evidence)
    kinds = _list_kinds(held, checks, files)
    kind = kinds[0]
    stopped = Stopped("", session, _list_assets(held))
    return Diagnosis(
        Source("session", session),
        "",
        kind,
        _tell_cause(held, checks, files),
        evidence,
        list_remedies(kind, stopped, _list_said(kind, files)),
        tuple(_list_stopped(world.catalog, session, held)),
        choose_proposal(kind, stopped),
        tuple(kinds[1:]),
    )


def _diagnose_pause(
    world: World, session: str, pause: Any, evidence: tuple[Evidence, ...]
) -> Diagnosis:
    """Of an intake that failed: what its run tells, where there was one."""
    own = Evidence("pause", pause.what, pause.reason, f"{pause.num_failures} failures")
    settings = world.settings
    place = (settings.dagster_home, settings.dagster_url)
    runs = list_runs(*place, 1, pause.cause) if pause.cause else []
    of = Source("session", session)
    if runs and runs[0].status in ("FAILURE", "CANCELED"):
        found = diagnose_run(settings, runs[0])
        mine = (own, *found.evidence, *evidence)
        return Diagnosis(
            of,
            "",
            found.kind,
            found.cause,
            mine,
            found.remedies,
            found.stopped,
            found.proposal,
            found.also,
        )
    remedies = ("daguerre status --health", f"daguerre report {session}")
    return Diagnosis(of, "", Kind.REFUSED, pause.reason, (own, *evidence), remedies)


def _list_unread(world: World, session: str) -> list[Row]:
    """Files and records that nobody has acknowledged; what a newer version of a file has replaced is none."""
    rows = list_quarantine(world.catalog, world.zone, session)
    return [row for row in rows if row["what"] != "dropped"]


def _list_held(catalog: Catalog, session: str) -> list[Row]:
    where = f"is_held AND {is_in('session', [session])}"
    rows = catalog.read_latest("publications", where=where).to_pylist()
    return sorted(rows, key=lambda row: row["table_name"])


def _list_checks(world: World, session: str) -> list[FailedCheck]:
    settings = world.settings
    found = list_failed_checks(
        settings.dagster_home, settings.dagster_url, _MOST_CHECKS
    )
    return [check for check in found if check.session == session]


def _require_known(world: World, session: str) -> None:
    if session not in world.zone.look_around().sessions:
        raise LookupError(f"no session is called '{session}'")


def _list_kinds(
    held: Sequence[Row],
    checks: Sequence[FailedCheck],
    files: Sequence[Row],
) -> list[Kind]:
    """What holds first, then what warns, then what files say; each once."""
    kinds = [_name_reason(row["reason"]) for row in held]
    kinds += [name_check(c.check) for c in sorted(checks, key=lambda c: not c.blocks)]
    kinds += [Kind.BAD_FILE] * bool(files)
    return list(dict.fromkeys(kinds))


def _name_reason(reason: str) -> Kind:
    """Of a decision, which says "claim: what was found"."""
    return name_check(reason.partition(":")[0].strip())


def _tell_cause(
    held: Sequence[Row],
    checks: Sequence[FailedCheck],
    files: Sequence[Row],
) -> str:
    if held:
        tables = ", ".join(row["table_name"] for row in held)
        return f"{tables} held back: {held[0]['reason']}".rstrip(".")
    if checks:
        check = min(checks, key=lambda one: not one.blocks)
        return f"{check.check} of {check.asset}: {check.says}".rstrip(".")
    first = files[0]
    return f"{_count(files)} could not be read: {first['path']}: {first['reason']}"


def _list_evidence(
    files: Sequence[Row],
    held: Sequence[Row],
    checks: Sequence[FailedCheck],
) -> Iterator[Evidence]:
    for row in held:
        yield Evidence("held table", row["table_name"], row["reason"])
    for check in sorted(checks, key=lambda c: not c.blocks):
        what = "blocking check" if check.blocks else "warning check"
        name = f"{check.asset}: {check.check}"
        numbers = str(plain(check.figures))
        yield Evidence(what, name, check.says, numbers, f"run {check.run_id}")
    for alike in group_by_cause(files, lambda f: (f["what"], f["reader"], f["reason"])):
        first = alike[0]
        what = f"unread {first['what']}"
        counted = _count(alike)
        yield Evidence(what, first["path"], first["reason"], counted, first["reader"])


def _count(files: Sequence[Row]) -> str:
    """ "1 file", "3 files and records"."""
    kinds = sorted({row["what"] for row in files})
    names = [f"{kind}s" if len(files) > 1 else kind for kind in kinds]
    return f"{len(files)} {' and '.join(names)}"


def _list_said(kind: Kind, files: Sequence[Row]) -> list[str]:
    """What intake itself says that helps."""
    if kind is not Kind.BAD_FILE:
        return []
    return list(dict.fromkeys(row["remedy"] for row in files if row["remedy"]))


def _list_assets(held: Sequence[Row]) -> tuple[str, ...]:
    from checks.gates import SESSION_ASSETS

    names = {row["table_name"] for row in held}
    return tuple(
        "/".join(key)
        for key, tables in SESSION_ASSETS.items()
        if names.intersection(tables)
    )


def _list_stopped(catalog: Catalog, session: str, held: Sequence[Row]) -> Iterator[str]:
    """Tables whose rows of it readers do not get, and what comes after their assets and lacks the session."""
    from assets.stages import list_session_steps

    for row in held:
        yield f"rows of {session} in {row['table_name']} for readers, and so for datasets"
    stopped = {tuple(asset.split("/")) for asset in _list_assets(held)}
    for step in list_session_steps():
        if stopped.intersection(step.after):
            stopped.update(step.keys)
            yield from (f"{'/'.join(key)} of {session}" for key in step.keys)
