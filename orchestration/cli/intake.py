"""The verbs that bring data in: write simulated captures, take files in."""

from contextlib import AbstractContextManager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.addresses import hide
from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import Tick, show_progress
from orchestration.profiles import Settings, load_settings

if TYPE_CHECKING:
    from assets.stages import SessionStep

RECORDINGS = ("capture", "recordings")
FRAMES = ("capture", "frames")


def simulate(
    out: Annotated[Path, typer.Argument(help="Folder for the MCAP files.")],
    captures: Annotated[int, typer.Option(help="How many captures.")] = 1,
    seconds: Annotated[float, typer.Option(help="Length of each.")] = 8.0,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 0,
    shift: Annotated[
        str | None, typer.Option(help="Change the world: dusk, sensor_noise, ...")
    ] = None,
    fault: Annotated[
        str | None, typer.Option(help="Break the first capture: corrupt_frame, ...")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write simulated captures with exact ground truth."""
    from assets.capture.simulate import SimulationSpec, simulate

    spec = SimulationSpec(captures, seconds, seed, shift, fault)
    with show_progress("simulating", "frames") as tick:
        paths = simulate(out, spec, tick)
    say(
        as_json, {"captures": [str(p) for p in paths]}, "\n".join(str(p) for p in paths)
    )


def ingest(
    source: Annotated[
        str,
        typer.Argument(
            metavar="PATH_OR_URI", help="A folder, a file, or s3://bucket/prefix."
        ),
    ],
    session: Annotated[
        str | None, typer.Option(help="Name of the session; by default the folder's.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option(help="Say what each file would be read as; write nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take files in exactly once, check them, and publish what passes. Exits 0 when every file has an outcome.

    Everything that a session needs is made at once: clocks are compared, frames measured and embedded (some seconds).
    """
    from assets.storage import Folder, session_key
    from orchestration.resources import build_landing_zone

    settings = load_settings()
    folder = Folder(source, settings.file_options)
    if dry_run:
        return say(as_json, *_plan(folder))
    key = session_key(session or _name_of(folder.uri))
    if not folder.exists():
        raise FileNotFoundError(
            f"{folder.uri} does not exist: check the path or the bucket"
        )
    zone = build_landing_zone(settings)
    zone.register(key, folder)
    taken = take_in(settings, folder, key)
    for what in ("listing", "intake"):
        zone.ledger.end_pause(what, key)
    say(as_json, *taken)


def forget_source(
    session: Annotated[
        str, typer.Argument(help="A session that lies outside the landing zone.")
    ],
    as_json: Json = False,
) -> None:
    """Forget where a session outside the landing zone lies: it is looked at no more. All that was taken in stays."""
    from orchestration.resources import build_ledger

    uri = build_ledger(load_settings()).forget_source(session)
    if uri is None:
        raise ValueError(
            f"no source is registered as '{session}': `daguerre status` lists the sessions"
        )
    uri = hide(uri)
    say(
        as_json,
        {"session": session, "uri": uri},
        f"{uri} is not looked at any more; rows, blobs and outcomes of {session} stay",
    )


def take_in(
    settings: Settings, folder: Any, session: str
) -> tuple[dict[str, Any], str]:
    """Take the session's files in, and make, check and publish all that it needs: facts and text of what came of it."""
    from assets.capture.label_summary import describe_labels, summarise_labels
    from orchestration.resources import build_catalog
    from orchestration.session import run_session

    catalog = build_catalog(settings)

    def show(step: "SessionStep") -> AbstractContextManager[Tick]:
        # how many frames there are tells more than how many files
        is_intake = FRAMES in step.keys
        count_frames = partial(_count_frames, catalog) if is_intake else None
        return show_progress(f"{step.doing} {session}", step.unit, count_frames)

    outcome = run_session(settings, session, folder, show)
    report = outcome.made[RECORDINGS]
    verdicts = outcome.verdicts
    summary = summarise_labels(catalog, session)
    failed = [
        {"check": v.name, "blocks": v.stops, "summary": v.summary}
        for v in verdicts
        if not v.passed
    ]
    labels = {
        "labels": [asdict(task) for task in summary.tasks],
        "left_out": dict(summary.left_out),
    }
    facts = {
        **vars(report),
        "published": not outcome.held,
        "failed_checks": failed,
        **labels,
    }
    lines = [
        f"session {session}: {report.files} files, {report.captures} captures, {report.frames} frames",
        f"{report.new} new, {report.already_ingested} already ingested, {report.quarantined} quarantined, "
        f"{report.problems} unreadable records"
        + f", {report.dropped} dropped"
        * bool(report.dropped),
        *(
            [f"{report.retracted} labels taken back: their files are gone"]
            * bool(report.retracted)
        ),
        *describe_labels(summary),
        *(
            f"  quarantined {r['path']} ({r['reader']}): {r['reason']}. {r['remedy']}"
            for r in report.reasons[:20]
        ),
        *(
            [
                f"  ... and {len(report.reasons) - 20} more: daguerre quarantine list {session}"
            ]
            * (len(report.reasons) > 20)
        ),
        *(
            f"  {'held' if f['blocks'] else 'warning'}: {f['check']}: {f['summary']}"
            for f in failed
        ),
    ]
    return facts, join_lines(lines)


def _plan(folder: Any) -> tuple[dict[str, Any], str]:
    from assets.formats import plan_session

    plans, leftovers = plan_session(folder.files(), folder.open)
    captures = [
        {"reader": p.reader, "root": p.root, "files": len(p.files), **p.notes}
        for p in plans
    ]
    unread = [{"path": left.file.path, "reason": left.reason} for left in leftovers]
    lines = [
        f"{c['reader']}: {c['root'] or '.'} ({c['files']} files)" for c in captures
    ]
    lines += [f"not data: {u['path']}: {u['reason']}" for u in unread]
    return {"captures": captures, "unread": unread}, join_lines(lines)


def _name_of(uri: str) -> str:
    return uri.rstrip("/").rsplit("/", 1)[-1]


def _count_frames(catalog: Any) -> int:
    return catalog.dataset("frames").count_rows() if catalog.exists("frames") else 0
