"""Memory that was only needed on the way, given back to the system: a server goes on with what it keeps.

Of Arrow, and of the C library where that is glibc's, which otherwise keeps what was freed.
"""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache

import pyarrow as pa

_M_ARENA_MAX = -8  # of <malloc.h>
_ARENAS = 2


def give_back() -> None:
    """What is free now."""
    pa.default_memory_pool().release_unused()
    library = _open_library()
    if library is not None:
        library.malloc_trim(0)


def share_arenas() -> None:
    """Let threads share heaps from here on: with one for each thread, what is freed lies in pieces between what is
    kept, and little of it can be given back."""
    library = _open_library()
    if library is not None:
        library.mallopt(_M_ARENA_MAX, _ARENAS)


@lru_cache(1)
def _open_library() -> ctypes.CDLL | None:
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "malloc_trim") else None
