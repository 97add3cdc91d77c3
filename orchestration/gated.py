"""One server of `daguerre ui`, Dagster's pages, MLflow's or the frame browser, in this process and behind the gate.

Belongs here: how each is made, which all keep to themselves. Does not: who is let in.
"""

import getpass
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from orchestration.browse_link import BrowseLink
from orchestration.gate import Gate, name_cookie, read_token
from orchestration.mlflow_page import OpenOnRuns
from orchestration.pictures import Pictures, find_picture
from orchestration.ports import list_origins
from orchestration.profiles import Settings, load_settings
from orchestration.roles.book import RoleBook
from orchestration.roles.keys import Keys
from orchestration.roles.rights import Person

_POLL_MS = 2000
_STATEMENT_MS = 15_000
_RECYCLE_S = 3600
_MOST_CONNECTIONS = 20


def main(name: str, port: str, workspace: str = "", browse_port: str = "0") -> None:
    """Serve `dagster` (a workspace file says where its code is, and the browser of frames has a port), `mlflow` or
    `browse` until a signal."""
    settings = load_settings()
    origins = list_origins(port, settings)
    make = {
        "dagster": partial(_make_dagster, Path(workspace), settings, int(browse_port)),
        "mlflow": partial(_make_mlflow, settings, origins),
        "browse": partial(_make_browse, settings),
    }
    with make[name]() as app:
        cookie = name_cookie(settings.home)  # one for all servers of a home
        gate = Gate(app, origins, _build_keys(name, settings), cookie)
        # lines of access would hold the token, and the servers' own addresses
        uvicorn.run(
            gate,
            host=settings.ui_host,
            port=int(port),
            access_log=False,
            log_level="warning",
            proxy_headers=False,
            timeout_graceful_shutdown=3,
        )


def _build_keys(name: str, settings: Settings) -> Keys:
    """Roles open the frame browser alone: Dagster's pages and MLflow's know none, and let who comes in do all."""
    token, author = read_token(settings.ui_token), getpass.getuser()
    book = RoleBook(settings.roles_file) if name == "browse" else None
    return Keys(token, Person(author), book)


@contextmanager
def _make_dagster(
    workspace_file: Path, settings: Settings, browse_port: int
) -> Iterator[ASGIApp]:
    from dagster import DagsterInstance
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import WorkspaceFileTarget
    from dagster_webserver.app import create_app_from_workspace_process_context
    from dagster_webserver.version import __version__

    from orchestration.metrics.page import Metrics
    from orchestration.metrics.scrape import open_scraper

    target = WorkspaceFileTarget([str(workspace_file)])
    with DagsterInstance.get() as instance:
        instance.optimize_for_webserver(_STATEMENT_MS, _RECYCLE_S, _MOST_CONNECTIONS)
        with WorkspaceProcessContext(instance, target, __version__) as workspace:
            pages = create_app_from_workspace_process_context(
                workspace, live_data_poll_rate=_POLL_MS
            )
            with_pictures = Pictures(pages, partial(find_picture, instance))
            with_browser = BrowseLink(with_pictures, browse_port, settings.ui_origins)
            yield Metrics(with_browser, open_scraper(settings))


@contextmanager
def _make_mlflow(settings: Settings, origins: list[str]) -> Iterator[ASGIApp]:
    """The application of `mlflow server`, which hands it over by its environment.

    Not by arguments: the store's address may hold a password, and anybody may list the arguments of processes.
    """
    os.environ["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"] = ",".join(origins)
    hosts = [origin.split("://")[1] for origin in origins]
    os.environ["MLFLOW_SERVER_ALLOWED_HOSTS"] = ",".join(hosts)

    from mlflow.environment_variables import (
        _MLFLOW_IN_JOB_EXECUTOR,
        _MLFLOW_SERVER_BOOT_ID,
    )
    from mlflow.server import constants

    os.environ[constants.BACKEND_STORE_URI_ENV_VAR] = settings.mlflow_url
    os.environ[constants.REGISTRY_STORE_URI_ENV_VAR] = settings.mlflow_url
    os.environ[constants.ARTIFACT_ROOT_ENV_VAR] = "mlflow-artifacts:/"
    os.environ[constants.ARTIFACTS_DESTINATION_ENV_VAR] = settings.mlflow_artifacts
    os.environ[constants.SERVE_ARTIFACTS_ENV_VAR] = "true"
    # a server makes no code of what its store holds
    os.environ[_MLFLOW_SERVER_BOOT_ID.name] = uuid.uuid4().hex
    os.environ[_MLFLOW_IN_JOB_EXECUTOR.name] = "false"

    from mlflow.server import app as pages
    from mlflow.server.fastapi_app import app

    yield OpenOnRuns(app, Path(str(pages.static_folder)) / "index.html")


@contextmanager
def _make_browse(settings: Settings) -> Iterator[ASGIApp]:
    """The frame browser: whoever has started the UI corrects labels there."""
    from orchestration.browse.serving import build_app, build_browser
    from orchestration.cli import run_verb

    yield build_app(settings, build_browser(settings), getpass.getuser(), run_verb)


if __name__ == "__main__":
    main(*sys.argv[1:])
