"""`python -m bench.prove.own_files ROOT OWN COMMAND...`: run a command that opens nothing in ROOT but OWN.

So processes on one computer are as far from each other's files as on two: Landlock, landlock(7). What lies elsewhere,
such as programs and devices, stays open to them. A kernel without it is told, and the command runs all the same.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from assets.sandbox.landlock import (
    ADD_RULE,
    ASK_VERSION,
    CREATE_RULESET,
    PATH_BENEATH,
    RESTRICT_SELF,
    call,
)

# version of the interface -> how many rights to files it knows; the first forbids to move files between folders
_NUM_RIGHTS = {2: 14, 3: 15, 4: 15}
_NUM_RIGHTS_LATER = 16
_NO_NEW_PRIVS = 38  # prctl(2)


def keep_to(root: Path, own: Path) -> None:
    """From now on nothing below `root` is opened but what is in `own`. Raises OSError where the kernel cannot."""
    version = call(CREATE_RULESET, None, 0, ASK_VERSION)
    if version < min(_NUM_RIGHTS):
        raise OSError(f"Landlock's interface {version} is too old")
    rights = (1 << _NUM_RIGHTS.get(version, _NUM_RIGHTS_LATER)) - 1
    attributes = struct.pack("=Q", rights)
    ruleset = call(CREATE_RULESET, attributes, len(attributes), 0)
    for folder in (*_list_beside(root), own):
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        rule = struct.pack("=Qi", rights, descriptor)
        call(ADD_RULE, ruleset, PATH_BENEATH, rule, 0)
        os.close(descriptor)
    if ctypes.CDLL(None).prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError("prctl(PR_SET_NO_NEW_PRIVS)")
    call(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _list_beside(root: Path) -> Iterator[Path]:
    """All folders that are neither `root` nor above it, the topmost of them."""
    path = root.resolve()
    while path != path.parent:
        with os.scandir(path.parent) as beside:
            yield from (Path(e) for e in beside if e.name != path.name and e.is_dir())
        path = path.parent


def main() -> None:
    root, own, *command = sys.argv[1:]
    try:
        keep_to(Path(root), Path(own))
    except OSError as error:
        print(f"files of other machines are in reach: {error}", file=sys.stderr)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
