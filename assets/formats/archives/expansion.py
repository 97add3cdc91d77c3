"""Expand compressed bytes in small pieces, so that whoever counts them can stop in time."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Iterator
from typing import Any

PIECE_BYTES = 1 << 18


class Expander:
    """Takes stored bytes in order and gives pieces of at most PIECE_BYTES. Raises ValueError for damaged ones."""

    def __init__(self, method: str, xz_memory_bytes: int) -> None:
        self._method = method
        self._xz_memory_bytes = xz_memory_bytes
        self._inner = self._make()

    @property
    def is_at_end(self) -> bool:
        """Whether the stored bytes came to the end that their format marks."""
        return bool(self._inner.eof)

    def expand(self, stored: bytes) -> Iterator[bytes]:
        """The bytes that stored bytes stand for, piece by piece. Raises ValueError where they are damaged."""
        try:
            yield from (
                self._expand_zlib(stored)
                if self._method in ("deflate", "gzip")
                else self._expand_other(stored)
            )
        # bz2 raises OSError for damaged bytes
        except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
            raise ValueError(f"{self._method} data are damaged: {error}") from error

    def _expand_zlib(self, stored: bytes) -> Iterator[bytes]:
        while stored:
            if self._inner.eof:
                if self._method == "deflate" or not stored.strip(b"\0"):
                    return  # padding
                # gzip files may be several in a row
                self._inner = self._make()
            yield self._inner.decompress(stored, PIECE_BYTES)
            stored = (
                self._inner.unused_data
                if self._inner.eof
                else self._inner.unconsumed_tail
            )

    def _expand_other(self, stored: bytes) -> Iterator[bytes]:
        while stored or not (self._inner.eof or self._inner.needs_input):
            if self._inner.eof:
                if not stored.strip(b"\0"):
                    return
                self._inner = self._make()
            yield self._inner.decompress(stored, PIECE_BYTES)
            stored = self._inner.unused_data if self._inner.eof else b""

    def _make(self) -> Any:
        if self._method == "xz":
            return lzma.LZMADecompressor(memlimit=self._xz_memory_bytes)
        return _MAKE[self._method]()


_MAKE: dict[str, Any] = {
    "deflate": lambda: zlib.decompressobj(-15),
    "gzip": lambda: zlib.decompressobj(31),
    "bzip2": bz2.BZ2Decompressor,
}
