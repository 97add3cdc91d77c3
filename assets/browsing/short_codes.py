"""Vectors in two bits a direction, and distances that are estimated from them without the vectors.

As RaBitQ with more than one bit (Gao et al., 2024, "Practical and Asymptotically Optimal Quantization"): vectors are
turned at random, so that no direction counts for more than another; the difference of each from the centre of those
beside it in the table is kept as two planes of signs, with its length and what a step of it is worth. What is asked
about is kept in four planes. Their product is counted from bits that differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.tables.schemas import EMBEDDING_DIM

Floats = NDArray[np.float32]
Bits = NDArray[np.uint8]

BLOCK_ROWS = 2_048  # that share a centre: frames of one recording, as they lie
PLANES = 2
_ASKED_PLANES = 4
_WIDTH = EMBEDDING_DIM // 8
_AT_ONCE = 256  # vectors that are split together
# width of a step in standard deviations, best for normal values: Max, 1960, "Quantizing for minimum distortion"
_STEPS = {2: 0.9957, 4: 0.3352}
_SIGNS = np.random.default_rng(0).choice([-1, 1], EMBEDDING_DIM).astype(np.float32)


@dataclass(frozen=True)
class Block:
    """Of N vectors beside each other. `centre` (D,), turned. Of the difference of each from it: `squares` (N,), its
    squared length; `planes` (PLANES, N, D / 8), its signs; `steps` (N,), what one of them is worth."""

    centre: Floats
    squares: Floats
    steps: Floats
    planes: Bits

    def estimate(self, turned: Floats) -> Floats:
        """(N,) squared distances from a turned vector (D,)."""
        apart = turned - self.centre
        planes, (step,), _ = _split(apart[None], _ASKED_PLANES)
        product = self._count(planes[:, 0]) * (step * self.steps)
        return np.maximum(apart @ apart + self.squares - 2 * product, 0)

    def _count(self, asked: Bits) -> Floats:
        """(N,) products of the kept signs with those of `asked` (_ASKED_PLANES, D / 8)."""
        total = np.zeros(len(self.squares), np.int32)
        for p, plane in enumerate(self.planes):
            for q, one in enumerate(asked):
                total += (EMBEDDING_DIM - 2 * _differ(plane, one)) << (p + q)
        return total.astype(np.float32)

    def write(self, file: BinaryIO) -> None:
        """Append it."""
        for part in (self.centre, self.squares, self.steps, self.planes):
            file.write(np.ascontiguousarray(part).data)


def turn(vectors: Floats) -> Floats:
    """(N, D) the same vectors in other directions, as if at random; distances stay."""
    from scipy.fft import dct

    return np.asarray(dct(vectors * _SIGNS, norm="ortho", axis=1), np.float32)


def make_block(vectors: Floats) -> Block:
    """Of vectors (N, D), N of 1 to `BLOCK_ROWS`."""
    turned = turn(vectors)
    centre = turned.mean(axis=0)
    turned -= centre
    made = [
        _split(turned[n : n + _AT_ONCE], PLANES)
        for n in range(0, len(turned), _AT_ONCE)
    ]
    squares = np.einsum("ij,ij->i", turned, turned)
    along = np.concatenate([along for _, _, along in made])
    steps = np.divide(squares, along, out=np.zeros_like(squares), where=along > 0)
    planes = np.concatenate([planes for planes, _, _ in made], axis=1)
    return Block(centre, squares, steps, planes)


def measure_block(rows: int) -> int:
    """Bytes of a block of so many rows."""
    return 4 * EMBEDDING_DIM + rows * (2 * 4 + PLANES * _WIDTH)


def make_room() -> memoryview:
    """Memory that a block is read into; used again and again, as new memory costs as much as reading."""
    return memoryview(bytearray(measure_block(BLOCK_ROWS)))


def read_block(file: BinaryIO, rows: int, room: memoryview) -> Block:
    """The next one, which has so many rows. It stands in `room` until the next is read there."""
    with room[: measure_block(rows)] as part:
        if file.readinto(part) != len(part):  # type: ignore[attr-defined]  # of a file it has it
            raise EOFError(f"a block of {rows} short vectors ends early")
    floats = np.frombuffer(room, np.float32, EMBEDDING_DIM + 2 * rows)
    centre, squares, steps = np.split(floats, [EMBEDDING_DIM, EMBEDDING_DIM + rows])
    planes = np.frombuffer(room, np.uint8, PLANES * rows * _WIDTH, floats.nbytes)
    return Block(centre, squares, steps, planes.reshape(PLANES, rows, _WIDTH))


def list_blocks(count: int) -> Sequence[int]:
    """Rows of each block of so many vectors."""
    return [min(BLOCK_ROWS, count - at) for at in range(0, count, BLOCK_ROWS)]


def _split(values: Floats, num_planes: int) -> tuple[Bits, Floats, Floats]:
    """Values (N, D) in odd numbers of half a step: `planes` (P, N, D / 8) of their signs, the lowest first; (N,) half a
    step; (N,) the product of the numbers with the values."""
    half = np.sqrt(np.einsum("ij,ij->i", values, values) / EMBEDDING_DIM)
    half *= np.float32(_STEPS[num_planes] / 2)
    scale = np.divide(0.5, half, out=np.zeros_like(half), where=half > 0)
    most = 2**num_planes
    levels = np.floor(values * scale[:, None]) + most / 2
    levels = levels.clip(0, most - 1)
    along = np.einsum("ij,ij->i", 2 * levels + (1 - most), values)
    codes = levels.astype(np.uint8)
    planes = [np.packbits((codes >> p) & 1, axis=1) for p in range(num_planes)]
    return np.stack(planes), half, along


def _differ(plane: Bits, one: Bits) -> NDArray[np.int32]:
    """(N,) how many bits of each row (N, D / 8) differ from those of one (D / 8,)."""
    found, _ = cv2.batchDistance(
        plane, one[None], cv2.CV_32S, normType=cv2.NORM_HAMMING, K=1
    )
    return np.asarray(found[:, 0], np.int32)
