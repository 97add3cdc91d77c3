"""The verbs that bring data in: write simulated captures, take files in."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import show_progress
from orchestration.profiles import Settings, load_settings


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
    with show_progress("simulating", "frames") as tick:
        paths = simulate(out, spec, tick)
    say(as_json, {"captures": [str(p) for p in paths]}, "\n".join(str(p) for p in paths))


def ingest(
    source: Annotated[str, typer.Argument(metavar="PATH_OR_URI", help="A folder, a file, or s3://bucket/prefix.")],
    session: Annotated[str | None, typer.Option(help="Name of the session; by default the folder's.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Say what each file would be read as; write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Take files in exactly once, check them, and publish what passes. Exits 0 when every file has an outcome."""
    from assets.storage import Folder, session_key
    from orchestration.resources import build_landing_zone

    settings = load_settings()
    folder = Folder(source, settings.file_options)
    if dry_run:
        return say(as_json, *_plan(folder))
    key = session_key(session or _name_of(folder.uri))
    if not folder.exists():
        raise FileNotFoundError(f"{folder.uri} does not exist: check the path or the bucket")
    build_landing_zone(settings).register(key, folder)
    say(as_json, *take_in(settings, folder, key))


def take_in(settings: Settings, folder: Any, session: str) -> tuple[dict[str, Any], str]:
    """Take the session's files in, check and publish the rows: facts and text of what came of it."""
    from assets.capture.label_summary import describe_labels, summarise_labels
    from assets.clocks.reports import refresh_clock_reports
    from checks.gates import INTAKE_TABLES, gate_session
    from orchestration.resources import build_intake

    intake = build_intake(settings)
    with show_progress(f"ingesting {session}", "files", lambda: _count_frames(intake.catalog)) as tick:
        report = intake.ingest(folder, session, tick)
    verdicts = [v for table in INTAKE_TABLES for v in gate_session(intake.catalog, table, session)]
    if not any(v.stops for v in verdicts):
        with show_progress(f"comparing the clocks of {session}", "captures") as tick:
            refresh_clock_reports(intake.catalog, session, tick)
        verdicts += gate_session(intake.catalog, "clock_reports", session)
    summary = summarise_labels(intake.catalog, session)
    failed = [{"check": v.name, "blocks": v.stops, "summary": v.summary} for v in verdicts if not v.passed]
    facts = {**vars(report), "published": not any(v.stops for v in verdicts), "failed_checks": failed,
             "labels": [asdict(task) for task in summary.tasks], "left_out": dict(summary.left_out)}  # fmt: skip
    lines = [
        f"session {session}: {report.files} files, {report.captures} captures, {report.frames} frames",
        f"{report.new} new, {report.already_ingested} already ingested, {report.quarantined} quarantined, "
        f"{report.problems} unreadable records" + f", {report.dropped} dropped" * bool(report.dropped),
        *([f"{report.retracted} labels taken back: their files are gone"] * bool(report.retracted)),
        *describe_labels(summary),
        *(f"  quarantined {r['path']} ({r['reader']}): {r['reason']}. {r['remedy']}" for r in report.reasons[:20]),
        *(
            [f"  ... and {len(report.reasons) - 20} more: daguerre quarantine list {session}"]
            * (len(report.reasons) > 20)
        ),
        *(f"  {'held' if f['blocks'] else 'warning'}: {f['check']}: {f['summary']}" for f in failed),
    ]
    return facts, join_lines(lines)


def _plan(folder: Any) -> tuple[dict[str, Any], str]:
    from assets.formats import plan_session

    plans, leftovers = plan_session(folder.files(), folder.open)
    captures = [{"reader": p.reader, "root": p.root, "files": len(p.files), **p.notes} for p in plans]
    unread = [{"path": left.file.path, "reason": left.reason} for left in leftovers]
    lines = [f"{c['reader']}: {c['root'] or '.'} ({c['files']} files)" for c in captures]
    lines += [f"not data: {u['path']}: {u['reason']}" for u in unread]
    return {"captures": captures, "unread": unread}, join_lines(lines)


def _name_of(uri: str) -> str:
    return uri.rstrip("/").rsplit("/", 1)[-1]


def _count_frames(catalog: Any) -> int:
    return catalog.dataset("frames").count_rows() if catalog.exists("frames") else 0
