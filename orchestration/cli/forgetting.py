"""The verb that forgets: what is named goes from the next release, and is not taken in again until that is undone."""

import getpass
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.wall_clock import tell_second
from assets.wording import many
from orchestration.cli import erasing
from orchestration.cli.intake import take_in
from orchestration.cli.output import Json, join_lines, say
from orchestration.profiles import Settings, load_settings

if TYPE_CHECKING:
    from assets.capture.forgetting import Holdings, Target
    from assets.exclusions import Exclusion

_STAYS = (
    "bytes are not erased: files, blobs, older versions of the tables and old releases stay as they are; "
    "--erase takes those too"
)
_SHOWN = 20  # of what is named, for people


def forget(
    named: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SESSION|SESSION/PATH|PLACE|CAPTURE|FRAME",
            help="Sessions, files or folders of one, where they lie (a path, s3://...), or ids: all in one go.",
        ),
    ] = None,
    because: Annotated[
        str,
        typer.Option(
            metavar="TEXT", help="Why, for whoever asks later; kept with who and when."
        ),
    ] = "",
    keep_rows: Annotated[
        bool,
        typer.Option(
            "--keep-rows",
            help="Look at the session's place no more; what was taken in stays.",
        ),
    ] = False,
    erase: Annotated[
        bool,
        typer.Option(
            "--erase",
            help="For good: bytes go too, from every store. Wants --because.",
        ),
    ] = False,
    region: Annotated[
        str,
        typer.Option(
            metavar="X,Y,W,H",
            help="Of one picture: erase it, and take it in anew with these pixels filled.",
        ),
    ] = "",
    resume: Annotated[
        bool, typer.Option("--resume", help="End an erasure that was cut short.")
    ] = False,
    alone: Annotated[
        bool,
        typer.Option(
            "--alone",
            help="Tables in a bucket: you have ended every other process that has them open, so bytes may go.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    undo: Annotated[
        bool,
        typer.Option(
            "--undo",
            help="Take it back, and take in what still lies there; of an erased file: let it in again.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go; change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take rows out of the next release, and keep what they came from from being taken in again.

    Bytes stay, and so do old releases, which are named; --undo takes it back. With --erase bytes go as well: from old
    versions, releases, blobs, caches, logs, Dagster and MLflow, with a certificate that `verify` checks. Nothing is
    changed where one of the names means nothing. Without --because the record says who and when.
    """
    from assets.capture.forgetting import find_targets
    from assets.exclusions import WHOLE, Exclusion
    from orchestration.resources import build_landing_zone

    settings = load_settings()
    by, at = getpass.getuser(), tell_second()
    if resume:
        return erasing.resume(settings, dry_run, alone, as_json)
    if not named:
        raise ValueError("nothing is named: give a session, a file of one, or an id")
    if undo and not dry_run:
        lifted = erasing.lift(settings, named, by, at, because)
        named = [name for name in named if name not in lifted]
        if lifted and not named:
            told = f"let in again: {', '.join(lifted)}; ingest its session"
            return say(as_json, {"lifted": lifted, "undone": True}, told)
    named = erasing.name_ids(settings, named)
    targets = find_targets(build_landing_zone(settings), named)
    if undo:
        return _undo(settings, targets, as_json, dry_run)
    if erase or region:
        order = erasing.Order(targets, region, because, by, at, not yes, alone)
        return erasing.erase(settings, order, dry_run, as_json)
    parts = [str(target) for target in targets if target.path != WHOLE]
    if keep_rows and parts:
        raise ValueError(
            f"--keep-rows gives up whole sessions, and {', '.join(parts)} is a part of one: leave it out"
        )
    exclusions = [
        Exclusion(t.session, t.path, keep_rows, because, by, at) for t in targets
    ]
    held, all_held = _measure(settings, exclusions)
    facts: dict[str, Any] = {
        "targets": [
            {"session": t.session, "path": t.path, **asdict(h)}
            for t, h in zip(targets, held, strict=True)
        ],
        **asdict(all_held),
        "keeps_rows": keep_rows,
        "reason": because,
        "by": by,
        "at": at,
        "undone": False,
        "dry_run": dry_run,
    }
    if not dry_run:
        _forget(settings, exclusions)
    say(as_json, facts, _describe(facts, targets))


def _measure(
    settings: Settings, exclusions: "Sequence[Exclusion]"
) -> "tuple[list[Holdings], Holdings]":
    """What each exclusion covers, and all together."""
    from assets.capture.forgetting import Holdings, read_contents
    from orchestration.resources import build_catalog, build_ledger

    catalog, ledger = build_catalog(settings), build_ledger(settings)
    mine_of = _group(exclusions)
    contents = {name: read_contents(catalog, ledger, name) for name in mine_of}
    held = [contents[e.session].count([e]) for e in exclusions]
    sums = [contents[name].count(mine) for name, mine in mine_of.items()]
    return held, Holdings(
        sum(h.files for h in sums),
        sum(h.frames for h in sums),
        sum(h.labels for h in sums),
        sum(h.calibrations for h in sums),
        tuple(sorted({release for h in sums for release in h.releases})),
    )


def _forget(settings: Settings, exclusions: "Sequence[Exclusion]") -> None:
    from assets.capture.forgetting import forget
    from orchestration.resources import build_intake
    from orchestration.session import judge_again

    intake = build_intake(settings)
    for session, mine in _group(exclusions).items():
        _note(settings, "forget", mine)
        forget(intake, mine)
        if not all(exclusion.keeps_rows for exclusion in mine):
            judge_again(settings, session)


def _note(settings: Settings, act: str, exclusions: "Sequence[Exclusion]") -> None:
    """Leave it in the record of acts, in the name of who does it now."""
    from assets.audit import Act, note

    for one in exclusions:
        of = "/".join(filter(None, (one.session, one.path)))
        note(settings.home, Act(act, getpass.getuser(), of, one.reason))


def _group(exclusions: "Sequence[Exclusion]") -> "dict[str, list[Exclusion]]":
    """By session."""
    found: dict[str, list[Exclusion]] = {}
    for exclusion in exclusions:
        found.setdefault(exclusion.session, []).append(exclusion)
    return found


def _describe(facts: dict[str, Any], targets: "Sequence[Target]") -> str:
    is_plan = facts["dry_run"]
    lines = []
    for target, held in zip(targets, facts["targets"], strict=True):
        if facts["keeps_rows"]:
            said = "would be" if is_plan else "is"
            frames = f"its {held['frames']} frames stay in the tables"
            lines.append(f"{target} {said} looked at no more; {frames}")
        else:
            lines.append(f"{target}: {_count(held)} {_tell_going(is_plan)}")
    if len(lines) > _SHOWN:
        lines[_SHOWN:] = [f"... {len(lines) - _SHOWN} more: --json prints all"]
    if facts["keeps_rows"]:
        return join_lines(lines)
    if len(targets) > 1:
        lines.append(f"together: {_count(facts)} {_tell_going(is_plan)}")
    if facts["releases"]:
        lines.append(f"releases that hold them still: {', '.join(facts['releases'])}")
    return join_lines([*lines, _STAYS])


def _count(held: dict[str, Any]) -> str:
    told = f"{many(held['files'], 'file')}, {many(held['frames'], 'frame')} and {many(held['labels'], 'label')}"
    if held["calibrations"]:
        told += f", with the calibration of {held['calibrations']} cameras,"
    return told


def _tell_going(is_plan: bool) -> str:
    return "would go from the next release" if is_plan else "go from the next release"


def _undo(
    settings: Settings, targets: "Sequence[Target]", as_json: bool, dry_run: bool
) -> None:
    from orchestration.resources import build_ledger

    ledger = build_ledger(settings)
    found = {
        target: ledger.exclusion(target.session, target.path) for target in targets
    }
    said = [(target, e) for target, e in found.items() if e is not None]
    unsaid = [str(target) for target, e in found.items() if e is None]
    if unsaid:
        raise ValueError(
            f"{', '.join(unsaid)} was not forgotten: `daguerre status` lists what was"
        )
    facts: dict[str, Any] = {
        "targets": [asdict(e) for _, e in said],
        "intakes": [],
        "undone": not dry_run,
        "dry_run": dry_run,
    }
    lines = [f"{target}, forgotten {e.story}" for target, e in said]
    if dry_run:
        return say(
            as_json, facts, join_lines(f"{w}, would be taken in again" for w in lines)
        )
    _note(settings, "undo forget", [e for _, e in said])
    for target, _ in said:
        ledger.include(target.session, target.path)
    for session, mine in _group([e for _, e in said]).items():
        taken, text = _take_back(settings, session, mine)
        facts["intakes"] += taken
        lines += text
    say(as_json, facts, join_lines(lines))


def _take_back(
    settings: Settings, session: str, exclusions: "Sequence[Exclusion]"
) -> tuple[list[dict[str, Any]], list[str]]:
    """Take a session in where it is there, and rows of it were taken out: the facts of that intake, and its lines."""
    from orchestration.resources import build_landing_zone

    if all(exclusion.keeps_rows for exclusion in exclusions):
        return [], [f"session {session} is looked at again"]
    try:
        folder = build_landing_zone(settings).locate(session)
        is_there = folder.exists() and not folder.is_gone
    except (FileNotFoundError, ValueError):
        is_there = False
    if not is_there:
        return [], [f"session {session} is not there: ingest it where it lies"]
    taken, text = take_in(settings, folder, session)
    return [taken], text.splitlines()
