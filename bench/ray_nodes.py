"""A Ray cluster of several nodes on loopback of this machine, for figures and tests: as others would start one.

The nodes belong to a process of their own, which ends them when its standard input closes: so also when whoever
started it is killed. All of them take the token that Ray keeps for this user. `python -m bench.ray_nodes` is that
process; use `start_ray_nodes`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import psutil

from orchestration.profiles import CHECKOUT

_SETTINGS = {
    "RAY_AUTH_MODE": "token",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # stays on loopback
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
_STORE_BYTES = 150 << 20
_END_S = 60.0


@dataclass(frozen=True)
class RayNodes:
    """`address` is host:port, as Ray takes it. `raylets` are process ids, one a node; the first is the head's."""

    address: str
    raylets: tuple[int, ...]

    def is_alive(self, number: int) -> bool:
        """Whether the node's raylet still runs."""
        try:
            return psutil.Process(self.raylets[number]).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


@contextmanager
def start_ray_nodes(
    num_nodes: int = 2,
    cpus_each: int = 1,
    environments: Sequence[Mapping[str, str]] = (),
) -> Iterator[RayNodes]:
    """Nodes that run for as long as the context lasts; `environments` are added to those of their processes, in order.

    Raises RuntimeError, with the last that was said, where they do not start.
    """
    asked = {
        "cpus_each": cpus_each,
        "environments": [
            dict(environments[n]) if n < len(environments) else {}
            for n in range(num_nodes)
        ],
    }
    path = [str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.ray_nodes", json.dumps(asked)],
            cwd=CHECKOUT,
            env={**os.environ, **_SETTINGS, "PYTHONPATH": os.pathsep.join(path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            start_new_session=True,  # a Ctrl-C is for who started it
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line.startswith("{"):
                said.seek(0)
                raise RuntimeError(f"Ray's nodes did not start: {said.read()[-2000:]}")
            facts = json.loads(line)
            yield RayNodes(facts["address"], tuple(facts["raylets"]))
        finally:
            process.stdin.close()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


def _serve(cpus_each: int, environments: Sequence[Mapping[str, str]]) -> None:
    """Start the nodes, say where they are, and end them once nobody listens any more."""
    from ray._private import utils
    from ray._private.authentication.authentication_token_setup import (
        ensure_token_if_auth_enabled,
    )
    from ray.cluster_utils import Cluster

    # that all who start a Ray on this machine later would join instead
    utils.write_ray_address = lambda *_: None
    ensure_token_if_auth_enabled()
    # a socket's path is 107 bytes long at most
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    cluster = Cluster()
    try:
        nodes = [
            cluster.add_node(**_describe(folder, cpus_each, environment, number))
            for number, environment in enumerate(environments)
        ]
        found = RayNodes(cluster.address, tuple(_find_raylet(node) for node in nodes))
        print(json.dumps(asdict(found)), flush=True)
        sys.stdin.read()
    finally:
        for node in [*cluster.worker_nodes, cluster.head_node]:
            if node is not None:
                node.kill_all_processes(check_alive=False, allow_graceful=False)
        _await_end(psutil.Process().children(recursive=True))
        shutil.rmtree(folder, ignore_errors=True)


def _describe(
    folder: str, num_cpus: int, environment: Mapping[str, str], number: int
) -> dict[str, Any]:
    of_head = {"temp_dir": folder, "include_dashboard": False} if not number else {}
    return {
        "num_cpus": num_cpus,
        "object_store_memory": _STORE_BYTES,
        "node_ip_address": "127.0.0.1",
        "env_vars": {**environment},
        **of_head,
    }


def _find_raylet(node: Any) -> int:
    (raylet,) = node.all_processes["raylet"]
    return int(raylet.process.pid)


def _await_end(processes: Sequence[psutil.Process]) -> None:
    """Whatever does not end by itself within a while is ended: all of it was started here."""
    deadline = time.monotonic() + 5
    while any(p.is_running() for p in processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


if __name__ == "__main__":
    _serve(**json.loads(sys.argv[1]))
