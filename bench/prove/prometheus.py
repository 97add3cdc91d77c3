"""A throw-away Prometheus on loopback, by the binary of Debian's package `prometheus`: it scrapes, and is asked."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.prove.seaweed import free_ports

_READY_S = 60.0
_END_S = 10.0
_POLL_S = 0.2
_INTERVAL = "1s"
_LEAST_SAMPLES = 5  # of a target, so that a rise can be told


class PrometheusMissing(RuntimeError):
    """The binary is not on this machine."""


@dataclass(frozen=True)
class Target:
    """What is scraped at 127.0.0.1: a job's name, its port, and the file of the token that it asks for."""

    job: str
    port: int
    token: Path | None = None

    @property
    def config(self) -> dict[str, Any]:
        """As a job of `scrape_configs`."""
        config = {
            "job_name": self.job,
            "static_configs": [{"targets": [f"127.0.0.1:{self.port}"]}],
        }
        if self.token is not None:
            config["authorization"] = {"credentials_file": str(self.token)}
        return config


class Prometheus:
    """One that runs; it is asked over its API."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}/api/v1"

    def query(self, text: str) -> list[dict[str, Any]]:
        """The series of an instant query, as they are now. Raises urllib.error.HTTPError for one that it refuses."""
        found: list[dict[str, Any]] = self._ask("query", query=text)["result"]
        return found

    def list_rules(self) -> list[dict[str, Any]]:
        """The alerts that it follows, each with its health."""
        groups = self._ask("rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def wait(self, targets: Sequence[Target]) -> None:
        """Until each target was scraped often enough, and each rule evaluated."""
        deadline_s = time.monotonic() + _READY_S
        while not self._is_ready(targets):
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"not scraped within {_READY_S:g} s: {targets}")
            time.sleep(_POLL_S)

    def _is_ready(self, targets: Sequence[Target]) -> bool:
        try:
            counts = [self.query(f'sum_over_time(up{{job="{t.job}"}}[5m])') for t in targets]  # fmt: skip
            evaluated = [rule["health"] != "unknown" for rule in self.list_rules()]
        except OSError:
            return False
        scraped = [float(c[0]["value"][1]) >= _LEAST_SAMPLES for c in counts if c]
        return len(scraped) == len(targets) and all(scraped) and all(evaluated)

    def _ask(self, what: str, **words: str) -> dict[str, Any]:
        address = f"{self._address}/{what}?{urllib.parse.urlencode(words)}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            data: dict[str, Any] = json.load(answer)["data"]
        return data


@contextmanager
def run_prometheus(
    folder: Path, targets: Sequence[Target], rules: Path
) -> Iterator[Prometheus]:
    """One whose data lies in `folder`, while the context lasts. Raises PrometheusMissing."""
    binary = shutil.which("prometheus")
    if binary is None:
        raise PrometheusMissing("no `prometheus` on PATH: apt-get install prometheus")
    config = {
        "global": {"scrape_interval": _INTERVAL, "evaluation_interval": _INTERVAL},
        "rule_files": [str(rules.resolve())],
        "scrape_configs": [target.config for target in targets],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))  # which is YAML too
    (port,) = free_ports(1)
    command = [
        binary,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield Prometheus(port)
    finally:
        process.terminate()
        process.wait(_END_S)
