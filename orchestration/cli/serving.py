"""The verb that lets champions answer over HTTP."""

from typing import Annotated

import typer

SHADOW_SHARE = 0.1


def serve(
    port: Annotated[
        int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)
    ] = 8400,
    replicas: Annotated[
        int | None,
        typer.Option(
            help="Processes that compute: one a core, and two at least, by default.",
            min=1,
        ),
    ] = None,
    canary: Annotated[
        float,
        typer.Option(
            help="Share of requests that a new champion answers until it has proven itself; 0: all at once.",
            min=0,
            max=0.5,
        ),
    ] = 0.1,
    shadow: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="A model that is asked as well, and whose answers nobody gets: its id, or a beginning of it.",
        ),
    ] = None,
    shadow_share: Annotated[
        float | None,
        typer.Option(
            help=f"Share of requests that it is asked; {SHADOW_SHARE:g} by default.",
            min=0,
            max=1,
        ),
    ] = None,
    sample: Annotated[
        float,
        typer.Option(
            help="Share of requests that are kept in the table requests.", min=0, max=1
        ),
    ] = 0.05,
    keep_days: Annotated[
        int, typer.Option(help="Days that they are kept.", min=1)
    ] = 30,
    timeout: Annotated[
        float,
        typer.Option(
            help="Seconds that a request may take; then it is answered 504.", min=0.1
        ),
    ] = 10.0,
    batch: Annotated[
        int,
        typer.Option(
            help="Images that are computed together, at most.", min=1, max=256
        ),
    ] = 4,
) -> None:
    """Let the champions answer over HTTP on loopback, to who has the token, until interrupted.

    A new champion is followed without a restart: first as a canary. docs/how-to/serve.md shows requests.
    """
    from orchestration.profiles import load_settings
    from orchestration.serving import ServeOptions
    from orchestration.serving import serve as answer

    if shadow is None and shadow_share is not None:
        raise ValueError(
            f"--shadow-share {shadow_share:g} without --shadow: name the model that is asked as well"
        )
    answer(
        load_settings(),
        ServeOptions(
            port,
            replicas,
            canary,
            shadow,
            SHADOW_SHARE if shadow_share is None else shadow_share,
            sample,
            keep_days,
            timeout,
            batch,
        ),
    )
