"""Serve Dagster, MLflow and the frame browser on loopback, by servers that are kept running and end with this process.

Belongs here: which servers there are, where they listen. Does not: the graph, the gate, Dagster's own settings.
"""

import logging
import os
import signal
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from assets.locks import find_holder, take_named
from orchestration.gate import as_header, read_token, renew_token
from orchestration.health import require_answers
from orchestration.instance import prepare_instance
from orchestration.log_lines import tell
from orchestration.ports import require_free
from orchestration.profiles import CHECKOUT, LOOPBACK, Settings
from orchestration.resources import build_run_log, build_tracker
from orchestration.servers import Server, end_all

MODULE = "orchestration.definitions"
_CODE = "dagster-code"
_MLFLOW = "mlflow"
_START_S = 180.0
_QUIET = {
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
_WORKSPACE = """\
load_from:
  - grpc_server: {{socket: {socket}, location_name: {name}}}
"""
_OPEN = "Open one of them for all. Ctrl-C ends all."
_OPEN_ONE = "Ctrl-C ends all that was started here."
_WORK = """\
Meanwhile new sessions are taken in and judged by the champions, and drift may start a training.
Where that is not wanted, turn off landing_zone_sensor, unjudged_session_sensor or drift_sensor: page Automation."""


@dataclass(frozen=True)
class Ports:
    """Where the pages listen."""

    dagster: int
    mlflow: int
    browse: int


def serve(settings: Settings, chosen: Ports) -> int:
    """Start the servers, print their links when they answer, and keep them running. Returns the exit code.

    Raises ValueError, and starts nothing, where the UI of this home runs already, a backfill is worked on, a
    port is taken or a database of the settings does not answer.
    """
    pages = {
        "Dagster": f"http://{LOOPBACK}:{chosen.dagster}",
        "MLflow": f"http://{LOOPBACK}:{chosen.mlflow}",
        "Browse": f"http://{LOOPBACK}:{chosen.browse}",
    }
    ports = {
        "--port": chosen.dagster,
        "--mlflow-port": chosen.mlflow,
        "--browse-port": chosen.browse,
    }
    if _has_mlflow_elsewhere(settings):
        pages["MLflow"] = settings.mlflow_url
        del ports["--mlflow-port"]
    worker = find_holder(settings.backfill_lock)
    if worker:
        raise ValueError(
            f"process {worker} works on a backfill of this home: wait for its end, or end it: its call goes on later"
        )
    with own_home(settings.ui_lock, pages):
        require_free(ports, settings.ui_host)
        require_answers(settings)
        return _serve(settings, pages, chosen)


def _serve(settings: Settings, pages: Mapping[str, str], ports: Ports) -> int:
    print("starting Dagster, MLflow and the browser: about a minute", flush=True)
    # makes MLflow's tables: two processes that make them at once collide
    build_tracker(settings).versions("detection")
    build_run_log(settings).end_abandoned()
    is_named = settings.ui_token_file is not None
    token = (read_token if is_named else renew_token)(settings.ui_token)
    # a token that stays is not for a log
    shown = f"<the text in {settings.ui_token_file}>" if is_named else token
    servers: dict[str, Server] = {}
    stop = _Stop()
    # a caught signal has its default in the servers, an ignored one not
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, stop)
    # a socket's path has 107 bytes at most, and that of the home may be longer
    with tempfile.TemporaryDirectory(prefix="daguerre-ui-") as folder:
        try:
            _start_all(servers, settings, ports, Path(folder), stop)
            for name, address in pages.items():
                server = servers.get(name.lower())
                if server is None:  # it is somebody else's, who gets no token of ours
                    print(f"{name:8} {address}", flush=True)
                    continue
                _wait_until(partial(_answers, address, token), server, stop)
                print(f"{name:8} {address}/?token={shown}", flush=True)
            print(_OPEN if _MLFLOW in servers else _OPEN_ONE, flush=True)
            print(_WORK, flush=True)
            _tend(servers, stop)
        finally:
            end_all(list(servers.values()))
    return 0


@contextmanager
def own_home(lock: Path, pages: Mapping[str, str]) -> Iterator[None]:
    """Let this be the only UI of the home: a second daemon would run the same work, a second token lock the first out.

    The file says where the pages are. Raises ValueError that names them where another process has them.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as file:
        if not take_named(
            file, f" at {' and '.join(pages.values())} (process {os.getpid()})"
        ):
            file.seek(0)
            raise ValueError(
                f"the UI of this home runs already{file.read()}: open the link that it printed, or end it first"
            )
        yield


class _Stop:
    requested = False

    def __call__(self, *_: object) -> None:
        self.requested = True


def _start_all(
    servers: dict[str, Server],
    settings: Settings,
    ports: Ports,
    folder: Path,
    stop: _Stop,
) -> None:
    """Start what the pages need, and the pages; Dagster's code is there before what asks for it."""
    code = folder / "code.sock"
    workspace = folder / "workspace.yaml"
    workspace.write_text(_WORKSPACE.format(socket=code, name=MODULE))
    for name, command in _commands(ports, code, workspace).items():
        if name == _MLFLOW and _has_mlflow_elsewhere(settings):
            continue
        servers[name] = _start(name, command, settings)
        if name == _CODE:
            _wait_until(partial(_listens, code), servers[name], stop)


def _commands(ports: Ports, code: Path, workspace: Path) -> dict[str, list[str]]:
    """name -> command, in the order of starting."""
    python = [sys.executable, "-m"]
    gated = [sys.executable, "-P", "-m", "orchestration.gated"]
    start_code = [*python, "dagster", "code-server", "start", "-s", str(code)]
    return {
        _MLFLOW: [*gated, "mlflow", str(ports.mlflow)],
        # as in workspace.yaml, which is in checkouts
        _CODE: [*start_code, "-m", MODULE, "-d", str(CHECKOUT)],
        "dagster": [
            *gated,
            "dagster",
            str(ports.dagster),
            str(workspace),
            str(ports.browse),
        ],
        "browse": [*gated, "browse", str(ports.browse)],
        "dagster-daemon": [
            *python,
            "orchestration.daemon",
            "run",
            "-w",
            str(workspace),
        ],
    }


def _start(name: str, command: list[str], settings: Settings) -> Server:
    inherited = os.environ.get("PYTHONPATH")
    homes = {
        "DAGSTER_HOME": str(prepare_instance(settings)),
        "DAGUERRE_HOME": str(settings.home),
        "PYTHONPATH": os.pathsep.join(
            [str(CHECKOUT), *([inherited] if inherited else [])]
        ),
    }
    log = settings.home / "logs" / f"{name}.log"
    return Server(name, command, {**os.environ, **homes, **_QUIET}, log)


def _has_mlflow_elsewhere(settings: Settings) -> bool:
    return settings.mlflow_url.startswith("http")


def _tend(servers: Mapping[str, Server], stop: _Stop) -> None:
    while not stop.requested:
        for server in servers.values():
            told = server.tend()
            if told:
                tell(told, logging.WARNING)
        time.sleep(0.3)


def _wait_until(is_up: Callable[[], bool], server: Server, stop: _Stop) -> None:
    deadline = time.monotonic() + _START_S
    while not stop.requested and not is_up():
        if not server.is_running or time.monotonic() > deadline:
            raise ValueError(f"{server.name} did not start: see {server.log}")
        time.sleep(0.3)


def _answers(address: str, token: str) -> bool:
    request = urllib.request.Request(address, headers=as_header(token))
    try:
        with urllib.request.urlopen(request, timeout=2):
            return True
    except urllib.error.HTTPError as error:
        return error.code == 404  # of one without a front page
    except OSError:
        return False


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
