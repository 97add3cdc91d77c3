"""Memory that a training frees at the end of a step stays with the process, for the next step.

The C library otherwise gives large blocks back to the system at once, which clears every page anew when it is asked for
again: thousands of them a step on a CPU.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# of glibc's malloc.h
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_DEFAULT_BYTES = 128 * 2**10  # of both
_MOST_BYTES = 2**30


@contextmanager
def keep_freed_memory() -> Iterator[None]:
    """While the process trains; afterwards the system gets all of it back. Does nothing where malloc is not glibc's."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is None or not hasattr(library, "malloc_trim"):
        yield
        return
    _set_thresholds(library, _MOST_BYTES)
    try:
        yield
    finally:
        _set_thresholds(library, _DEFAULT_BYTES)
        library.malloc_trim(0)


def _set_thresholds(library: ctypes.CDLL, num_bytes: int) -> None:
    library.mallopt(_M_MMAP_THRESHOLD, num_bytes)
    library.mallopt(_M_TRIM_THRESHOLD, num_bytes)
