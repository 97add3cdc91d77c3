"""The verb that tells what happened since it was called last, and what waits for a person."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.output import Json, say


def morning(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="For a chat or a page.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write it as a page that needs nothing else."
        ),
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

    if sum((markdown, html is not None, as_json)) > 1:
        raise ValueError("--markdown, --html and --json: give one of them")
    world = open_world()
    told, kept = look(world)
    if html is not None:
        _write(html, draw_html(told))
    text = draw_markdown(told).rstrip("\n") if markdown else draw_text(told)
    say(as_json, told.to_dict(), str(html) if html is not None else text)
    if not dry_run:
        keep_told(world.settings.home, kept)


def _write(path: Path, text: str) -> None:
    from assets.whole_output import writing_file

    with writing_file(path) as partial:
        partial.write_text(text, encoding="utf-8")
