"""The verb that asks models: about sessions that are taken in, images of a folder that nobody takes in, a release."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.foreign_text import for_line
from assets.wording import many
from models.task_names import TASK_NAMES
from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import show_progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assets.retrieval.answers import Answers
    from assets.tables.catalog import Catalog
    from assets.tables.rows import ModelRow
    from orchestration.profiles import Settings


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
    score of the model on, that of the best F1 on the validation part of its release.
    """
    from assets.retrieval.answers import choose_models
    from orchestration.cli.predicting_loose import (
        ask_loose,
        find_loose,
        require_no_pictures,
        tell_loose,
    )
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    settings = load_settings()
    catalog = build_catalog(settings)
    chosen = choose_models(catalog, models or [], task)
    loose = find_loose(catalog, targets)
    if loose is not None:
        require_no_pictures(pictures)
        counted = ask_loose(catalog, settings, chosen, loose, all_scores, out)
        return tell_loose(counted, as_json)
    _require_no_file(out)
    asked = _ask_about(catalog, settings, chosen, targets, all_scores, pictures)
    lines = [for_line(_tell(answers)) for answers in asked]
    if pictures is not None:
        lines.append(_draw(catalog, asked, pictures))
    say(as_json, [_describe(answers) for answers in asked], join_lines(lines))


def _require_no_file(out: Path | None) -> None:
    if out is not None:
        raise ValueError(
            "--out is for a PATH or a RELEASE: answers about sessions are in the table predictions for `daguerre query`"
        )


def _ask_about(
    catalog: "Catalog",
    settings: "Settings",
    models: "Sequence[ModelRow]",
    sessions: list[str],
    all_scores: bool,
    pictures: Path | None,
) -> list["Answers"]:
    """What each model says of each session, judged and kept; nobody is asked where something is in the way."""
    from assets.retrieval.answers import require_frames
    from assets.whole_output import require_empty
    from orchestration.cluster import require_cluster

    for session in sessions:
        require_frames(catalog, session)
    if pictures is not None:
        require_empty(pictures)
    require_cluster(settings)
    return [
        answers
        for session in sessions
        for answers in _ask_all(catalog, settings, models, session, all_scores)
    ]


def _ask_all(
    catalog: "Catalog",
    settings: "Settings",
    models: "Sequence[ModelRow]",
    session: str,
    all_scores: bool,
) -> list["Answers"]:
    from assets.monitoring.watch import predict_session
    from assets.retrieval.answers import read_answers
    from checks.gates import gate_session
    from orchestration.observed import tell_dagster

    for model in models:
        name = f"{model['task']} {model['model_sha256'][:16]}"
        with show_progress(f"asking {name} about {session}", "frames") as tick:
            predict_session(catalog, settings.workspace, model, session, tick)
    gate_session(catalog, "predictions", session)
    answers = [read_answers(catalog, m, session, all_scores) for m in models]
    tell_dagster(settings, session, [_describe(one) for one in answers])
    return answers


def _draw(catalog: "Catalog", asked: list["Answers"], pictures: Path) -> str:
    from assets.retrieval.answers import draw_answers

    count = draw_answers(catalog, asked, pictures)
    return f"{many(count, 'picture')} in {pictures}"


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
    line = f"{answers.session}, {answers.name}, {many(len(answers.rows), 'frame')}: {told or 'nothing'}"
    if answers.operating_score is None:
        return line
    if not answers.min_score:
        return f"{line}, at all scores; the operating score is {answers.operating_score:.2f}"
    return f"{line}, at the operating score {answers.min_score:.2f} and above; {answers.num_below} below it"
