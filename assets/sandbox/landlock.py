"""Leave this thread, and those it starts, no file but those below some folders, which it may read: landlock(7).

Numbers from the kernel's include/uapi/linux/landlock.h; the calls have the same ones on every architecture.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable

CREATE_RULESET = 444
ADD_RULE = 445
RESTRICT_SELF = 446
ASK_VERSION = 1
PATH_BENEATH = 1
_READ_FILE = 1 << 2
_READ_DIR = 1 << 3
# version of the interface -> how many rights to files it knows
_NUM_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_NUM_RIGHTS_LATER = 16
_TCP_VERSION = 4
_SCOPE_VERSION = 6
_TCP = 0b11  # bind, connect
_SCOPE = 0b11  # abstract sockets, signals


def leave_only(folders: Iterable[str]) -> None:
    """Only what lies below `folders` can be opened from now on, to be read. Raises OSError where the kernel does not.

    Wants no_new_privs. What is open stays open. Connections and signals to others end with it, in kernels that can.
    """
    version = call(CREATE_RULESET, None, 0, ASK_VERSION)
    ruleset = _describe(version)
    descriptor = call(CREATE_RULESET, ruleset, len(ruleset), 0)
    try:
        for folder in folders:
            _allow(descriptor, folder)
        call(RESTRICT_SELF, descriptor, 0)
    finally:
        os.close(descriptor)


def _describe(version: int) -> bytes:
    """struct landlock_ruleset_attr: all that this version can forbid."""
    fields = [(1 << _NUM_RIGHTS.get(version, _NUM_RIGHTS_LATER)) - 1]
    if version >= _TCP_VERSION:
        fields.append(_TCP)
    if version >= _SCOPE_VERSION:
        fields.append(_SCOPE)
    return struct.pack(f"={len(fields)}Q", *fields)


def _allow(ruleset: int, folder: str) -> None:
    try:
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        rule = struct.pack("=Qi", _READ_FILE | _READ_DIR, descriptor)
        call(ADD_RULE, ruleset, PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)


def call(number: int, *arguments: object) -> int:
    """A call to the system by its number; what it gives. Raises OSError."""
    result = ctypes.CDLL(None, use_errno=True).syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return int(result)
