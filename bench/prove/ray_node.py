"""One node of Ray on loopback, as a machine of a team has one: `python -m bench.prove.ray_node FOLDER CPUS [ADDRESS]`.

It says its cluster's address when it runs, and ends when nobody listens any more. Without an address it is the head.
Several on one computer are as many nodes to Ray, each with the working folder and the environment of who started it.
"""

from __future__ import annotations

import sys
from typing import Any

# with RAY_AUTH_TOKEN, which all nodes and drivers share
SETTINGS = {
    "RAY_AUTH_MODE": "token",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # stays on loopback
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "OMP_WAIT_POLICY": "PASSIVE",  # nodes share the cores, and none knows of the others
}
_STORE_BYTES = 100 << 20


def serve(folder: str, num_cpus: int, address: str | None) -> None:
    """Be a node until standard input closes. `folder` has a short path: those of sockets have 107 bytes at most."""
    # `ray start` takes no second node that stays on loopback
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
    node = Node(RayParams(**facts), head=address is None)
    try:
        print(node.gcs_address, flush=True)
        sys.stdin.read()
    finally:
        node.kill_all_processes(check_alive=False, allow_graceful=False)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), sys.argv[3] if sys.argv[3:] else None)
