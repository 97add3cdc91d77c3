"""Name a worker so that others on its machine can tell whether it still lives.

A name is `host/machine:process:start:random`. `machine` stands for the boot and the process namespace in which the
process number means something: two containers with one host name, or one host before and after a reboot, differ in it.
"""

from __future__ import annotations

import hashlib
import os
import socket
import uuid
from pathlib import Path

_PROC = Path("/proc")


def name_worker() -> str:
    """The name of this process, different at each call."""
    process = os.getpid()
    return f"{_machine()}:{process}:{_start_of(process)}:{uuid.uuid4().hex[:8]}"


def is_gone(worker: str) -> bool:
    """Whether the worker certainly runs no more. False for names of other machines and names we cannot read."""
    parts = worker.rsplit(":", 3)
    if len(parts) != 4 or parts[0] != _machine() or not parts[1].isdigit():
        return False
    process = int(parts[1])
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):  # it runs, and is another user's
        pass
    return _start_of(process) != parts[2]


def _machine() -> str:
    """Host name, and where there is /proc a digest of what tells this boot and process namespace from others."""
    try:
        place = (_PROC / "sys/kernel/random/boot_id").read_text() + os.readlink(
            _PROC / "self/ns/pid"
        )
    except OSError:
        return socket.gethostname()
    return f"{socket.gethostname()}/{hashlib.sha256(place.encode()).hexdigest()[:12]}"


def _start_of(process: int) -> str:
    """When the process started, in ticks since boot; "gone" for one that has ended, "-" where the system cannot say."""
    if not (_PROC / "self/stat").exists():
        return "-"
    try:
        # the name may hold anything
        facts = (_PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "gone"
    except PermissionError:
        return "-"
    return "gone" if facts[0] in "ZX" else facts[19]  # state, and field 22 of proc(5)
