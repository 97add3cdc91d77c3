"""Short vectors in files of the cache: places on the map, the centres of blocks, and the blocks.

A file is of one data file of the table, written once. Blocks are read one at a time and never mapped, so that who reads
holds one block a thread; places and centres are read as a whole.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby
from operator import attrgetter
from pathlib import Path

import numpy as np

from assets.browsing.short_codes import (
    BLOCK_ROWS,
    Block,
    Floats,
    list_blocks,
    make_block,
    measure_block,
    view_block,
)
from assets.tables.schemas import EMBEDDING_DIM

AXES = 2  # of the map


@dataclass(frozen=True)
class ShortFile:
    """Of `num_rows` vectors, in blocks of `BLOCK_ROWS`, the last of what is left."""

    path: Path
    num_rows: int

    @cached_property
    def block_rows(self) -> Sequence[int]:
        """Rows of each block."""
        return list_blocks(self.num_rows)

    @cached_property
    def starts(self) -> Sequence[int]:
        """The byte that each block begins at, and that after the last."""
        first = self._start_of_centres + 4 * EMBEDDING_DIM * len(self.block_rows)
        return list(accumulate(map(measure_block, self.block_rows), initial=first))

    @property
    def _start_of_centres(self) -> int:
        return 4 * AXES * self.num_rows

    @property
    def is_whole(self) -> bool:
        """Whether it is there in its full length."""
        return self.path.is_file() and self.path.stat().st_size == self.starts[-1]

    def read_places(self) -> Floats:
        """(N, AXES) on the map."""
        count = AXES * self.num_rows
        return np.fromfile(self.path, np.float32, count).reshape(-1, AXES)

    def read_centres(self) -> Floats:
        """(B, D) of the blocks, turned."""
        count = EMBEDDING_DIM * len(self.block_rows)
        found = np.fromfile(self.path, np.float32, count, offset=self._start_of_centres)
        return found.reshape(-1, EMBEDDING_DIM)

    def write(self, parts: Iterable[tuple[Floats, Floats]]) -> None:
        """Of each block its vectors (N, D), and their places (N, AXES). Written aside and renamed, so that a reader
        finds all of it or nothing."""
        aside = self.path.with_name(f".{uuid.uuid4().hex}")
        places, centres = [], []
        with aside.open("wb") as file:
            file.seek(self.starts[0])
            for vectors, placed in parts:
                centre, block = make_block(vectors)
                file.write(block.to_bytes())
                places.append(placed)
                centres.append(centre)
            file.seek(0)
            for part in (*places, *centres):
                file.write(part.tobytes())
        os.replace(aside, self.path)


@dataclass(frozen=True)
class BlockPlace:
    """Where a block lies, the `number`-th of a file and the `index`-th of all."""

    file: ShortFile
    number: int
    index: int


def list_places(files: Iterable[ShortFile]) -> list[BlockPlace]:
    """Of all blocks of some files, in order."""
    of_files = [(file, n) for file in files for n in range(len(file.block_rows))]
    return [BlockPlace(file, n, index) for index, (file, n) in enumerate(of_files)]


def read_blocks(
    places: Iterable[BlockPlace], num_planes: int
) -> Iterator[tuple[BlockPlace, Block]]:
    """Blocks with so many of their planes. Each stands until the next is read, in the same memory: new memory costs as
    much as reading. Raises EOFError for a file that was cut."""
    room = memoryview(bytearray(measure_block(BLOCK_ROWS)))
    for file, mine in groupby(places, key=attrgetter("file")):
        with file.path.open("rb", buffering=0) as opened:
            for place in mine:
                rows = file.block_rows[place.number]
                part = room[: measure_block(rows, num_planes)]
                start = file.starts[place.number]
                if os.preadv(opened.fileno(), [part], start) != len(part):
                    raise EOFError(f"{file.path}: block {place.number} ends early")
                yield place, view_block(part, rows)
