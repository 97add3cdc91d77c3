"""A Ray cluster of several nodes on loopback of this machine, for figures and tests: as others would start one.

Each node is a process of its own (`bench.prove.ray_node`), which ends when its standard input closes: so also when
whoever started it is killed. All of them take the token that Ray keeps for this user.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from bench.prove.ray_node import SETTINGS
from orchestration.profiles import CHECKOUT

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
    # a socket's path is 107 bytes long at most; the head follows the logs of all nodes, which lie in one folder
    root = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, root, ignore_errors=True)
        found: list[dict[str, Any]] = []
        for number in range(num_nodes):
            joins = [found[0]["address"]] if found else []
            words = [root, str(cpus_each), *joins]
            added = environments[number] if number < len(environments) else {}
            found.append(stack.enter_context(_start_node(words, added)))
        yield RayNodes(found[0]["address"], tuple(one["raylet"] for one in found))


@contextmanager
def _start_node(words: Sequence[str], added: Mapping[str, str]) -> Iterator[Any]:
    """What a node says of itself."""
    # what a node is given of code comes before ours
    codes = [added.get("PYTHONPATH"), str(CHECKOUT), os.environ.get("PYTHONPATH")]
    path = os.pathsep.join(filter(None, codes))
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.prove.ray_node", *words],
            cwd=CHECKOUT,
            env={**os.environ, **SETTINGS, **added, "PYTHONPATH": path},
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
                raise RuntimeError(f"Ray's node did not start: {said.read()[-2000:]}")
            yield json.loads(line)
        finally:
            process.stdin.close()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                _kill(process)
            process.stdout.close()


def _kill(process: subprocess.Popen[str]) -> None:
    """With all that it started."""
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    for child in children:
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue
