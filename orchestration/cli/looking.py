"""The verbs that look and change nothing: state of the home, SQL, hashes, lineage, report."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from assets.foreign_text import for_line
from orchestration.cli.output import (
    Json,
    draw_tree,
    format_bytes,
    join_lines,
    say,
    shorten,
)
from orchestration.cli.tables import Csv, Wide, print_csv, print_table, require_one_form

_ALL_OF_STATUS = "daguerre status --wide"


def status(
    health: Annotated[
        bool,
        typer.Option(
            "--health",
            help="Say too what of the confinement of decoders this system lacks.",
        ),
    ] = False,
    wide: Wide = False,
    as_json: Json = False,
) -> None:
    """Say what is landed, stored, held, quarantined, promoted, drifting and under way. Changes nothing."""
    from assets.ledger import Ledger
    from assets.ledger_file import LedgerFault
    from assets.retrieval.status import Home, read_status
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog, open_landing_zone, open_ledger

    settings = load_settings()

    def read(ledger: Ledger) -> dict[str, Any]:
        zone = open_landing_zone(settings, ledger)
        return read_status(Home(build_catalog(settings), zone, settings.home))

    try:
        facts = {**read(open_ledger(settings)), "ledger_fault": ""}
    except LedgerFault as fault:
        facts = {**read(Ledger("sqlite://")), "ledger_fault": str(fault)}
    if health:
        from assets.sandbox.confinement import list_gaps

        facts["decoders_lack"] = list_gaps()
    if as_json:
        return say(True, facts, "")
    _print_status(facts, wide)


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
    """Read-only SQL over all tables. Columns of bytes are left out and named; JSON has their length and sha256."""
    from assets.retrieval.query import run_query, to_json_rows
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog, open_ledger

    require_one_form(wide, as_csv, as_json)
    settings = load_settings()
    found = run_query(build_catalog(settings), open_ledger(settings), sql, as_json)
    rows = to_json_rows(found.rows)
    if as_json:
        return say(True, rows, "")
    if as_csv:
        print_csv(rows)
    else:
        print_table(rows, None, wide, "--wide or --csv")
    if found.left_out:
        print(f"left out, being bytes: {', '.join(found.left_out)}", file=sys.stderr)


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
        f"{count} {kind}{'es' if kind.endswith('s') else 's'}"
        for kind, count in checked.items()
    )
    lines = [f"{f.kind} {f.id}: {f.reason}. {f.remedy}" for f in findings] or [
        "everything verifies"
    ]
    facts = {
        "checked": checked,
        "wrong": [vars(f) for f in findings],
        "ok": not findings,
    }
    say(as_json, facts, join_lines([f"checked {counts}", *lines]))
    raise typer.Exit(1 if findings else 0)


def lineage(
    kind: Annotated[
        str, typer.Argument(help="capture, frame, release, model or prediction.")
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
    out: Annotated[Path | None, typer.Option(help="Where to write the page.")] = None,
    as_json: Json = False,
) -> None:
    """Write the report of the newest models, datasets, verdicts and drift: one HTML file."""
    from orchestration.profiles import load_settings
    from orchestration.reporting import write_home_report

    settings = load_settings()
    path = write_home_report(settings, out)
    say(as_json, {"report": str(path)}, str(path))


def _print_status(facts: dict[str, Any], is_wide: bool) -> None:
    disk = facts["disk"]
    print(
        f"home {facts['home']}: {format_bytes(disk['home_bytes'])}, {format_bytes(disk['free_bytes'])} free"
    )
    print(f"landing zone {facts['landing_zone']}: {len(facts['sessions'])} sessions")
    if facts["ledger_fault"]:
        fault = for_line(facts["ledger_fault"])
        print(f"  files, sources and leases are not known: {fault}")
    if facts["landing_fault"]:
        print(f"  {for_line(facts['landing_fault'])}")
    for loss in facts["lost"]:
        print(f"  LOST: {for_line(loss['summary'])}")
    if "decoders_lack" in facts:
        _print_confinement(facts["decoders_lack"])
    for s in facts["sessions"]:
        counts = ", ".join(
            f"{s[n]} {n}"
            for n in ("waiting", "ingested", "quarantined", "dropped")
            if s[n]
        )
        print(
            f"  {s['state']:<12} {s['session']}: {s['files']} files ({counts or 'none'}), {s['frames']} frames"
        )
        if s["place"] and not s["place"].endswith(f"/{s['session']}"):
            print(f"      in {for_line(s['place'])}")
        if s["fault"]:
            print(f"      {for_line(s['fault'])}")
        if s["copy_of"]:
            print(f"      already in session {', '.join(s['copy_of'])}")
            continue
        for reason, tables in _group_held(s["held"]).items():
            print(f"      {', '.join(tables)} held: {shorten(reason, 160)}")
    for said in facts["forgotten"]:
        rows = "its rows stay" if said["keeps_rows"] else "its rows are out"
        what = "/".join(filter(None, (said["session"], said["path"])))
        why = shorten(said["reason"] or "no reason was given", 80)
        print(
            f"  forgotten: {for_line(what)} by {said['by']} at {said['at']} ({why}); {rows}"
        )
    for folder in facts["unusable_folders"]:
        print(
            f"  not a session: folder {folder!r}: rename it to letters, digits, '-' and '_'"
        )
    for pause in facts["pauses"]:
        print(f"  {_tell_pause(pause)}")
    print_table(
        [
            t | {"size": format_bytes(t.pop("size_bytes"))}
            for t in map(dict, facts["tables"])
        ],
        "tables",
        is_wide,
        _ALL_OF_STATUS,
    )
    for task in facts["unfollowed"]:
        print(
            f"  MLflow may name another champion of {task} than the tables, which count: "
            "the next training mends that"
        )
    for name in ("champions", "drift", "leases"):
        if facts[name]:
            print_table(facts[name], name.replace("_", " "), is_wide, _ALL_OF_STATUS)
    for request in facts["retraining_requests"]:
        who = f"{request['task']} (champion {request['model_version']}) for {request['session']}"
        print(f"retraining request: {who}: {shorten(request['reason'], 100)}")
        print(f"  -> {for_line(request['answer'])}")


def _group_held(held: list[dict[str, str]]) -> dict[str, list[str]]:
    """Reason -> the tables that are held for it."""
    tables: dict[str, list[str]] = {}
    for decision in held:
        tables.setdefault(decision["reason"], []).append(decision["table"])
    return tables


def _print_confinement(gaps: list[str]) -> None:
    if not gaps:
        print("decoders of foreign images: no privileges, no network, no files")
    for gap in gaps:
        print(f"decoders of foreign images go on without: {gap}")


def _tell_pause(pause: dict[str, Any]) -> str:
    times = "once" if pause["num_failures"] == 1 else f"{pause['num_failures']} times"
    left_s = pause["left_s"]
    then = f"again in {left_s} s" if left_s > 0 else "again at the next look"
    who = pause["session"] or "the landing zone"
    return f"{pause['what']} of {who} failed {times}, {then}: {shorten(pause['reason'], 160)}"
