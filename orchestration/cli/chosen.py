"""The options by which data are chosen, for every verb that makes or lists what was learnt from them."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assets.choice import EVERYTHING, Choice
from assets.foreign_text import for_line
from orchestration.cli.output import join_lines

if TYPE_CHECKING:
    from assets.tables.catalog import Catalog
    from orchestration.profiles import Settings

Sessions = Annotated[
    list[str] | None,
    typer.Option(
        "--sessions",
        metavar="NAMES",
        help="Only these, parted by commas; patterns such as 'desk-*' too.",
    ),
]
Where = Annotated[
    str,
    typer.Option(
        metavar="SQL",
        help="Only frames for which this holds, such as \"sensor = 'left'\".",
    ),
]
Classes = Annotated[
    list[str] | None,
    typer.Option(
        "--classes", metavar="NAMES", help="Only objects of these, parted by commas."
    ),
]
Everything = Annotated[
    bool,
    typer.Option(
        "--everything",
        help="All published data; without a choice, what the champion was chosen by.",
    ),
]
AcceptThinTest = Annotated[
    bool,
    typer.Option(
        "--accept-thin-test",
        help="Let a first champion rest on a test part that lacks classes, judges chosen pixels alone or is one "
        "recording, or miss a class of it.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Show classes and parts, and start nothing."),
]


def read_options(
    sessions: Sequence[str] | None,
    where: str,
    classes: Sequence[str] | None,
    everything: bool = False,
) -> Choice | None:
    """The choice behind the options; None where none is given. Raises ValueError for one beside --everything."""
    choice = Choice(read_names(sessions), where, read_names(classes))
    if choice.is_everything:
        return EVERYTHING if everything else None
    if everything:
        raise ValueError(f"--everything and {choice.summary}: give one of the two")
    return choice


def is_place(target: str, catalog: "Catalog") -> bool:
    """Whether a word is a path and no session: it has a slash, or something lies there and no session is called so."""
    if is_path(target):
        return True
    return Path(target).exists() and not is_session(catalog, target)


def is_path(target: str) -> bool:
    """Whether a word can be nothing but a path."""
    return "/" in target or target in (".", "..")


def is_session(catalog: "Catalog", target: str) -> bool:
    """Whether a session with published frames is called so."""
    from assets.tables.catalog import session_is

    return len(catalog.read("frames", ["frame_id"], session_is(target))) > 0


def show_dataset(
    settings: "Settings", task: str, release_id: str | None, choice: Choice | None
) -> tuple[dict[str, object], str]:
    """Facts and text of what a training would learn from."""
    from orchestration.chosen import preview_dataset

    preview = preview_dataset(settings, task, release_id, choice)
    lines = [*map(for_line, preview.draft.list_lines())]
    facts = preview.facts
    lines += [f"WARNING: {text}" for text in facts["warnings"]]
    lines += [f"REFUSED: {text}" for text in facts["refused"]]
    lines += [
        f"{session} waits for {doing}: training does that first"
        for session, doing in preview.waiting.items()
    ]
    return facts, join_lines([*lines, "nothing was started"])


def read_names(texts: Sequence[str] | None) -> tuple[str, ...]:
    """Names parted by commas, as CSV has them: one that holds a comma stands in double quotes."""
    return tuple(
        name.strip()
        for row in csv.reader(texts or (), skipinitialspace=True)
        for name in row
        if name.strip()
    )
