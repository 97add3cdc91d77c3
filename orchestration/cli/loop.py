"""The verbs that run everything: the demo of the whole loop, and the servers with their pages."""

from typing import TYPE_CHECKING, Annotated

import typer

from models.task_names import TASK_NAMES
from orchestration.cli.chosen import AcceptThinTest
from orchestration.cli.output import Json, say
from orchestration.cli.progress import show_activity

if TYPE_CHECKING:
    from orchestration.profiles import Settings


def demo(
    source: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE", help="Real data in place of the simulated sessions."
        ),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help=f"With --source: {', '.join(TASK_NAMES)}.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="Training recipe, with --source: base_<task> by default."),
    ] = None,
    accept_thin_test: AcceptThinTest = False,
    loop: Annotated[
        bool,
        typer.Option(
            "--loop",
            help="An object that no model has seen: alarm, labels, training, a champion that finds it.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Run the whole graph: land, ingest, check, curate, train, register, monitor, report; or its closed loop."""
    from orchestration.cluster import require_cluster
    from orchestration.profiles import load_settings

    settings = load_settings()
    require_cluster(settings)
    if loop:
        _close_loop(settings, source, task, recipe, accept_thin_test, as_json)
        return
    with show_activity("loading Dagster and the graph"):
        from orchestration.demo import run_demo

    summary = run_demo(settings, source, task, recipe, accept_thin_test)
    say(as_json, summary, "")


def _close_loop(
    settings: "Settings",
    source: str | None,
    task: str | None,
    recipe: str | None,
    accept_thin_test: bool,
    as_json: bool,
) -> None:
    if source or task or recipe or accept_thin_test:
        raise ValueError(
            "--loop is simulated from beginning to end: leave --source, --task, --recipe and --accept-thin-test out"
        )
    with show_activity("loading Dagster and the graph"):
        from orchestration.loop_demo import run_loop, tell

    summary = run_loop(settings)
    say(as_json, summary, "\n".join(tell(summary)))
    raise typer.Exit(0 if summary["closed"] else 1)


def ui(
    port: Annotated[
        int,
        typer.Option(help="Port of the Dagster UI on 127.0.0.1.", min=1, max=65535),
    ] = 3000,
    mlflow_port: Annotated[
        int,
        typer.Option(help="Port of the MLflow UI on 127.0.0.1.", min=1, max=65535),
    ] = 5000,
    browse_port: Annotated[
        int,
        typer.Option(help="Port of the frame browser on 127.0.0.1.", min=1, max=65535),
    ] = 8500,
) -> None:
    """Serve Dagster, MLflow and the frame browser on loopback, to who opens a link that is printed, until interrupted.

    Meanwhile new sessions are taken in and judged by the champions, and drift may start a training; each has a sensor
    that can be turned off on Dagster's page Automation.
    """
    from orchestration.cluster import require_cluster
    from orchestration.profiles import load_settings
    from orchestration.ui import Ports, serve

    settings = load_settings()
    require_cluster(settings)
    raise typer.Exit(serve(settings, Ports(port, mlflow_port, browse_port)))
