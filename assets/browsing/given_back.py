"""Memory that was only needed on the way, given back to the system: a server goes on with what it keeps."""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache

import pyarrow as pa


def give_back() -> None:
    """Of Arrow, and of the C library where that is glibc's, which otherwise keeps what was freed."""
    pa.default_memory_pool().release_unused()
    library = _open_library()
    if library is not None:
        library.malloc_trim(0)


@lru_cache(1)
def _open_library() -> ctypes.CDLL | None:
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "malloc_trim") else None
