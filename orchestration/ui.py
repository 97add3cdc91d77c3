"""Serve Dagster and MLflow on loopback, by servers that are kept running and end with this process.

Belongs here: how the servers start, where they listen, the instance's dagster.yaml. Does not: the graph.
"""

import os
import signal
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from orchestration.profiles import CHECKOUT, Settings
from orchestration.resources import build_tracker
from orchestration.servers import Server, end_all

_HOST = "127.0.0.1"
_START_S = 180.0
_QUIET = {
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
_INSTANCE = """\
# Written by daguerre when it was absent; edit freely. https://docs.dagster.io/deployment/oss/dagster-yaml
telemetry:
  enabled: false
nux:
  enabled: false
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
concurrency:
  runs:
    max_concurrent_runs: 2
    tag_concurrency_limits:
      - key: dagster/concurrency_key
        value: training
        limit: 1
python_logs:
  managed_python_loggers: [daguerre]
  python_log_level: INFO
run_monitoring:
  enabled: true
run_retries:
  enabled: true
  max_retries: 2
  retry_on_asset_or_op_failure: false
"""


def prepare_instance(settings: Settings) -> Path:
    """Make the Dagster home with its dagster.yaml and return it."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    config = settings.dagster_home / "dagster.yaml"
    if not config.exists():
        config.write_text(_INSTANCE)
    return settings.dagster_home


def serve(settings: Settings, port: int, mlflow_port: int) -> int:
    """Start the servers, print their addresses when they answer, and keep them running. Returns the exit code."""
    # makes MLflow's tables: two processes that make them at once collide
    build_tracker(settings).versions("detection")
    servers: list[Server] = []
    stop = _Stop()
    # a caught signal has its default in the servers, an ignored one not
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, stop)
    try:
        for name, command in _commands(settings, port, mlflow_port).items():
            servers.append(_start(name, command, settings))
        addresses = {
            "Dagster": f"http://{_HOST}:{port}",
            "MLflow": f"http://{_HOST}:{mlflow_port}",
        }
        for server, (name, address) in zip(servers, addresses.items(), strict=True):
            _wait_until_up(name, address, server, stop)
            print(f"{name:8} {address}", flush=True)
        print("Ctrl-C ends both.", flush=True)
        while not stop.requested:
            for server in servers:
                told = server.tend()
                if told:
                    print(told, file=sys.stderr, flush=True)
            time.sleep(0.3)
        return 0
    finally:
        end_all(servers)


class _Stop:
    requested = False

    def __call__(self, *_: object) -> None:
        self.requested = True


def _commands(settings: Settings, port: int, mlflow_port: int) -> dict[str, list[str]]:
    dagster = [sys.executable, "-m", "dagster", "dev", "-h", _HOST, "-p", str(port)]
    # as in workspace.yaml, which is in checkouts
    dagster += ["-m", "orchestration.definitions", "-d", str(CHECKOUT)]
    mlflow = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        _HOST,
        "--port",
        str(mlflow_port),
        "--workers",
        "1",
    ]
    mlflow += ["--artifacts-destination", settings.mlflow_artifacts]
    mlflow += ["--allowed-hosts", f"{_HOST}:{mlflow_port},localhost:{mlflow_port}"]
    (settings.home / "mlflow").mkdir(parents=True, exist_ok=True)
    return {"dagster": dagster, "mlflow": mlflow}


def _start(name: str, command: list[str], settings: Settings) -> Server:
    homes = {
        "DAGSTER_HOME": str(prepare_instance(settings)),
        "DAGUERRE_HOME": str(settings.home),
        # it may hold a password, and anybody may list the arguments of processes
        "MLFLOW_BACKEND_STORE_URI": settings.mlflow_url,
    }
    return Server(
        name, command, {**os.environ, **homes, **_QUIET}, _log(settings, name)
    )


def _wait_until_up(name: str, address: str, server: Server, stop: _Stop) -> None:
    deadline = time.monotonic() + _START_S
    while not stop.requested:
        if not server.is_running or time.monotonic() > deadline:
            raise ValueError(f"{name} did not start on {address}: see {server.log}")
        try:
            urllib.request.urlopen(address, timeout=2)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)


def _log(settings: Settings, name: str) -> Path:
    return settings.home / "logs" / f"{name}.log"
