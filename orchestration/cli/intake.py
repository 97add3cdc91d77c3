"""The verbs that bring data in: write simulated captures, take files in."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.intake_text import (
    describe_intake,
    describe_plan,
    describe_twins,
)
from orchestration.cli.output import Json, join_lines, refuse, say
from orchestration.cli.progress import Tick, show_progress
from orchestration.log_lines import tell
from orchestration.profiles import Settings, load_settings

if TYPE_CHECKING:
    from assets.capture.outlook import Losses
    from assets.stages import SessionStep
    from assets.storage import Folder
    from checks.verdicts import Verdict

RECORDINGS = ("capture", "recordings")
FRAMES = ("capture", "frames")


def simulate(
    folder: Annotated[Path, typer.Argument(help="Where the MCAP files go.")],
    captures: Annotated[int, typer.Option(help="How many captures.")] = 1,
    seconds: Annotated[float, typer.Option(help="Length of each.")] = 8.0,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 0,
    shift: Annotated[
        str | None,
        typer.Option(
            help="Change the world: dusk, sensor_noise, motion_blur, miscalibrated, "
            "late_clock or unseen_object."
        ),
    ] = None,
    fault: Annotated[
        str | None,
        typer.Option(
            help="Break the first capture: dropped_frames, corrupt_frame, truncated_file, "
            "duplicate or wrong_timestamps."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write simulated captures with exact ground truth."""
    from assets.capture.simulate import SimulationSpec, simulate

    spec = SimulationSpec(captures, seconds, seed, shift, fault)
    with show_progress("simulating", "frames") as tick:
        paths = simulate(folder, spec, tick)
    say(
        as_json, {"captures": [str(p) for p in paths]}, "\n".join(str(p) for p in paths)
    )


def ingest(
    source: Annotated[
        str,
        typer.Argument(
            metavar="PLACE", help="A folder, a file, or s3://bucket/prefix."
        ),
    ],
    session: Annotated[
        str | None, typer.Option(help="Name of the session; by default the folder's.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say what each file would be read as; write nothing."
        ),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", help="Tell every file and check by itself."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Take files in exactly once, check them, and publish what passes.

    Exits 1 when the session is held back, when nothing of a sensor or of a recording could be read, and when the place
    holds nothing that could be: then there is no session. So does a dry run, as far as headers, labels and the ends of
    files tell.

    What was taken in before and is gone, or has other bytes by now, goes from the next release. The files of a session
    that lie in a new place, and no more in the old one, are that session.

    Everything that a session needs is made at once: clocks are compared, frames measured and embedded (some seconds).
    """
    from assets.capture.outlook import find_nothing
    from assets.landing import open_place
    from assets.storage import session_key
    from orchestration.cluster import require_cluster
    from orchestration.resources import build_catalog, build_landing_zone

    settings = load_settings()
    folder = open_place(source, settings.file_options)
    name = session or folder.name
    session_key(name)  # raises for one that gives none
    if dry_run:
        with _explaining(folder):
            facts, text = _foresee(settings, folder, name, verbose)
        say(as_json, facts, text)
        would_fail = facts["no_session"] or facts["held"] or facts["silent"]
        raise typer.Exit(1 if would_fail else 0)
    require_cluster(settings)
    zone = build_landing_zone(settings)
    key = zone.name_session(name, folder)
    with _explaining(folder):
        if not zone.ledger.holds_files(key) and key not in zone.ledger.sources():
            nothing = find_nothing(build_catalog(settings), folder)
            if nothing:
                refuse(as_json, nothing)
        former = zone.recognise(key, folder)
        if former:
            tell(f"{key} is the session {former}, under a new name")
            key = former
        elif not zone.take_up(key, folder):
            zone.register(key, folder)
        taken = take_in(settings, zone.locate(key), key, verbose)
        twins = zone.find_twins(key) if taken[0]["new"] else {}
    for what in ("listing", "intake"):
        zone.ledger.end_pause(what, key)
    facts, text = taken
    facts["same_as"] = [{"session": s, "files": n} for s, n in twins.items()]
    say(as_json, facts, "\n".join([text, *describe_twins(key, twins)]))
    raise typer.Exit(1 if fails(facts) else 0)


def fails(facts: Mapping[str, Any]) -> bool:
    """Whether an intake is to be looked at: its session is held back, or nothing of a sensor or recording was read.

    A copy of what another session has is not published either, and nothing is wrong with it.
    """
    is_held = not facts["published"] and not facts["copies"]
    return is_held or bool(facts["silent"])


def take_in(
    settings: Settings, folder: Any, session: str, is_verbose: bool = False
) -> tuple[dict[str, Any], str]:
    """Take the session's files in, and make, check and publish all that it needs: facts and text of what came of it."""
    from assets.capture.contents import (
        count_scans,
        count_signals,
        list_left_out,
        list_silent,
    )
    from assets.capture.label_summary import describe_labels, summarise_labels
    from orchestration.resources import build_catalog, build_landing_zone
    from orchestration.session import run_session

    catalog = build_catalog(settings)
    zone = build_landing_zone(settings)

    def show(step: "SessionStep") -> AbstractContextManager[Tick]:
        # how many frames there are tells more than how many files
        is_intake = FRAMES in step.keys
        count_frames = partial(_count_frames, catalog) if is_intake else None
        return show_progress(f"{step.doing} {session}", step.unit, count_frames)

    outcome = run_session(settings, session, folder, show)
    summary = summarise_labels(catalog, session)
    facts = {
        **vars(outcome.made[RECORDINGS]),
        "signals": count_signals(catalog, session),
        "scans": count_scans(catalog, session),
        "not_read": [str(left) for left in list_left_out(catalog, session)],
        "silent": list_silent(catalog, session, zone.ledger.outcomes(session)),
        "published": not outcome.held,
        "failed_checks": [_tell_check(v) for v in outcome.verdicts if not v.passed],
        "labels": [asdict(task) for task in summary.tasks],
        "left_out": dict(summary.left_out),
    }
    refused = {told["path"] for told in facts["reasons"]}
    lines = describe_intake(facts, describe_labels(summary, refused), is_verbose)
    return facts, join_lines(lines)


def _tell_check(verdict: "Verdict") -> dict[str, Any]:
    return {
        "check": verdict.name,
        "blocks": verdict.stops,
        "summary": verdict.summary,
        "num_checked": verdict.num_checked,
        "cause": verdict.cause,
    }


def _foresee(
    settings: Settings, folder: "Folder", name: str, is_verbose: bool
) -> tuple[dict[str, Any], str]:
    """Facts and text of what an intake would make of the folder, as the session that is called so."""
    from assets.capture.outlook import plan_folder
    from orchestration.resources import build_catalog, open_landing_zone, open_ledger

    catalog = build_catalog(settings)
    ledger = open_ledger(settings)
    session = open_landing_zone(settings, ledger).name_session(name, folder)
    settled = {
        o.path for o in ledger.outcomes(session).values() if o.outcome == "dropped"
    }
    plan = plan_folder(catalog, folder)
    with show_progress("looking", "files") as tick:
        outlooks = list(plan.list_outlooks(catalog, tick))
    unread = [
        {
            "path": left.file.path,
            "reason": left.reason,
            "remedy": left.remedy,
            "is_document": left.is_document,
        }
        for left in plan.leftovers
    ]
    losses = plan.find_losses(outlooks, settled)
    facts = {
        "session": session,
        "captures": [o.facts for o in outlooks],
        "unread": unread,
        "no_session": plan.explain_nothing() or "",
        "held": _foresee_held(losses),
        "silent": losses.silent,
    }
    named = [f"would be session {session}"] * (not facts["no_session"])
    return facts, join_lines([*named, *describe_plan(facts, is_verbose)])


def _foresee_held(losses: "Losses") -> str:
    """Why the check of readable images would hold the session back; "" where it would not."""
    import pyarrow as pa

    from checks.captures import images_are_readable

    refused = [
        {
            "source_path": problem.source.path,
            "source_offset": problem.source.offset,
            "sensor": problem.sensor,
            "reason": problem.reason,
        }
        for problem in losses.problems
    ]
    if not refused:
        return ""
    frames = pa.table({"frame_id": pa.nulls(losses.num_images, pa.string())})
    verdict = images_are_readable(frames, pa.Table.from_pylist(refused))
    is_about_any = verdict.num_checked > 0
    return (
        f"{verdict.name}: {verdict.summary}" if verdict.stops and is_about_any else ""
    )


@contextmanager
def _explaining(folder: Any) -> Iterator[None]:
    """Raises ValueError, with what helps, where the place itself cannot be listed."""
    from assets.landing import explain

    try:
        yield
    except OSError as error:
        if error.filename != folder.uri:
            raise
        raise ValueError(explain(folder, error)) from error


def _count_frames(catalog: Any) -> int:
    return catalog.dataset("frames").count_rows() if catalog.exists("frames") else 0
