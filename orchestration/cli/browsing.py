"""The verb that shows the frames of a home in a web browser."""

import getpass
from typing import Annotated

import typer


def browse(
    context: typer.Context,
    port: Annotated[
        int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)
    ] = 8500,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Who corrects labels there; by default who is logged in.",
        ),
    ] = None,
) -> None:
    """Show all frames in a web browser, on loopback, to who opens the link that is printed, until interrupted.

    Labels can be corrected there; nothing else is written. docs/how-to/browse-frames.md shows what can be looked at.
    """
    from orchestration.browse.serving import serve
    from orchestration.profiles import load_settings

    serve(load_settings(), port, by or getpass.getuser(), context.obj)
