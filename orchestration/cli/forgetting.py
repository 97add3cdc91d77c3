"""The verb that forgets: what is named goes from the next release, and is not taken in again until that is undone."""

import datetime
import getpass
from dataclasses import asdict
from typing import Annotated, Any

import typer

from orchestration.cli.intake import take_in
from orchestration.cli.output import Json, join_lines, say
from orchestration.profiles import Settings, load_settings

_STAYS = "bytes are not erased: files, blobs, older versions of the tables and old releases stay as they are"


def forget(
    named: Annotated[
        str,
        typer.Argument(
            metavar="SESSION|SESSION/PATH|PLACE",
            help="A session, a file or folder of one, or where one lies (a path, s3://...).",
        ),
    ],
    reason: Annotated[
        str, typer.Option(help="Why, for whoever asks later; kept with who and when.")
    ] = "",
    keep_rows: Annotated[
        bool,
        typer.Option(
            "--keep-rows",
            help="Look at the session's place no more; what was taken in stays.",
        ),
    ] = False,
    undo: Annotated[
        bool,
        typer.Option("--undo", help="Take it back, and take in what still lies there."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go; change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take rows out of the next release, and keep what they came from from being taken in again. Bytes are not erased.

    Without --reason the record says who and when. Old releases stay as they are, and those that hold what is forgotten
    are named.
    """
    from assets.capture.forgetting import find_target, measure
    from assets.exclusions import WHOLE, Exclusion
    from orchestration.resources import build_catalog, build_landing_zone

    settings = load_settings()
    zone = build_landing_zone(settings)
    session, path = find_target(zone, named)
    if keep_rows and path != WHOLE:
        raise ValueError(
            f"--keep-rows gives up a whole session, and '{path}' is a part of {session}: leave it out"
        )
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    exclusion = Exclusion(session, path, keep_rows, reason, getpass.getuser(), now)
    known = zone.ledger.outcomes(session)
    paths = [p for (p, _), o in known.items() if o.outcome != "gone"]
    held = measure(build_catalog(settings), paths, exclusion)
    facts: dict[str, Any] = {
        **asdict(exclusion),
        **asdict(held),
        "undone": False,
        "dry_run": dry_run,
    }
    what = f"{session}/{path}" if path else f"session {session}"
    if undo:
        return _undo(settings, session, path, what, as_json, dry_run)
    if not dry_run:
        _forget(settings, exclusion)
    say(as_json, facts, _describe(facts, what))


def _forget(settings: Settings, exclusion: Any) -> None:
    from assets.capture.forgetting import forget
    from orchestration.resources import build_intake
    from orchestration.session import judge_again

    forget(build_intake(settings), exclusion)
    if not exclusion.keeps_rows:
        judge_again(settings, exclusion.session)


def _describe(facts: dict[str, Any], what: str) -> str:
    if facts["keeps_rows"]:
        said = "would be" if facts["dry_run"] else "is"
        return f"{what} {said} looked at no more; its {facts['frames']} frames stay in the tables"
    said = "would go" if facts["dry_run"] else "go"
    counts = (
        f"{facts['files']} files, {facts['frames']} frames and {facts['labels']} labels"
    )
    lines = [f"{what}: {counts} {said} from the next release"]
    if facts["releases"]:
        lines.append(f"releases that hold them still: {', '.join(facts['releases'])}")
    return join_lines([*lines, _STAYS])


def _undo(
    settings: Settings, session: str, path: str, what: str, as_json: bool, dry_run: bool
) -> None:
    from orchestration.resources import build_landing_zone

    zone = build_landing_zone(settings)
    said = zone.ledger.exclusion(session, path)
    if said is None:
        raise ValueError(f"{what} was not forgotten: `daguerre status` lists what was")
    facts = {**asdict(said), "undone": not dry_run, "dry_run": dry_run}
    who = f"{what}, forgotten {said.story}"
    if dry_run:
        return say(as_json, facts, f"{who}, would be taken in again")
    zone.ledger.include(session, path)
    try:
        folder = zone.locate(session)
        is_there = folder.exists() and not folder.is_gone
    except (FileNotFoundError, ValueError):
        is_there = False
    if said.keeps_rows or not is_there:
        where = (
            "is looked at again"
            if said.keeps_rows
            else "is not there: ingest it where it lies"
        )
        return say(as_json, facts, f"{who}: {where}")
    taken, text = take_in(settings, folder, session)
    say(as_json, {**facts, "intake": taken}, join_lines([who, *text.splitlines()]))
