"""The verb that writes the card of a model or a dataset."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.output import Json, say, write_json

if TYPE_CHECKING:
    from assets.cards import Card
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
    from assets.tables.ids import begins_with, complete_id
    from models.task_names import all_task_names
    from orchestration.cards import card_of_model, card_of_release
    from orchestration.resources import build_catalog, build_tracker

    catalog, tracker = build_catalog(settings), build_tracker(settings)
    if name not in all_task_names() and "/" not in name:
        starts = begins_with("models", name)
        if not len(catalog.read_latest("models", ["model_sha256"], starts)):
            release_id = complete_id(catalog, "releases", name)
            return card_of_release(settings, release_id)
    model = find_model(
        catalog, name, lambda task, n: tracker.version(task, n).model_sha256
    )
    return card_of_model(settings, model)
