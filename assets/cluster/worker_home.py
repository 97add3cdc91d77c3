"""What a worker finds on its machine: a home for copies of models, and the stores that all machines are to see."""

from __future__ import annotations

import os
import socket
import tempfile
from functools import cache
from pathlib import Path

SETTING = "DAGUERRE_HOME"


@cache
def find_home() -> Path:
    """The folder that the machine names, as it was when Ray was started there; else one that ends with this process."""
    named = os.environ.get(SETTING)
    if named:
        home = Path(named).expanduser().resolve()
        home.mkdir(parents=True, exist_ok=True)
        return home
    return Path(_keep_temporary().name)


def require_seen(uri: str, setting: str) -> None:
    """Raises ValueError where a store is a folder that this machine has not: it was meant for one machine."""
    if "://" not in uri and not Path(uri).is_dir():
        raise ValueError(
            f"{uri} is no folder on {socket.gethostname()}: let {setting} name a bucket, or a disk that all nodes see"
        )


@cache
def _keep_temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="daguerre-worker-")
