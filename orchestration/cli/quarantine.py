"""The verbs for what could not be read: list it, take it again, acknowledge it. No verb deletes anything."""

import datetime
import getpass
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from orchestration.cli.intake import take_in
from orchestration.cli.output import Json, join_lines, say

quarantine_app = typer.Typer(
    no_args_is_help=True,
    help="List what could not be read, take it again, acknowledge it.",
)
_SHOWN = 20  # entries a session, for people
Session = Annotated[str, typer.Argument(help="The session whose files are meant.")]
Paths = Annotated[
    list[str] | None,
    typer.Option(
        "--path",
        metavar="PATH",
        help="Only files like this, as in 'left/*.jpg'; several times for more.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say which files are meant; change nothing.")
]


@quarantine_app.command("list")
def list_(
    session: Annotated[
        str | None, typer.Argument(help="One session; by default all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show each file and record that could not be read, with the reason and what to do."""
    from assets.retrieval.quarantine import list_quarantine
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog, open_landing_zone, open_ledger

    settings = load_settings()
    zone = open_landing_zone(settings, open_ledger(settings))
    if session is not None:
        zone.locate(session)
    rows = list_quarantine(build_catalog(settings), zone, session)
    if as_json:
        return say(True, rows, "")
    print(_list_entries(rows) or "nothing is in quarantine")


@quarantine_app.command()
def retry(
    session: Session,
    paths: Paths = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Take quarantined files again, after a reader was mended or added; with --path dropped ones too.

    What was read before is known and stays.
    """
    from assets.retrieval.quarantine import find_files, reopen
    from orchestration.profiles import load_settings
    from orchestration.resources import build_landing_zone

    settings = load_settings()
    zone = build_landing_zone(settings)
    states = ("quarantined", "dropped") if paths else ("quarantined",)
    found = find_files(zone, session, paths or [], states)
    if dry_run:
        return _say_found(as_json, found, "would be taken again")
    reopened, gone = reopen(zone, found)
    facts, text = take_in(settings, zone.locate(session), session)
    names = [o.path for o in gone]
    lines = [
        f"{len(reopened)} files taken again",
        *(f"  no longer there: {name}" for name in names),
    ]
    say(
        as_json,
        {**facts, "retried": [o.path for o in reopened], "gone": names},
        f"{join_lines(lines)}\n{text}",
    )


@quarantine_app.command()
def drop(
    session: Session,
    paths: Paths = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Acknowledge quarantined files: they are kept, and named no more as something to mend."""
    from assets.retrieval.quarantine import drop, find_files
    from orchestration.profiles import load_settings
    from orchestration.resources import build_landing_zone

    zone = build_landing_zone(load_settings())
    found = find_files(zone, session, paths or [], ("quarantined",))
    if dry_run:
        return _say_found(as_json, found, "would be dropped")
    if not yes:
        print(_list_found(found, "to drop"), file=sys.stderr)
        typer.confirm(f"acknowledge these {len(found)} files?", abort=True, err=True)
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    drop(zone, found, getpass.getuser(), now)
    _say_found(as_json, found, "dropped; the bytes stay where they are")
    if not as_json:
        print(f"ingest {session} again, and no check counts them")


def _list_entries(rows: Sequence[dict[str, Any]]) -> str:
    lines = []
    for session in sorted({row["session"] for row in rows}):
        mine = [row for row in rows if row["session"] == session]
        lines.append(f"{session}: {len(mine)} in quarantine")
        for row in mine[:_SHOWN]:
            where = (
                row["path"]
                if row["offset"] is None
                else f"{row['path']} at byte {row['offset']}"
            )
            lines += [
                f"  {row['what']} {where} ({row['reader']})",
                f"      {row['reason']}",
                f"      -> {row['remedy']}",
            ]
        lines += [f"  ... {len(mine) - _SHOWN} more: --json prints all"] * (
            len(mine) > _SHOWN
        )
    return join_lines(lines)


def _say_found(as_json: bool, found: Sequence[Any], what: str) -> None:
    rows = [{"session": o.session, "path": o.path, "reason": o.reason} for o in found]
    say(as_json, rows, _list_found(found, what))


def _list_found(found: Sequence[Any], what: str) -> str:
    return join_lines(
        [
            f"{len(found)} files {what}:",
            *(f"  {o.session}: {o.path}: {o.reason}" for o in found),
        ]
    )
