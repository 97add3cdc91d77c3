"""Take from this process what a decoder of foreign bytes does not need: privileges, network, files, other processes.

Each is done where the system can (Linux), and what it cannot is said. Run as `python -m assets.sandbox.confinement`, it
confines itself and prints that as a JSON list: `list_gaps` asks so, and `daguerre status --health` tells.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Callable, Iterator

from assets.sandbox import landlock, seccomp
from assets.sandbox.child_process import START_SECONDS, end_child, start_child

_PR_SET_NO_NEW_PRIVS = 38  # prctl(2)
_CAPABILITIES_V3 = 0x20080522  # capset(2)


def confine() -> list[str]:
    """From now on no privileges, no network, no processes, no files but the libraries' own. Returns what is missing.

    To be called when the libraries are loaded, and before threads are started.
    """
    if sys.platform != "linux":
        return [f"nothing of it: {sys.platform} has neither seccomp nor Landlock"]
    steps: dict[str, Callable[[], None]] = {
        "no privileges": _drop_privileges,
        "no files (Landlock)": lambda: landlock.leave_only(sorted(_list_folders())),
        "no network, no processes (seccomp)": seccomp.refuse_calls,
    }
    gaps = []
    for name, take in steps.items():
        try:
            take()
        except OSError as error:
            gaps.append(f"{name}: {error.strerror}")
    return gaps


def list_gaps() -> list[str]:
    """What of its confinement a child does not get on this machine, each with the reason. Starts one to find out."""
    child = start_child("assets.sandbox.confinement", ())
    try:
        told, _ = child.communicate(timeout=START_SECONDS)
    finally:
        end_child(child)
    gaps: list[str] = json.loads(told)
    return gaps


def _drop_privileges() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_V3, 0)
    nothing = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, of 64 bits
    if (
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
        or libc.capset(header, nothing) != 0
    ):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _list_folders() -> Iterator[str]:
    """Where libraries may look for more of themselves: the standard library, and each package that is loaded."""
    yield os.path.dirname(os.__file__)
    for name, module in list(sys.modules.items()):
        if "." not in name:
            yield from map(str, getattr(module, "__path__", ()))


if __name__ == "__main__":
    print(json.dumps(confine()))
