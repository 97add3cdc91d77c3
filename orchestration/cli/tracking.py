"""The verb that joins boxes to tracks: of sessions, by what a detector found, or of files of the MOT Challenge."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.wording import many
from models.tracking.names import TRACKER_NAMES
from orchestration.cli.chosen import is_place
from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import show_progress
from orchestration.cli.tracking_files import Files, tell_files, track_files

if TYPE_CHECKING:
    from assets.tables.catalog import Catalog
    from assets.tables.rows import ModelRef, TrackedRecordingRow
    from assets.tracking.recordings import Unanswered
    from assets.tracking.rows import Method
    from orchestration.profiles import Settings

Target = Annotated[
    str,
    typer.Argument(
        metavar="SESSION|FOLDER",
        help="A session that is taken in; or a folder of the MOT Challenge, det/det.txt and gt/gt.txt in it.",
    ),
]
Tracker = Annotated[
    str,
    typer.Option(
        help="offline knows the frames that follow, smooths and fills gaps; bytetrack and sort do not: one of "
        f"{', '.join(TRACKER_NAMES)}.",
    ),
]
Detections = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Found boxes, in place of the folder's own."),
]
Truth = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="True tracks, in place of the folder's own."),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="ID",
        help="Of a SESSION: a detector in place of the champion; several times for several.",
    ),
]
Looks = Annotated[
    bool,
    typer.Option(
        "--looks", help="Of a SESSION: how boxes look counts too; each is embedded."
    ),
]
MinScore = Annotated[
    float | None,
    typer.Option(
        help="From which score on a box counts: of a session, the operating score of its model; of a file, 0.6, and "
        "all for sort.",
    ),
]
IgnoreScores = Annotated[
    bool, typer.Option("--ignore-scores", help="Of a FOLDER: all boxes count alike.")
]
Out = Annotated[
    Path | None,
    typer.Option(help="Of a FOLDER: a file for the tracks, as the challenge has it."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be tracked; store nothing.")
]


def track(
    target: Target,
    tracker: Tracker = TRACKER_NAMES[0],
    detections: Detections = None,
    truth: Truth = None,
    models: Models = None,
    looks: Looks = False,
    min_score: MinScore = None,
    ignore_scores: IgnoreScores = False,
    out: Out = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Join what was found frame by frame to tracks: boxes of one object under one id.

    Tracks of a SESSION go into the table `tracks`, judged by its gate; exit code 1 where that holds them back. Of a
    FOLDER nothing is kept but what --out says; where it has a truth, how good the tracks are is told.
    """
    from assets.tables.schemas import SESSION_KEY

    if detections is not None or _is_place(target):
        _refuse_both(model=models, looks=looks)
        folder = _require_folder(target, detections)
        files = Files(folder, detections, truth, None if dry_run else out)
        facts = track_files(files, tracker, min_score, ignore_scores)
        return say(as_json, facts, join_lines(tell_files(facts)))
    if not re.match(SESSION_KEY, target):
        raise ValueError(f"{target!r} is no folder, and no session: `daguerre status`")
    _refuse_both(truth=truth, out=out, ignore_scores=ignore_scores)
    asked = _Asked(tracker, tuple(models or ()), looks, min_score)
    made = _of_session(target, asked, dry_run)
    say(as_json, made, join_lines(line for facts in made for line in _tell(facts)))
    if any(facts.get("held") for facts in made):
        raise typer.Exit(1)


def _is_place(target: str) -> bool:
    """Something that lies there, and no session of that name."""
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    if not Path(target).exists():
        return False
    return is_place(target, build_catalog(load_settings()))


def _require_folder(target: str, detections: Path | None) -> Path:
    if detections is None and Path(target).is_file():
        raise ValueError(
            f"{target} is a file, and no session: `daguerre track . --detections {target}` tracks its boxes"
        )
    return Path(target)


def _refuse_both(**options: object) -> None:
    for name, value in options.items():
        if value:
            other = "FOLDER" if name in ("truth", "out", "ignore_scores") else "SESSION"
            raise ValueError(
                f"--{name.replace('_', '-')} is for a {other}: leave it out"
            )


@dataclass(frozen=True)
class _Asked:
    """How the boxes of a session are joined, and whose; no model: those of the champion."""

    tracker: str
    models: tuple[str, ...]
    looks: bool
    min_score: float | None


def _of_session(session: str, asked: _Asked, dry_run: bool) -> list[dict[str, Any]]:
    """What was made of each model's answers."""
    from assets.reconstruction.board_pictures import require_session
    from assets.retrieval.answers import choose_models, require_frames
    from assets.tracking.method_of_asset import choose_score
    from assets.tracking.rows import Method
    from models.task_names import DETECTION
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    settings = load_settings()
    catalog = build_catalog(settings)
    require_session(catalog, session)
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
    from assets.tracking.recordings import count_unanswered, read_recordings

    recordings = read_recordings(catalog, session, model["model_sha256"])
    answered = [one for one in recordings if one.answers]
    return {
        **_name(session, model, method),
        "recordings": len(answered),
        **_list_unanswered(count_unanswered(recordings)),
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
    from assets.tracking.told import describe
    from checks.verdicts import state_reason, stops_flow
    from orchestration.observed import judge_made

    title = f"tracking in {session}"
    with show_progress(title, "recordings") as tick:
        done = track_session(catalog, settings.workspace, model, session, method, tick)
    told = {**describe(done), "model": model["model_sha256"]}
    verdicts = judge_made(settings, catalog, ("tracking", "tracks"), session, told)
    return {
        **_name(session, model, method),
        "recordings": len(done.recordings),
        **_list_unanswered(done.unanswered),
        "frames": done.num_frames,
        "steadied": done.num_steadied,
        "tracks": done.num_tracks,
        "boxes": len(done.rows),
        "filled": done.num_filled,
        "computed": done.refreshed.computed,
        "figures": [
            _list_figures(one) for one in done.recordings if one["truth_sha256"]
        ],
        "held": state_reason(verdicts) if stops_flow(verdicts) else None,
        "warnings": [f"{v.name}: {v.summary}" for v in verdicts if not v.passed],
    }


def _name(session: str, model: "ModelRef", method: "Method") -> dict[str, Any]:
    return {
        "session": session,
        "model_sha256": model["model_sha256"],
        "tracker": method.tracker,
        "min_score": method.min_score,
    }


def _list_unanswered(found: "Unanswered") -> dict[str, int]:
    return {"without_answers": found.num_open, "of_other_cameras": found.num_foreign}


def _list_figures(one: "TrackedRecordingRow") -> dict[str, Any]:
    from assets.tables.schemas.tracking import FIGURES

    names = ("sensor", "capture_id", "num_true_tracks", *FIGURES, "switches")
    return {name: one[name] for name in names}  # type: ignore[literal-required]


def _tell(facts: dict[str, Any]) -> Iterator[str]:
    name = facts["session"]
    method = f"{facts['tracker']}, boxes from {facts['min_score']:.2f} on"
    if "tracks" not in facts:
        yield (
            f"{name}: {many(facts['recordings'], 'recording')} with answers, {many(facts['frames'], 'frame')} in all; "
            f"{method}; nothing is stored"
        )
    else:
        yield (
            f"{name}: {many(facts['tracks'], 'track')}, {many(facts['boxes'], 'box', 'boxes')} in "
            f"{many(facts['frames'], 'frame')}, {facts['filled']} of them put into gaps; {method}"
        )
    if facts.get("steadied"):
        yield f"turns of the camera are taken out in {many(facts['steadied'], 'recording')}"
    if open_ones := facts["without_answers"]:
        yield f"no answer of this model on {many(open_ones, 'recording')}: `daguerre predict {name}` asks it"
    if foreign := facts["of_other_cameras"]:
        yield f"{many(foreign, 'recording')} left out, of cameras that this model did not learn from"
    for one in facts.get("figures", ()):
        if one["hota"] is not None:
            yield (
                f"{one['sensor']}, beside its labels: HOTA {100 * one['hota']:.2f}, MOTA {100 * one['mota']:.2f}, "
                f"IDF1 {100 * one['idf1']:.2f}; {many(one['switches'], 'switch', 'es')} over "
                f"{many(one['num_true_tracks'], 'true track')}"
            )
    yield from facts.get("warnings", ())
