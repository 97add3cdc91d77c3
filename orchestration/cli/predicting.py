"""The verb that asks models: about sessions that are taken in, images of a folder that nobody takes in, a release."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.foreign_text import for_line
from models.task_names import TASK_NAMES
from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import show_progress

if TYPE_CHECKING:
    from assets.retrieval.answers import Answers


def predict(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="SESSION|PATH|RELEASE",
            help="What is to be looked at: sessions; or one folder, file or s3:// prefix of images; or one release.",
        ),
    ],
    task: Annotated[
        str | None, typer.Option(help=f"Only this of {', '.join(TASK_NAMES)}.")
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="ID",
            help="In place of the champions: a model's id, or a unique beginning of it; several times for several.",
        ),
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(help="A new folder for the frames with what was found on them."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Of a PATH or RELEASE: a file for all answers, a line of JSON an image.",
        ),
    ] = None,
    all_scores: Annotated[
        bool,
        typer.Option(
            "--all-scores",
            help="Count and draw every answer, not those at the model's operating score and above alone.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask models about sessions: say what they find, and keep all answers in the table `predictions`.

    Of a PATH, which nobody takes in, or a RELEASE nothing is kept but what --out says. Objects count from the operating
    score of the model on, that of the best F1 on the test part of its release.
    """
    from assets.monitoring.watch import predict_session
    from assets.retrieval.answers import (
        choose_models,
        draw_answers,
        read_answers,
        require_frames,
    )
    from assets.whole_output import require_empty
    from checks.gates import gate_session
    from orchestration.cli.predicting_loose import (
        ask_loose,
        find_loose,
        require_no_pictures,
        tell_loose,
    )
    from orchestration.cluster import require_cluster
    from orchestration.observed import tell_dagster
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    settings = load_settings()
    catalog = build_catalog(settings)
    chosen = choose_models(catalog, models or [], task)
    loose = find_loose(catalog, targets)
    if loose is not None:
        require_no_pictures(pictures)
        return tell_loose(
            ask_loose(catalog, settings, chosen, loose, all_scores, out), as_json
        )
    if out is not None:
        raise ValueError(
            "--out is for a PATH or a RELEASE: answers about sessions are in the table predictions for `daguerre query`"
        )
    sessions = targets
    for session in sessions:
        require_frames(catalog, session)
    if pictures is not None:
        require_empty(pictures)
    require_cluster(settings)
    asked = []
    for session in sessions:
        for model in chosen:
            name = f"{model['task']} {model['model_sha256'][:16]}"
            with show_progress(f"asking {name} about {session}", "frames") as tick:
                predict_session(catalog, settings.workspace, model, session, tick)
        gate_session(catalog, "predictions", session)
        answers = [read_answers(catalog, m, session, all_scores) for m in chosen]
        tell_dagster(settings, session, [_describe(one) for one in answers])
        asked += answers
    lines = [for_line(_tell(answers)) for answers in asked]
    if pictures is not None:
        count = draw_answers(catalog, asked, pictures)
        lines.append(f"{count} pictures in {pictures}")
    say(as_json, [_describe(answers) for answers in asked], join_lines(lines))


def _describe(answers: "Answers") -> dict[str, Any]:
    return {
        "session": answers.session,
        "task": answers.model["task"],
        "model_sha256": answers.model["model_sha256"],
        "frames": len(answers.rows),
        "found": dict(answers.found),
        "operating_score": answers.operating_score,
        "min_score": answers.min_score,
        "num_below": answers.num_below,
    }


def _tell(answers: "Answers") -> str:
    found = answers.found
    told = ", ".join(f"{name} {count}" for name, count in sorted(found.items()))
    line = f"{answers.session}, {answers.name}, {len(answers.rows)} frames: {told or 'nothing'}"
    if answers.operating_score is None:
        return line
    if not answers.min_score:
        return f"{line}, at all scores; the operating score is {answers.operating_score:.2f}"
    return f"{line}, at the operating score {answers.min_score:.2f} and above; {answers.num_below} below it"
