"""One node of Ray on loopback, as a machine of a team has one: `python -m bench.prove.ray_node FOLDER CPUS [ADDRESS]`.

It says its cluster's address and its raylet's process id, as JSON, when it runs, and ends when nobody listens any more.
Without an address it is the head. Several on one computer are as many nodes to Ray, each with the working folder and
the environment of who started it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from assets.cluster.connection import RAY_SETTINGS

# with RAY_AUTH_TOKEN, or the token that Ray keeps for this user: all nodes and drivers share it
SETTINGS = {
    **RAY_SETTINGS,
    "OMP_WAIT_POLICY": "PASSIVE",  # nodes share the cores, and none knows of the others
}
_STORE_BYTES = 100 << 20


def serve(folder: str, num_cpus: int, address: str | None) -> None:
    """Be a node until standard input closes. `folder` has a short path: those of sockets have 107 bytes at most."""
    # `ray start` takes no second node that stays on loopback
    from ray._private.authentication.authentication_token_setup import (
        ensure_token_if_auth_enabled,
    )
    from ray._private.node import Node
    from ray._private.parameter import RayParams

    facts: dict[str, Any] = {
        "node_ip_address": "127.0.0.1",
        "num_cpus": num_cpus,
        "num_gpus": 0,
        "object_store_memory": _STORE_BYTES,
        "temp_dir": folder,
        "min_worker_port": 0,
        "max_worker_port": 0,
    }
    if address is None:
        facts |= {"include_dashboard": False, "gcs_server_port": 0}
    else:
        facts |= {"gcs_address": address, "include_log_monitor": False}
    ensure_token_if_auth_enabled()
    node = Node(RayParams(**facts), head=address is None)
    try:
        (raylet,) = node.all_processes["raylet"]
        told = {"address": node.gcs_address, "raylet": int(raylet.process.pid)}
        print(json.dumps(told), flush=True)
        sys.stdin.read()
    finally:
        node.kill_all_processes(check_alive=False, allow_graceful=False)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), sys.argv[3] if sys.argv[3:] else None)
