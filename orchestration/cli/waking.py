"""The verb that tells what happened since it was called last, and what waits for a person."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.output import Json, say


def morning(
    context: typer.Context,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="For a chat or a page.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page too: one file."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Tell it and note nothing: the next call tells it again."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Tell what happened since this was called last: sessions, gates, drift, trainings, labels, runs and their cost.

    What waits for a person comes first, with the command for it, until it is done; all else is told once.
    """
    from orchestration.cli.proposing import open_world
    from orchestration.morning.page import draw_html, draw_markdown, draw_text
    from orchestration.morning.telling import keep_told, look

    if markdown and as_json:
        raise ValueError("--markdown and --json: give one of the two")
    world = open_world(context.obj)
    told, kept = look(world)
    if html is not None:
        _write(html, draw_html(told))
    facts = {**told.to_dict(), "page": None if html is None else str(html)}
    say(as_json, facts, draw_markdown(told) if markdown else draw_text(told))
    if not dry_run:
        keep_told(world.settings.home, kept)


def _write(path: Path, text: str) -> None:
    from assets.whole_output import writing_file

    with writing_file(path) as partial:
        partial.write_text(text, encoding="utf-8")
