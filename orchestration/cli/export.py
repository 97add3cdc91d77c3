"""The verbs that write data out for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.output import Json, say
from orchestration.cli.progress import show_progress

export_app = typer.Typer(
    no_args_is_help=True, help="Write stored data for other programs."
)


@export_app.callback()
def _export() -> None:
    """Write stored data for other programs."""


@export_app.command()
def rerun(
    session: Annotated[str, typer.Argument(help="The session to look into.")],
    out: Annotated[
        Path | None, typer.Option(help="The .rrd file; by default SESSION.rrd here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a session as a Rerun recording: images, depth, boxes, IMU, trajectory, on the sensors' own clock."""
    from assets.retrieval.rerun_export import export_session
    from orchestration.profiles import load_settings
    from orchestration.resources import build_catalog

    path = out or Path(f"{session}.rrd")
    with show_progress(f"exporting {session}", "frames") as tick:
        counts = export_session(build_catalog(load_settings()), session, path, tick)
    text = ", ".join(f"{count} {name}" for name, count in counts.items())
    say(
        as_json,
        {"recording": str(path), **counts},
        f"{path}: {text}\nopen it with: rerun --bind 127.0.0.1 {path}",
    )
