"""The verb that writes the card of a model or a dataset."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.output import Json, say, write_json

if TYPE_CHECKING:
    from assets.cards import Card
    from assets.tables.catalog import Catalog
    from orchestration.profiles import Settings


def card(
    name: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|RELEASE",
            help="An id or a beginning of it, TASK/VERSION, or TASK, which is its champion.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Write it here instead: Markdown, or JSON with --json."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the card of a model or a dataset, from stored facts alone: the same home gives the same bytes.

    Of a dataset: sources, classes, parts and leaks between them, who made labels, known faults, quarantine, privacy. Of
    a model: figures with bounds, slices, calibration, data, the gate, what sessions since said. What only people can
    say is said to be left to them.
    """
    from assets.whole_output import writing_file
    from orchestration.profiles import load_settings

    found = _read(load_settings(), name)
    if out is None:
        return say(as_json, found.to_dict(), found.to_markdown().rstrip("\n"))
    text = "".join(write_json(found.to_dict())) + "\n"
    with writing_file(out) as partial:
        partial.write_text(text if as_json else found.to_markdown(), encoding="utf-8")
    say(as_json, {"card": str(out)}, str(out))


def _read(settings: "Settings", name: str) -> "Card":
    """Raises ValueError for a name that is neither a model's nor a release's."""
    from assets.comparison.pair import find_model
    from models.known_tasks import all_task_names
    from orchestration.cards import card_of_model, card_of_release
    from orchestration.resources import build_catalog, build_tracker

    catalog, tracker = build_catalog(settings), build_tracker(settings)
    tasks = all_task_names()
    if name not in tasks and "/" not in name:
        release_id = _find_release(catalog, name, tasks)
        if release_id:
            return card_of_release(settings, release_id)
    model = find_model(
        catalog, name, lambda task, n: tracker.version(task, n).model_sha256
    )
    return card_of_model(settings, model)


def _find_release(catalog: "Catalog", beginning: str, tasks: Iterable[str]) -> str:
    """The id of the release; "" where models begin so. Raises ValueError, with the tasks too, where nothing does."""
    from assets.tables.ids import begins_with, complete_id

    try:
        is_model = begins_with("models", beginning)
        if len(catalog.read_latest("models", ["model_sha256"], is_model)):
            return ""
        return complete_id(catalog, "releases", beginning)
    except ValueError as error:
        raise ValueError(f"{error}; or name a task: {', '.join(tasks)}") from None
