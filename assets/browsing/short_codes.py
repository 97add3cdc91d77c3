"""Vectors in two bits a direction, and distances that are estimated from them without the vectors.

As RaBitQ with more than one bit (Gao et al., 2024, "Practical and Asymptotically Optimal Quantization"): vectors are
turned at random, so that no direction counts for more than another; the difference of each from the centre of those
beside it in the table is kept as two planes of signs, with its length and what a step of it is worth. What is asked
about is kept in four planes. Their product is counted from bits that differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.tables.schemas import EMBEDDING_DIM

Floats = NDArray[np.float32]
Bits = NDArray[np.uint8]

# that share a centre: frames of a recording or a few, as they lie. With fewer, two threads are no quicker than one, as
# they wait for the interpreter between short calls
BLOCK_ROWS = 6_144
PLANES = 2
_ASKED_PLANES = 4
_ASKED_BY_SIGNS = 3  # of those where one plane is counted, whose own error is larger than what that adds
_WIDTH = EMBEDDING_DIM // 8
_AT_ONCE = 256  # vectors that are turned or split together
# width of a step in standard deviations, best for normal values: Max, 1960, "Quantizing for minimum distortion"
_STEPS = {2: 0.9957, 4: 0.3352}
_SIGNS = np.random.default_rng(0).choice([-1, 1], EMBEDDING_DIM).astype(np.float32)


@dataclass(frozen=True)
class Question:
    """What is asked about, as it lies from each of B centres: `squares` (B,), its squared distance; `planes`
    (_ASKED_PLANES, B, D / 8), signs of the difference, the highest first; `steps` (B,), what one of them is worth."""

    squares: Floats
    steps: Floats
    planes: Bits


@dataclass(frozen=True)
class Block:
    """Of N vectors beside each other, the difference of each from their centre: `squares` (N,), its squared length;
    `planes` (P, N, D / 8), its signs, the highest first; `steps` (PLANES, N), what a step is worth where one plane is
    counted, and where both are."""

    squares: Floats
    steps: Floats
    planes: Bits

    def __len__(self) -> int:
        return len(self.squares)

    def estimate(self, question: Question, centre: int) -> Floats:
        """(N,) squared distances from what is asked about, by the planes that are here; `centre` is this block's."""
        is_rough = len(self.planes) < PLANES
        asked = question.planes[: _ASKED_BY_SIGNS if is_rough else None, centre]
        product = self._count(asked).astype(np.float32)
        product *= self.steps[len(self.planes) - 1]
        product *= -2 * question.steps[centre]
        product += self.squares
        product += question.squares[centre]
        return np.maximum(product, 0, out=product)

    def _count(self, asked: Bits) -> NDArray[np.int32]:
        """(N,) products of the kept signs with those of `asked`, the first of _ASKED_PLANES, each (D / 8,)."""
        asked_worths = _list_worths(_ASKED_PLANES)[: len(asked)]
        worths = np.outer(_list_worths(len(self.planes)), asked_worths)
        differ = np.zeros(len(self.squares), np.int32)
        for plane, row in zip(self.planes, worths, strict=True):
            for one, worth in zip(asked, row, strict=True):
                differ += worth * _differ(plane, one)
        return EMBEDDING_DIM * worths.sum(dtype=np.int32) - 2 * differ

    def take(self, rows: NDArray[np.int64]) -> Block:
        """Some of the vectors alone."""
        return Block(self.squares[rows], self.steps[:, rows], self.planes[:, rows])

    def to_bytes(self) -> bytes:
        """As `view_block` finds it."""
        return b"".join(
            part.tobytes() for part in (self.squares, self.steps, self.planes)
        )


def turn(vectors: Floats, out: Floats | None = None) -> Floats:
    """(N, D) the same vectors in other directions, as if at random; distances stay. `out`: where they are put."""
    from scipy.fft import dct

    turned = np.multiply(vectors, _SIGNS, out=out)
    for n in range(0, len(turned), _AT_ONCE):
        part = turned[n : n + _AT_ONCE]
        part[:] = dct(part, norm="ortho", axis=1)
    return turned


def cut_question(turned: Floats, centres: Floats) -> Question:
    """Of a turned vector (D,), for blocks with these centres (B, D)."""
    apart = turned - centres
    planes, steps, _ = _split(apart, _ASKED_PLANES)
    return Question(_square(apart), steps, planes)


def make_block(vectors: Floats) -> tuple[Floats, Block]:
    """The centre (D,), turned, and the block of vectors (N, D), N of 1 to `BLOCK_ROWS`, which are overwritten."""
    turned = turn(vectors, out=vectors)
    centre = turned.mean(axis=0)
    turned -= centre
    parts = [turned[n : n + _AT_ONCE] for n in range(0, len(turned), _AT_ONCE)]
    made = [_split(part, PLANES) for part in parts]
    squares = _square(turned)
    of_signs = [np.linalg.norm(part, 1, axis=1) for part in parts]  # a sign is 1 or -1
    along = np.stack(
        [np.concatenate(of_signs), np.concatenate([one[2] for one in made])]
    )
    steps = np.divide(squares, along, out=np.zeros_like(along), where=along > 0)
    planes = np.concatenate([one[0] for one in made], axis=1)
    return centre, Block(squares, steps, planes)


def measure_block(rows: int, planes: int = PLANES) -> int:
    """Bytes of a block of so many rows, up to the end of so many planes."""
    return rows * (4 * (1 + PLANES) + planes * _WIDTH)


def view_block(payload: memoryview, rows: int) -> Block:
    """A block of so many rows, with as many planes as the payload has; it stands in that memory."""
    floats = np.frombuffer(payload, np.float32, (1 + PLANES) * rows)
    planes = np.frombuffer(payload, np.uint8, offset=floats.nbytes)
    squares, steps = np.split(floats, [rows])
    return Block(squares, steps.reshape(PLANES, rows), planes.reshape(-1, rows, _WIDTH))


def list_blocks(count: int) -> Sequence[int]:
    """Rows of each block of so many vectors."""
    return [min(BLOCK_ROWS, count - at) for at in range(0, count, BLOCK_ROWS)]


def _split(values: Floats, num_planes: int) -> tuple[Bits, Floats, Floats]:
    """Values (N, D) in odd numbers of half a step: `planes` (P, N, D / 8) of their signs, the highest first; (N,) half
    a step; (N,) the product of the numbers with the values."""
    half = np.sqrt(_square(values) / EMBEDDING_DIM)
    half *= np.float32(_STEPS[num_planes] / 2)
    scale = np.divide(0.5, half, out=np.zeros_like(half), where=half > 0)
    most = 2**num_planes
    levels = np.floor(values * scale[:, None]) + most / 2
    levels = levels.clip(0, most - 1)
    along = np.einsum("ij,ij->i", 2 * levels + (1 - most), values)
    codes = levels.astype(np.uint8)
    worths = _list_worths(num_planes)
    planes = [np.packbits((codes & worth) > 0, axis=1) for worth in worths]
    return np.stack(planes), half, along


def _list_worths(num_planes: int) -> NDArray[np.int32]:
    """(P,) what a sign of each plane is worth, in half steps."""
    return 1 << np.arange(num_planes, dtype=np.int32)[::-1]


def _square(values: Floats) -> Floats:
    """(N,) squared lengths of values (N, D)."""
    return np.asarray(np.einsum("ij,ij->i", values, values), np.float32)


def _differ(plane: Bits, one: Bits) -> NDArray[np.int32]:
    """(N,) how many bits of each row (N, D / 8) differ from those of one (D / 8,)."""
    found, _ = cv2.batchDistance(
        plane, one[None], cv2.CV_32S, normType=cv2.NORM_HAMMING, K=1
    )
    return np.asarray(found[:, 0], np.int32)
