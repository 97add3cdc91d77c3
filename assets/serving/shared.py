"""Memory that a server writes pictures to, and a child of it reads: they need not go through the sockets.

A child answers one message before it is given the next, so each message begins at the start of the memory.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence

from assets.sandbox.guard import open_memory, seal_memory

NUM_BYTES = 8 << 20  # pages that nothing was written to take no space
Place = tuple[int, int]  # offset and length


class SharedMemory:
    """The server's side. Owns `descriptor`, which the child inherits."""

    def __init__(self) -> None:
        with open_memory() as shared:
            os.ftruncate(shared.fileno(), NUM_BYTES)
            self._memory = mmap.mmap(shared.fileno(), NUM_BYTES)
            seal_memory(shared.fileno())
            self.descriptor = os.dup(shared.fileno())

    def put(self, pieces: Sequence[bytes]) -> list[Place] | None:
        """Where each lies; None for more than there is room for."""
        if sum(map(len, pieces)) > NUM_BYTES:
            return None
        places = []
        at = 0
        for piece in pieces:
            self._memory[at : at + len(piece)] = piece
            places.append((at, len(piece)))
            at += len(piece)
        return places

    def close(self) -> None:
        """Let it go, on this side."""
        self._memory.close()
        os.close(self.descriptor)


class SharedReader:
    """The child's side."""

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, NUM_BYTES, prot=mmap.PROT_READ)

    def take(self, places: Sequence[Place]) -> list[bytes]:
        """What lies there."""
        return [self._memory[at : at + length] for at, length in places]
