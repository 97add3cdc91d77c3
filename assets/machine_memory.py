"""How much memory this process may use: the machine's, or what its container is given of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

_V2 = ("sys/fs/cgroup", "memory.max")
_V1 = ("sys/fs/cgroup/memory", "memory.limit_in_bytes")


def measure_memory(root: Path = Path("/")) -> int:
    """Bytes: the least of the machine's and of the limits of the control groups of this process, of version 1 or 2.

    `root` is where `proc` and `sys` lie. A group without a limit, or one that cannot be read, has no say.
    """
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_list_limits(root)])


def _list_limits(root: Path) -> Iterator[int]:
    """A group stands under the limits of those above it, too. Inside of a container the path may be the host's, of
    which only the top is to be seen: what is not there says nothing.
    """
    for controllers, group in _list_groups(root):
        if controllers and "memory" not in controllers.split(","):
            continue
        folder, name = _V1 if controllers else _V2
        place = PurePosixPath("/", group)
        for at in (place, *place.parents):
            with suppress(OSError, ValueError):
                text = root.joinpath(folder, *at.parts[1:], name).read_text()
                yield int(text)  # "max" is no number, and no limit


def _list_groups(root: Path) -> Iterator[tuple[str, str]]:
    """(controllers, path) of each line "3:memory:/a/b"; of version 2, "0::/a/b", the controllers are ""."""
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, _, rest = line.partition(":")
            controllers, _, group = rest.partition(":")
            yield controllers, group
