"""The verbs that hold two things against each other: releases."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.output import Json, join_lines, say
from orchestration.cli.progress import show_activity

Html = Annotated[
    Path | None,
    typer.Option(
        "--html", metavar="FILE", help="Write a page with pictures: one file."
    ),
]


def diff(
    first: Annotated[
        str,
        typer.Argument(
            metavar="RELEASE", help="A dataset, by a unique beginning of its id."
        ),
    ],
    second: Annotated[
        str, typer.Argument(metavar="RELEASE", help="The one to hold against it.")
    ],
    html: Html = None,
    as_json: Json = False,
) -> None:
    """Say what two datasets differ in: frames, labels and classes that came, went, changed, or changed parts."""
    from assets.tables.ids import complete_id
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    catalog = build_catalog(load_settings())
    ids = [complete_id(catalog, "releases", text) for text in (first, second)]
    with show_activity("reading both releases"):
        from assets.comparison.release_page import make_page, tell_diff
        from assets.comparison.releases import diff_releases

        found = diff_releases(catalog, ids[0], ids[1])
    lines = tell_diff(found)
    if html is not None:
        from assets.comparison.page import write_page

        write_page(html, make_page(catalog, found))
        lines.append(f"page: {html}")
    facts = {**found.to_dict(), "page": str(html) if html else None}
    say(as_json, facts, join_lines(lines))
