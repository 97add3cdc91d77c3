"""The verbs for what could not be read: list it, take it again, acknowledge it. No verb deletes anything."""

import getpass
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.causes import group_by_cause
from assets.wall_clock import tell_second
from assets.wording import many
from orchestration.cli.intake import take_in
from orchestration.cli.output import Json, join_lines, say
from orchestration.log_lines import tell

if TYPE_CHECKING:
    from assets.ledger import FileOutcome

quarantine_app = typer.Typer(
    no_args_is_help=True,
    help="List what could not be read, take it again, acknowledge it.",
)
_SHOWN = 20  # causes a session, for people
_PLURALS = {"file": "files", "record": "records", "dropped": "dropped files"}
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
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Tell every file and record by itself.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what could not be read, with the reason and what to do: for each cause a count and one example."""
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
    print(_list_entries(rows, verbose) or "nothing is in quarantine")


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
        f"{many(len(reopened), 'file')} taken again",
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
        tell(_list_found(found, "to drop"))
        typer.confirm(f"acknowledge {many(len(found), 'file')}?", abort=True, err=True)
    drop(zone, found, getpass.getuser(), tell_second())
    _say_found(as_json, found, "dropped; the bytes stay where they are")
    if not as_json:
        print(f"ingest {session} again, and no check counts them")


def _list_entries(rows: Sequence[dict[str, Any]], is_verbose: bool) -> str:
    lines = []
    for session in sorted({row["session"] for row in rows}):
        mine = [row for row in rows if row["session"] == session]
        causes = [[row] for row in mine] if is_verbose else group_by_cause(mine, _name)
        shown = causes if is_verbose else causes[:_SHOWN]
        cause = "cause" if len(causes) == 1 else "causes"
        counted = f", {len(causes)} {cause}" * (len(causes) < len(mine))
        lines.append(f"{session}: {_count_entries(mine)} in quarantine{counted}")
        lines += [line for alike in shown for line in _tell_cause(alike)]
        if len(shown) < len(causes):
            more = len(causes) - len(shown)
            lines.append(f"  ... {more} more causes: --verbose or --json tells all")
    return join_lines(lines)


def _count_entries(rows: Sequence[dict[str, Any]]) -> str:
    """'2 files', or '6 records of 1 file', as checks count them."""
    num_records = sum(row["num_records"] for row in rows)
    num_files = len({row["path"].split("!/", 1)[0] for row in rows})
    files = f"{num_files} file{'s' * (num_files > 1)}"
    is_same = num_records == num_files
    return files if is_same else f"{many(num_records, 'record')} of {files}"


def _name(row: dict[str, Any]) -> tuple[str, ...]:
    return row["what"], row["reader"], row["reason"], row["remedy"]


def _tell_cause(alike: Sequence[dict[str, Any]]) -> list[str]:
    """Lines on entries of one cause: how many, and the first of them."""
    row = alike[0]
    offset = row["offset"]
    where = row["path"] if offset is None else f"{row['path']} at byte {offset}"
    others = _PLURALS.get(row["what"], row["what"])
    what = row["what"] if len(alike) == 1 else f"{len(alike)} {others}, the first"
    inside = f", {row['num_records']} records" * (row["num_records"] > 1)
    return [
        f"  {what} {where} ({row['reader']}{inside})",
        f"      {row['reason']}",
        f"      -> {row['remedy']}",
    ]


def _say_found(as_json: bool, found: Sequence["FileOutcome"], what: str) -> None:
    rows = [{"session": o.session, "path": o.path, "reason": o.reason} for o in found]
    say(as_json, rows, _list_found(found, what))


def _list_found(found: Sequence["FileOutcome"], what: str) -> str:
    """How many files, and for each session and cause one of them."""
    lines = [f"{many(len(found), 'file')} {what}:"]
    for alike in group_by_cause(found, lambda o: (o.session, o.reason)):
        first = alike[0]
        count = f"{len(alike)} files, the first " * (len(alike) > 1)
        lines.append(f"  {first.session}: {count}{first.path}: {first.reason}")
    return join_lines(lines)
