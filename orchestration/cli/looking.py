"""The verbs that look and change nothing: state of the home, SQL, hashes, lineage, report."""

import getpass
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.addresses import hide
from assets.foreign_text import for_line
from orchestration.cli.output import (
    Json,
    draw_tree,
    join_lines,
    say,
)
from orchestration.cli.progress import show_activity
from orchestration.cli.status_text import print_status, tell_gaps
from orchestration.cli.tables import Csv, Wide, print_csv, print_table, require_one_form
from orchestration.log_lines import tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assets.departures import Departure
    from assets.retrieval.query import Held
    from orchestration.profiles import Settings

_UNHEALTHY = 3
_MOST_HELD = 8  # sessions on one line


def status(
    health: Annotated[
        bool,
        typer.Option(
            "--health",
            help="Try each address first: what may be done there, what is missing. Exits 3 where something is.",
        ),
    ] = False,
    wide: Wide = False,
    as_json: Json = False,
) -> None:
    """Say what is landed, stored, held, quarantined, promoted, drifting and under way. Changes nothing."""
    from assets.ledger import Ledger, LedgerFault
    from assets.retrieval.status import Home, read_status
    from orchestration.profiles import load_settings
    from orchestration.resources import (
        build_catalog,
        build_tracker,
        open_landing_zone,
        open_ledger,
    )

    settings = load_settings()
    healthy = _examine(settings, as_json) if health else {}

    def read(ledger: Ledger) -> dict[str, Any]:
        zone = open_landing_zone(settings, ledger)
        catalog = build_catalog(settings)
        registry = build_tracker(settings).reader
        return read_status(
            Home(
                catalog,
                zone,
                settings.home,
                settings.dagster_url,
                registry,
                settings.workspace.policy.remind_days,
            )
        )

    try:
        facts = {**read(open_ledger(settings)), "ledger_fault": ""}
    except LedgerFault as fault:
        facts = {**read(Ledger("sqlite://")), "ledger_fault": str(fault)}
    if as_json:
        return say(True, {**facts, **healthy}, "")
    print_status(facts, wide)


def _examine(settings: "Settings", as_json: bool) -> dict[str, Any]:
    """Try each address and say what was found. Ends with 3 where something is missing: the home is not read then."""
    from assets.sandbox.confinement import list_gaps
    from orchestration.health import examine

    findings = examine(settings)
    gaps = list_gaps()
    facts = {
        "health": [
            {**asdict(found), "address": hide(found.address), "ok": found.is_good}
            for found in findings
        ],
        "decoders_lack": gaps,
    }
    is_good = all(found.is_good for found in findings)
    if not as_json:
        print(join_lines([*(found.line for found in findings), *tell_gaps(gaps)]))
    elif not is_good:
        say(True, facts, "")
    if not is_good:
        raise typer.Exit(_UNHEALTHY)
    return facts


def query(
    sql: Annotated[
        str,
        typer.Argument(
            help='For example "select sensor, count(*) from frames group by sensor".'
        ),
    ],
    wide: Wide = False,
    as_csv: Csv = False,
    as_json: Json = False,
) -> None:
    """Read-only SQL over all tables. Columns of bytes are left out and named; JSON has their length and sha256.

    Columns that the statement names are always shown. Of those that `*` stands for, the ones that fit: first what
    differs from row to row, then what is the same in all, where rows are from, hashes, and what is empty.

    Rows are the newest, those of held sessions too, which are named on stderr and in JSON.
    """
    from assets.audit import Act, note
    from assets.retrieval.query import run_query, to_json_rows
    from orchestration.cli.columns import rank_columns
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog, open_ledger

    require_one_form(wide, as_csv, as_json)
    settings = load_settings()
    found = run_query(build_catalog(settings), open_ledger(settings), sql, as_json)
    if found.restricted:
        what = ", ".join(found.restricted)
        note(settings.home, Act("read", getpass.getuser(), what, sql))
    rows = to_json_rows(found.rows)
    if as_json:
        held = [vars(held) for held in found.held]
        return say(True, {"rows": rows, "held": held}, "")
    if found.held:
        tell(for_line(_tell_held(found.held)))
    if as_csv:
        print_csv(rows)
    else:
        order = rank_columns(rows, found.named)
        print_table(rows, None, wide, "--wide or --csv", order, found.named)
    if found.left_out:
        tell(f"left out, being bytes: {', '.join(found.left_out)}")


def _tell_held(held: "Sequence[Held]") -> str:
    """Which sessions are held, of which tables, and what to do about it."""
    tables: dict[str, list[str]] = {}
    for one in held:
        tables.setdefault(one.session, []).append(one.table)
    told = [
        f"{session} ({', '.join(names)})" if session else ", ".join(names)
        for session, names in tables.items()
    ]
    more = f" and {len(told) - _MOST_HELD} more" if len(told) > _MOST_HELD else ""
    return (
        f"held, and not for training: {', '.join(told[:_MOST_HELD])}{more}; `daguerre status` says why, and "
        "`session not in (select session from publications where is_held)` leaves them out"
    )


def verify(as_json: Json = False) -> None:
    """Recompute every hash; name what is wrong. Exits 1 when something is."""
    from assets.retrieval.verify import Stores, verify
    from assets.storage import BlobStore
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog, build_tracker, open_ledger

    settings = load_settings()
    blobs = BlobStore(settings.blobs_uri, settings.file_options)
    checked: dict[str, int] = {}
    stores = Stores(
        build_catalog(settings),
        open_ledger(settings),
        blobs,
        settings.home,
        build_tracker(settings).reader,
    )
    findings = verify(stores, checked.__setitem__)
    counts = ", ".join(
        f"{count} {kind if count == 1 else kind + ('es' if kind.endswith('s') else 's')}"
        for kind, count in checked.items()
        if count
    )
    lines = [f"{f.kind} {f.id}: {f.reason}. {f.remedy}" for f in findings] or [
        "everything verifies"
    ]
    facts = {
        "checked": checked,
        "wrong": [vars(f) for f in findings],
        "ok": not findings,
    }
    say(as_json, facts, join_lines([f"checked {counts or 'nothing'}", *lines]))
    raise typer.Exit(1 if findings else 0)


def lineage(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="capture, frame, release, model, prediction, track, depth, sparse, splats, mesh, mount, gravity or "
            "box.",
        ),
    ],
    wanted_id: Annotated[
        str, typer.Argument(metavar="ID", help="The id, or a unique beginning of it.")
    ],
    as_json: Json = False,
) -> None:
    """Trace one thing upstream to file and byte offset, and downstream to models and predictions."""
    from assets.retrieval.lineage import trace
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    found = trace(build_catalog(load_settings()), kind, wanted_id)
    say(as_json, found, draw_tree(found))


def report(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL|RELEASE|SESSION",
            help="The page of this one: an id or a beginning of it, TASK/VERSION, TASK, which is its champion, or a "
            "session by name.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the page.")] = None,
    as_json: Json = False,
) -> None:
    """Write the report of the newest models, datasets, verdicts and drift, or the page of one model, dataset or
    session: one HTML file."""
    from assets.departures import leaving
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    if out is not None and out.is_dir():
        raise ValueError(f"--out {out} is a folder: name a file in it")
    settings = load_settings()
    with show_activity("loading what draws") as enter:
        write, departure = _choose_page(settings, name)
        place = departure.place = write(out=out, enter=enter)
    if out is not None:
        with leaving(build_catalog(settings), departure):
            pass
    say(as_json, {"report": place}, place)


def _choose_page(
    settings: "Settings", name: str | None
) -> "tuple[Callable[..., str], Departure]":
    """What writes the page of a name, and what leaves with it: of a session, a model, or else a release; without one,
    of the home.

    Raises ValueError for a name that is none of these.
    """
    from assets.comparison.pair import find_model
    from assets.departures import PAGE, Departure
    from assets.tables.catalog import session_is
    from assets.tables.ids import begins_with, complete_id
    from models.known_tasks import all_task_names
    from orchestration import reporting
    from orchestration.resources import build_catalog, build_tracker

    leaves = partial(Departure, PAGE, f"report of {name or 'the home'}", "")
    if name is None:
        return partial(reporting.write_home_report, settings), leaves()
    catalog, tracker = build_catalog(settings), build_tracker(settings)
    if name not in all_task_names() and "/" not in name:
        if len(catalog.read_latest("captures", ["session"], session_is(name))):
            write = partial(reporting.write_session_page, settings, name)
            return write, leaves(sessions=[name])
        try:
            starts = begins_with("models", name)
            if not len(catalog.read_latest("models", ["model_sha256"], starts)):
                release_id = complete_id(catalog, "releases", name)
                write = partial(reporting.write_release_page, settings, release_id)
                return write, leaves(release_id=release_id)
        except ValueError as error:
            raise ValueError(f"no session is called '{name}', and {error}") from error
    model = find_model(
        catalog, name, lambda task, n: tracker.version(task, n).model_sha256
    )
    sha256, release_id = model["model_sha256"], model["release_id"]
    return partial(reporting.write_model_page, settings, model), leaves(
        release_id=release_id, model_sha256=sha256
    )
