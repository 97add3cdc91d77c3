"""The verb that joins boxes to tracks: of sessions, by what a detector found, or of files of the MOT Challenge."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.tables.schemas import SESSION_KEY
from assets.tables.schemas.tracking import TRACKER_NAMES
from orchestration.cli.chosen import is_place
from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import show_progress

if TYPE_CHECKING:
    from assets.tables.catalog import Catalog
    from assets.tables.rows import ModelRef
    from assets.tracking.rows import Method
    from assets.tracking.session import Tracked
    from orchestration.profiles import Settings


def track(
    target: Annotated[
        str,
        typer.Argument(
            metavar="SESSION|FOLDER",
            help="A session that is taken in; or a folder of the MOT Challenge, det/det.txt and gt/gt.txt in it.",
        ),
    ],
    tracker: Annotated[
        str,
        typer.Option(
            help="offline knows the frames that follow, smooths and fills gaps; bytetrack and sort do not: one of "
            f"{', '.join(TRACKER_NAMES)}.",
        ),
    ] = TRACKER_NAMES[0],
    detections: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Found boxes, in place of the folder's own."),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="True tracks, in place of the folder's own."),
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="ID",
            help="Of a SESSION: a detector in place of the champion; several times for several.",
        ),
    ] = None,
    looks: Annotated[
        bool,
        typer.Option(
            "--looks",
            help="Of a SESSION: how boxes look counts too; each is embedded.",
        ),
    ] = False,
    min_score: Annotated[
        float | None,
        typer.Option(
            help="From which score on a box counts: of a session, the operating score of its model; of a file, 0.6, "
            "and all for sort.",
        ),
    ] = None,
    ignore_scores: Annotated[
        bool,
        typer.Option("--ignore-scores", help="Of a FOLDER: all boxes count alike."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Of a FOLDER: a file for the tracks, as the challenge has it."
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be tracked; store nothing."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Join what was found frame by frame to tracks: boxes of one object under one id.

    Tracks of a SESSION go into the table `tracks`, judged by its gate; exit code 1 where that holds them back. Of a
    FOLDER nothing is kept but what --out says; where it has a truth, how good the tracks are is told.
    """
    if detections is not None or _is_folder(target):
        _refuse_both(model=models, looks=looks)
        facts = _of_folder(
            Path(target),
            _Files(detections, truth, None if dry_run else out),
            tracker,
            min_score,
            ignore_scores,
        )
        return say(as_json, facts, join_lines(_tell(facts)))
    if not re.match(SESSION_KEY, target):
        raise ValueError(f"{target!r} is no folder, and no session: `daguerre status`")
    _refuse_both(truth=truth, out=out, ignore_scores=ignore_scores)
    asked = _Asked(tracker, tuple(models or ()), looks, min_score)
    made = _of_session(target, asked, dry_run)
    say(as_json, made, join_lines(line for facts in made for line in _tell(facts)))
    if any(facts.get("held") for facts in made):
        raise typer.Exit(1)


def _is_folder(target: str) -> bool:
    """A folder, and no session of that name."""
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    if not Path(target).is_dir():
        return False
    return is_place(target, build_catalog(load_settings()))


def _refuse_both(**options: object) -> None:
    for name, value in options.items():
        if value:
            other = "FOLDER" if name in ("truth", "out", "ignore_scores") else "SESSION"
            raise ValueError(
                f"--{name.replace('_', '-')} is for a {other}: leave it out"
            )


@dataclass(frozen=True)
class _Files:
    """In place of a folder's own, and for what is made."""

    detections: Path | None
    truth: Path | None
    out: Path | None


def _of_folder(
    folder: Path,
    files: _Files,
    tracker: str,
    min_score: float | None,
    ignore_scores: bool,
) -> dict[str, Any]:
    from assets.tracking.mot_challenge import find_detections, find_truth, write_mot
    from assets.tracking.sequences import choose_method, track_sequence
    from assets.whole_output import writing_file

    method = choose_method(tracker, min_score)
    found = files.detections or find_detections(folder)
    truth = files.truth or (find_truth(folder) if folder.is_dir() else None)
    done = track_sequence(found, truth, method, ignore_scores)
    if files.out is not None:
        with writing_file(files.out) as file:
            file.write_text("".join(write_mot(done.tracks)))
    return {
        "detections": str(found),
        "truth": None if truth is None else str(truth),
        "tracker": tracker,
        "min_score": method.min_score,
        "frames": done.num_frames,
        "found": done.num_found,
        "tracks": done.num_tracks,
        "boxes": len(done.tracks),
        "filled": done.num_filled,
        "figures": done.figures,
        "out": None if files.out is None else str(files.out),
    }


@dataclass(frozen=True)
class _Asked:
    """How the boxes of a session are joined, and whose; no model: those of the champion."""

    tracker: str
    models: tuple[str, ...]
    looks: bool
    min_score: float | None


def _of_session(session: str, asked: _Asked, dry_run: bool) -> list[dict[str, Any]]:
    """What was made of each model's answers."""
    from assets.retrieval.answers import choose_models, require_frames
    from assets.tracking.rows import Method
    from assets.tracking.session import choose_score
    from models.task_names import DETECTION
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    settings = load_settings()
    catalog = build_catalog(settings)
    require_frames(catalog, session)
    found = []
    for model in choose_models(catalog, asked.models, DETECTION):
        plain = Method(asked.tracker, uses_looks=asked.looks)
        method = choose_score(catalog, model, plain)
        if asked.min_score is not None:
            method = replace(method, min_score=asked.min_score)
        if dry_run:
            found.append(_plan(catalog, session, model, method))
        else:
            found.append(_make(catalog, settings, session, model, method))
    return found


def _plan(
    catalog: "Catalog", session: str, model: "ModelRef", method: "Method"
) -> dict[str, Any]:
    from assets.tracking.recordings import read_recordings

    sha256 = model["model_sha256"]
    recordings = read_recordings(catalog, session, sha256)
    answered = [one for one in recordings if one.answers]
    return {
        "session": session,
        "model_sha256": sha256,
        "tracker": method.tracker,
        "min_score": method.min_score,
        "recordings": len(answered),
        "without_answers": len(recordings) - len(answered),
        "frames": sum(len(one.frames) for one in answered),
    }


def _make(
    catalog: "Catalog",
    settings: "Settings",
    session: str,
    model: "ModelRef",
    method: "Method",
) -> dict[str, Any]:
    from assets.tracking.session import track_session
    from checks.gates import gate_session
    from checks.verdicts import state_reason, stops_flow

    title = f"tracking in {session}"
    with show_progress(title, "recordings") as tick:
        done: Tracked = track_session(
            catalog, settings.workspace, model, session, method, tick
        )
    verdicts = gate_session(catalog, "tracks", session)
    is_held = stops_flow(verdicts)
    return {
        "session": session,
        "model_sha256": model["model_sha256"],
        "tracker": method.tracker,
        "min_score": method.min_score,
        "recordings": done.recordings,
        "without_answers": done.without_answers,
        "frames": done.num_frames,
        "tracks": done.num_tracks,
        "boxes": len(done.rows),
        "filled": done.num_filled,
        "computed": done.refreshed.computed,
        "held": state_reason(verdicts) if is_held else None,
        "warnings": [f"{v.name}: {v.summary}" for v in verdicts if not v.passed],
    }


def _tell(facts: dict[str, Any]) -> Iterator[str]:
    name = facts.get("session") or facts["detections"]
    method = f"{facts['tracker']}, boxes from {facts['min_score']:.2f} on"
    if "tracks" not in facts:
        yield (
            f"{name}: {facts['recordings']} recordings with answers, {facts['frames']} frames in all; {method}; "
            "nothing is stored"
        )
    else:
        yield (
            f"{name}: {facts['tracks']} tracks, {facts['boxes']} boxes in {facts['frames']} frames, "
            f"{facts['filled']} of them put into gaps; {method}"
        )
    if facts.get("without_answers"):
        yield (
            f"{facts['without_answers']} recordings have no answer of this model: `daguerre predict {name}` asks it"
        )
    if facts.get("figures"):
        yield _tell_figures(facts["figures"])
    if facts.get("out"):
        yield f"tracks in {facts['out']}"
    yield from facts.get("warnings", ())


def _tell_figures(figures: dict[str, float]) -> str:
    shares = ", ".join(
        f"{name.upper()} {100 * figures[name]:.2f}"
        for name in ("hota", "deta", "assa", "mota", "idf1")
    )
    counts = ", ".join(
        f"{figures[name]} {name.replace('_', ' ')}"
        for name in ("switches", "fragments", "false_alarms", "misses")
    )
    return f"{shares}; {counts}; {figures['true_tracks']} true tracks"
