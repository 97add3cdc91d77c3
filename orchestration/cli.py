"""The `daguerre` command: one verb for each thing that a person or a CI job does.

Belongs here: arguments, progress on stderr, results on stdout, exit codes. Does not: the work.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=(
    "Raw sensor captures in, trusted vision models out. All state lies under $DAGUERRE_HOME (.daguerre by default)."
))  # fmt: skip
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else on stdout.")]


@app.command()
def simulate(
    out: Annotated[Path, typer.Argument(help="Folder for the MCAP files.")],
    captures: Annotated[int, typer.Option(help="How many captures.")] = 1,
    seconds: Annotated[float, typer.Option(help="Length of each.")] = 8.0,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 0,
    shift: Annotated[str | None, typer.Option(help="Change the world: dusk, sensor_noise, ...")] = None,
    fault: Annotated[str | None, typer.Option(help="Break the first capture: corrupt_frame, ...")] = None,
    as_json: Json = False,
) -> None:
    """Write simulated captures with exact ground truth."""
    from assets.capture.simulate import SimulationSpec, simulate

    spec = SimulationSpec(captures, seconds, seed, shift, fault)
    with _progress("simulating", "frames") as tick:
        paths = simulate(out, spec, tick)
    _say(as_json, {"captures": [str(p) for p in paths]}, "\n".join(str(p) for p in paths))


@app.command()
def ingest(
    source: Annotated[str, typer.Argument(metavar="PATH_OR_URI", help="A folder, a file, or s3://bucket/prefix.")],
    session: Annotated[str | None, typer.Option(help="Name of the session; by default the folder's.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Say what each file would be read as; write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Take files in exactly once, check them, and publish what passes. Exits 0 when every file has an outcome."""
    from assets.storage import Folder, session_key
    from orchestration.profiles import load_settings
    from orchestration.resources import build_intake, build_landing_zone

    settings = load_settings()
    folder = Folder(source, settings.file_options)
    if dry_run:
        return _say(as_json, *_plan(folder))
    from checks.gates import INTAKE_TABLES, gate_session

    intake, key = build_intake(settings), session_key(session or _name_of(folder.uri))
    if not folder.exists():
        raise FileNotFoundError(f"{folder.uri} does not exist: check the path or the bucket")
    build_landing_zone(settings).register(key, folder)
    with _progress(f"ingesting {key}", "files") as tick:
        report = intake.ingest(folder, key, lambda done, total, _path: tick(done, total))
    verdicts = [v for table in INTAKE_TABLES for v in gate_session(intake.catalog, table, key)]
    failed = [{"check": v.name, "blocks": v.stops, "summary": v.summary} for v in verdicts if not v.passed]
    facts = {**vars(report), "published": not any(v.stops for v in verdicts), "failed_checks": failed}
    lines = [
        f"session {key}: {report.files} files, {report.captures} captures, {report.frames} frames",
        f"{report.new} new, {report.already_ingested} already ingested, {report.quarantined} quarantined, "
        f"{report.problems} unreadable records",
        *(f"  quarantined {r['path']} ({r['reader']}): {r['reason']}. {r['remedy']}" for r in report.reasons[:20]),
        *(
            [f'  ... and {len(report.reasons) - 20} more: daguerre query "select * from quarantine"']
            * (len(report.reasons) > 20)
        ),
        *(f"  {'held' if f['blocks'] else 'warning'}: {f['check']}: {f['summary']}" for f in failed),
    ]
    _say(as_json, facts, "\n".join(lines))


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help='For example "select sensor, count(*) from frames group by sensor".')],
    as_json: Json = False,
) -> None:
    """Read-only SQL over all tables."""
    from assets.retrieval.query import run_query, to_json_rows
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog, build_ledger

    settings = load_settings()
    rows = to_json_rows(run_query(build_catalog(settings), build_ledger(settings), sql))
    if as_json:
        return _say(True, rows, "")
    from rich.console import Console
    from rich.table import Table

    table = Table(*(rows[0] if rows else ["(no rows)"]))
    for row in rows:
        table.add_row(*(_shorten(value) for value in row.values()))
    Console().print(table)


@app.command()
def verify(as_json: Json = False) -> None:
    """Recompute every hash; name what is wrong. Exits 1 when something is."""
    from assets.retrieval.verify import Stores, verify
    from assets.storage import BlobStore
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog, build_ledger

    settings = load_settings()
    blobs = BlobStore(settings.blobs_uri, settings.file_options)
    checked: dict[str, int] = {}
    stores = Stores(build_catalog(settings), build_ledger(settings), blobs, settings.home)
    findings = verify(stores, checked.__setitem__)
    counts = ", ".join(f"{count} {kind}s" for kind, count in checked.items())
    lines = [f"{f.kind} {f.id}: {f.reason}. {f.remedy}" for f in findings] or ["everything verifies"]
    facts = {"checked": checked, "wrong": [vars(f) for f in findings], "ok": not findings}
    _say(as_json, facts, "\n".join([f"checked {counts}", *lines]))
    raise typer.Exit(1 if findings else 0)


@app.command()
def lineage(
    kind: Annotated[str, typer.Argument(help="capture, frame, release, model or prediction.")],
    wanted_id: Annotated[str, typer.Argument(metavar="ID", help="The id, or a unique beginning of it.")],
    as_json: Json = False,
) -> None:
    """Trace one thing upstream to file and byte offset, and downstream to models and predictions."""
    from assets.retrieval.lineage import trace
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    found = trace(build_catalog(load_settings()), kind, wanted_id)
    _say(as_json, found, _draw_tree(found))


@app.command()
def report(
    out: Annotated[Path | None, typer.Option(help="Where to write the page.")] = None, as_json: Json = False
) -> None:
    """Write the report of the newest models, datasets, verdicts and drift: one HTML file."""
    from orchestration.profiles import load_settings
    from orchestration.reporting import write_home_report

    settings = load_settings()
    path = write_home_report(settings, out)
    _say(as_json, {"report": str(path)}, str(path))


@app.command()
def demo(
    source: Annotated[str | None, typer.Option(help="Real data in place of the simulated sessions.")] = None,
    task: Annotated[str | None, typer.Option(help="detection or recognition, with --source.")] = None,
    recipe: Annotated[str | None, typer.Option(help="Training recipe, with --source: base_<task> by default.")] = None,
    as_json: Json = False,
) -> None:
    """Run the whole loop: land, ingest, check, curate, train, register, monitor, report."""
    from orchestration.demo import run_demo
    from orchestration.profiles import load_settings

    summary = run_demo(load_settings(), source, task, recipe)
    _say(as_json, summary, "")


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port of the Dagster UI on 127.0.0.1.")] = 3000,
    mlflow_port: Annotated[int, typer.Option(help="Port of the MLflow UI on 127.0.0.1.")] = 5000,
) -> None:
    """Serve Dagster (webserver and daemon) and MLflow on loopback until interrupted."""
    from orchestration.profiles import load_settings
    from orchestration.ui import serve

    raise typer.Exit(serve(load_settings(), port, mlflow_port))


def main() -> None:
    """Run the command; a user's mistake becomes one line on stderr and exit code 2."""
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # Ray stays on loopback
    try:
        app(standalone_mode=True)
    except (ValueError, OSError) as error:
        if os.environ.get("DAGUERRE_TRACEBACK"):
            raise
        print(f"daguerre: {error}", file=sys.stderr)
        raise SystemExit(2) from error


def _plan(folder: Any) -> tuple[dict[str, Any], str]:
    from assets.capture.readers import plan_session

    plans, leftovers = plan_session(folder.files(), folder.open)
    captures = [{"reader": p.reader, "root": p.root, "files": len(p.files), **p.notes} for p in plans]
    unread = [{"path": left.file.path, "reason": left.reason} for left in leftovers]
    lines = [f"{c['reader']}: {c['root'] or '.'} ({c['files']} files)" for c in captures]
    lines += [f"not data: {u['path']}: {u['reason']}" for u in unread]
    return {"captures": captures, "unread": unread}, "\n".join(lines)


def _name_of(uri: str) -> str:
    return uri.rstrip("/").rsplit("/", 1)[-1]


@contextmanager
def _progress(title: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr; silent where stderr is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(title)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _say(as_json: bool, facts: Any, text: str) -> None:
    print(json.dumps(facts, indent=2, default=str) if as_json else text)


def _shorten(value: Any, limit: int = 60) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _draw_tree(value: Any, indent: str = "", limit: int = 12) -> str:
    lines = []
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            lines.append(f"{indent}{name}: {len(inner)}")
            lines += [
                f"{indent}  - " + ", ".join(f"{k} {_shorten(v, 40)}" for k, v in row.items() if v is not None)
                for row in inner[:limit]
            ]
            lines += [f"{indent}  ... {len(inner) - limit} more: --json prints all"] * (len(inner) > limit)
        elif isinstance(inner, dict):
            lines += [f"{indent}{name}", _draw_tree(inner, indent + "  ")]
        else:
            lines.append(f"{indent}{name}: {_shorten(inner, 100)}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
