"""The verb that forgets: what is named goes from the next release, or, with --erase, from every store for good."""

import getpass
from typing import Annotated

import typer

from assets.wall_clock import tell_second
from orchestration.cli import erasing, hiding
from orchestration.cli.output import Json
from orchestration.profiles import load_settings

_Named = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SESSION|SESSION/PATH|PLACE|CAPTURE|FRAME",
        help="Sessions, files or folders of one, where they lie (a path, s3://...), or ids: all in one go.",
    ),
]
_Because = Annotated[
    str,
    typer.Option(
        metavar="TEXT", help="Why, for whoever asks later; kept with who and when."
    ),
]
_KeepRows = Annotated[
    bool,
    typer.Option(
        "--keep-rows",
        help="Look at the session's place no more; what was taken in stays.",
    ),
]
_Erase = Annotated[
    bool,
    typer.Option(
        "--erase", help="For good: bytes go too, from every store. Wants --because."
    ),
]
_Region = Annotated[
    str,
    typer.Option(
        metavar="X,Y,W,H",
        help="Of one picture: erase it, and take it in anew with these pixels filled.",
    ),
]
_Resume = Annotated[
    bool, typer.Option("--resume", help="End an erasure that was cut short.")
]
_Alone = Annotated[
    bool,
    typer.Option(
        "--alone",
        help="Tables in a bucket: you have ended every other process that has them open, so bytes may go.",
    ),
]
_Undo = Annotated[
    bool,
    typer.Option(
        "--undo",
        help="Take it back, and take in what still lies there; of an erased file: let it in again.",
    ),
]
_DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would go; change nothing.")
]


def forget(
    named: _Named = None,
    because: _Because = "",
    keep_rows: _KeepRows = False,
    erase: _Erase = False,
    region: _Region = "",
    resume: _Resume = False,
    alone: _Alone = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    undo: _Undo = False,
    dry_run: _DryRun = False,
    as_json: Json = False,
) -> None:
    """Take rows out of the next release, and keep what they came from from being taken in again.

    Bytes stay, and so do old releases, which are named; --undo takes it back. With --erase bytes go as well: from old
    versions, releases, blobs, caches, logs, Dagster and MLflow, with a certificate that `verify` checks. Nothing is
    changed where one of the names means nothing. Without --because the record says who and when.
    """
    settings = load_settings()
    reason = erasing.Reason(because, getpass.getuser(), tell_second())
    if resume:
        return erasing.resume(settings, dry_run, alone, as_json)
    if not named:
        raise ValueError("nothing is named: give a session, a file of one, or an id")
    if undo:
        return hiding.undo(settings, named, reason, dry_run, as_json)
    targets = hiding.find(settings, named)
    if erase or region:
        how = erasing.Order(targets, region, reason, not yes, alone)
        return erasing.erase(settings, how, dry_run, as_json)
    order = hiding.Order(targets, reason, keep_rows)
    return hiding.hide(settings, order, dry_run, as_json)
