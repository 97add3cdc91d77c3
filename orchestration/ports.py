"""Ports of servers on this machine: whether they can be had, and what a browser calls them.

Belongs here: what every server of ours asks before it listens. Does not: servers, and who is let in.
"""

import socket
from collections.abc import Mapping
from contextlib import ExitStack

from orchestration.profiles import LOOPBACK, Settings


def require_free(ports: Mapping[str, int], host: str = LOOPBACK) -> None:
    """Raise ValueError for a port, by its option, that is taken, or given twice."""
    with ExitStack() as held:
        for option, port in ports.items():
            probe = held.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                probe.listen()
            except OSError as error:
                raise ValueError(
                    f"port {port} of {host} cannot be had ({error.strerror}): give another one by {option}"
                ) from None


def list_origins(port: str, settings: Settings) -> list[str]:
    """What a browser may call the server at this port."""
    loopback = [f"http://{name}:{port}" for name in (LOOPBACK, "localhost")]
    return [*loopback, *settings.ui_origins]
