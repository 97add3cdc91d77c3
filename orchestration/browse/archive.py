"""A folder as one ZIP archive, made aside and sent in pieces; it is gone once nobody reads it any more.

Belongs here: how large it may be, how it is packed and read. Does not: what lies in it.
"""

import os
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from assets.spill import open_spill

MOST_BYTES = 2 << 30  # of an archive's files
_TELLING = 32  # pictures that tell how large all will be


class TooLarge(ValueError):
    """More is asked for than one archive may hold."""


@dataclass(frozen=True)
class Archive:
    """A packed folder. `leaving`, which closes it too, ends well where all of it was read, and badly where somebody
    stopped before."""

    name: str
    stream: BinaryIO
    leaving: ExitStack

    @property
    def size_bytes(self) -> int:
        """Of all of it."""
        return self.stream.seek(0, os.SEEK_END)

    def read_pieces(self, size_bytes: int) -> Iterator[bytes]:
        """All of it, once."""
        with self.leaving:
            self.stream.seek(0)
            yield from iter(lambda: self.stream.read(size_bytes), b"")


@dataclass(frozen=True)
class Bound:
    """How large the files of an archive may be together."""

    most_bytes: int = MOST_BYTES

    def look(self, done: int, total: int, num_bytes: int) -> None:
        """When `done` of `total` pictures are written. Raises TooLarge as soon as it shows: by what some come to, once
        there are enough to tell."""
        expected = num_bytes * total // done
        told = expected if done >= min(_TELLING, total) else num_bytes
        if told > self.most_bytes:
            raise TooLarge(
                f"{total:,} pictures are about {expected:,} bytes, and an archive holds {self.most_bytes:,} at most"
            )

    def require(self, size_bytes: int) -> None:
        """Of all files, once they are written. Raises TooLarge."""
        if size_bytes > self.most_bytes:
            raise TooLarge(
                f"its files are {size_bytes:,} bytes, and an archive holds {self.most_bytes:,} at most"
            )


def pack(folder: Path, bound: Bound, leaving: ExitStack) -> BinaryIO:
    """The files of the folder, in a place that `leaving` closes. Raises TooLarge, and NoRoom where they do not fit."""
    size_bytes = _measure(folder)
    bound.require(size_bytes)
    stream = leaving.enter_context(open_spill(size_bytes))
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                packed.write(path, path.relative_to(folder))
    return stream


def _measure(folder: Path) -> int:
    """Bytes of the files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
