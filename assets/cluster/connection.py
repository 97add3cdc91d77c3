"""The Ray that work runs on: the cluster of an address, or a small one of our own on loopback; and its room."""

from __future__ import annotations

import logging
import os
import platform
import socket
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from assets.addresses import hide
from assets.cluster.interrupts import heed_signals
from assets.cluster.same_code import require_same_on_all_nodes
from assets.cluster.worker_lines import hear_workers

SETTING = "DAGUERRE_RAY"
_WAIT_FOR_ALL_S = 20.0  # before fewer workers start
_ANSWER_S = 5.0  # for the head of a cluster to answer
_STORE_BYTES = 150 * 2**20
_log = logging.getLogger("daguerre.cluster")
# of every Ray that we start or join
RAY_SETTINGS = {
    "RAY_AUTH_MODE": "token",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # stays on loopback
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # at Ray's 15, whatever else runs on a laptop takes a training's cores
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # silences a warning about hidden GPUs
}
_TOKEN = "put that of the cluster into ~/.ray/auth_token, or name its file in RAY_AUTH_TOKEN_PATH"
_HEAD = "give host:port of its head, as `ray start --head` prints it"


@contextmanager
def open_ray(num_workers: int, address: str | None = None) -> Iterator[None]:
    """The Ray that this process is connected to; else the cluster whose head is at `address` (host:port), of which this
    machine must be a node; else a small one on loopback, which ends with the context.

    Raises ValueError, with the address and the remedy, where a cluster cannot be joined: nothing answers, the token is
    missing or another, its Ray or Python is another version, this machine is no node of it, or a node runs other code;
    and where others imported Ray before without tokens.
    """
    is_late = "ray" in sys.modules and "RAY_AUTH_MODE" not in os.environ
    for name, value in RAY_SETTINGS.items():
        os.environ.setdefault(name, value)
    import ray

    if ray.is_initialized():
        with heed_signals() as heed:
            heed()
            yield
        return
    if is_late:
        raise ValueError(
            "Ray was imported before its tokens were turned on, and looks at the setting then: set RAY_AUTH_MODE=token "
            "where this process starts"
        )
    with hear_workers(), ThreadPoolExecutor(1) as starter, heed_signals() as heed:
        try:
            if address:
                _join(address)
            else:
                _start(num_workers, starter)
            heed()
            yield
        finally:
            ray.shutdown()


def count_ready(least: int, most: int, resource: str) -> int:
    """How many workers start now: `most` where there is room for them within a while, else those that there is room
    for, and never under `least`. A worker takes one unit of the `resource`.
    """
    import ray

    deadline = time.monotonic() + _WAIT_FOR_ALL_S
    while (
        free := int(ray.available_resources().get(resource, 0))
    ) < most and time.monotonic() < deadline:
        time.sleep(0.2)
    if free < most:
        _log.warning(
            f"there is room for {free} of {most} workers: it goes on with {max(least, free)}"
        )
    return max(least, min(most, free))


def _start(num_workers: int, starter: ThreadPoolExecutor) -> None:
    """Start Ray in a thread of its own, which is to stay: Linux ends Ray's processes with the thread that started them.

    In the main thread Ray takes over SIGTERM at once and looks at it when it is up: for a signal to all processes,
    which ends what it waits for, that is half a minute later. Until it is up SIGTERM does what it did before.
    """
    import ray

    with _quiet_start():
        starter.submit(
            ray.init,
            address="local",  # none that somebody else has started here, or named in RAY_ADDRESS
            num_cpus=max(num_workers, os.cpu_count() or 1),
            include_dashboard=False,
            log_to_driver=True,
            configure_logging=False,
            object_store_memory=_STORE_BYTES,
        ).result()


@contextmanager
def _quiet_start() -> Iterator[None]:
    """Ray starts its processes anew: nothing of Lance is used in a fork. That SIGTERM is not Ray's is meant."""
    log = logging.getLogger("ray._private.worker")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "lance is not fork-safe")
            yield
    finally:
        log.setLevel(level)


def _join(address: str) -> None:
    _require_answer(address)
    _require_token(address)
    try:
        _require_member(address)
        _connect(address)
        require_same_on_all_nodes(address)
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"{SETTING}={address!r}: {_explain(error)}") from error


def _connect(address: str) -> None:
    import ray

    ray.init(
        address=address,
        log_to_driver=True,
        configure_logging=False,
        runtime_env={"worker_process_setup_hook": "daguerre.put_code_first"},
    )


def _require_answer(address: str) -> None:
    """Before Ray is asked: it waits long for what is not there."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_S).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "no answer"
        raise ValueError(
            f"{SETTING}={address!r}: no Ray answers there ({reason}): {_HEAD}"
        ) from error


def _require_token(address: str) -> None:
    """Before Ray looks for it: without one it ends this process."""
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    file = Path(named) if named else Path.home() / ".ray" / "auth_token"
    is_there = file.is_file() and file.read_text(errors="replace").strip()
    if not os.environ.get("RAY_AUTH_TOKEN") and not is_there:
        raise ValueError(f"{SETTING}={address!r}: {file} holds no token: {_TOKEN}")


def _require_member(address: str) -> None:
    """That the cluster takes the token, has our versions, and that this machine is of it."""
    import ray
    from ray._common.usage.usage_lib import get_cluster_metadata
    from ray._private.services import find_node_ids
    from ray._raylet import GcsClient  # type: ignore[attr-defined]

    client = GcsClient(address=address)
    facts = get_cluster_metadata(client)
    ours = {"Ray": ray.__version__, "Python": platform.python_version()}
    theirs = {"Ray": facts["ray_version"], "Python": facts["python_version"]}
    if ours != theirs:
        raise ValueError(
            f"{SETTING}={address!r}: it runs {_list(theirs)}, here is {_list(ours)}: install the same on both"
        )
    members = {node_id.hex() for node_id in client.get_all_node_info(timeout=_ANSWER_S)}
    if not members & find_node_ids():
        raise ValueError(
            f"{SETTING}={address!r}: this machine is no node of that cluster: "
            f"`ray start --address={address} --num-cpus=0` makes it one that lends no cores"
        )


def _list(versions: dict[str, str]) -> str:
    return " and ".join(f"{name} {version}" for name, version in versions.items())


def _explain(error: Exception) -> str:
    import ray

    if isinstance(error, ray.exceptions.AuthenticationError):
        return f"the cluster refuses the token that is here: {_TOKEN}"
    if isinstance(error, ray.exceptions.RpcError):
        return f"what answers there is no Ray: {_HEAD}"
    reason = next(iter(str(error).strip().splitlines()), repr(error))
    return f"it cannot be joined ({hide(reason)}): {_HEAD}"
