"""Unpack and pack the brush masks of Label Studio: an RGBA image in the bit-wise run lengths of thi.ng/rle-pack."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SIZES = (3, 4, 8, 16)  # bits of a count, as Label Studio writes them
_OPAQUE = 128  # alpha above it belongs to the mask, as in Label Studio's own converter


def decode_brush(rle: Any, size_px: tuple[int, int]) -> NDArray[np.bool_]:
    """(H, W) mask of a list of bytes. Raises ValueError when it is not exactly an image of (width, height).

    Bits, most significant first: 32 for the number of values, 5 for the word size less 1, four times 4 for the sizes of
    a count less 1; then runs, each of 1 bit (1: one word repeated, 0: so many words), 2 for which size of count, the
    count less 1, and the words.
    """
    if not isinstance(rle, list) or not all(
        type(value) is int and 0 <= value < 256 for value in rle
    ):
        raise ValueError("a brush mask that is no list of bytes")
    bits = _Bits(bytes(rle))
    width, height = size_px
    num_values = bits.take(32)
    word_bits = bits.take(5) + 1
    if num_values != width * height * 4 or word_bits != 8:
        raise ValueError(
            f"a brush mask of {num_values} words of {word_bits} bits, for {width}x{height} px RGBA"
        )
    count_bits = [bits.take(4) + 1 for _ in range(4)]
    values = np.zeros(num_values, np.uint8)
    at = 0
    while at < num_values:
        is_run = bits.take(1)
        end = at + 1 + bits.take(count_bits[bits.take(2)])
        if end > num_values:
            raise ValueError("a brush mask whose runs reach beyond its image")
        if not is_run:
            values[at:end] = [bits.take(8) for _ in range(end - at)]
        elif word := bits.take(8):
            values[at:end] = word
        at = end
    return values.reshape(height, width, 4)[..., 3] > _OPAQUE


def encode_brush(mask: NDArray[np.bool_]) -> list[int]:
    """The bytes of an RGBA image of a mask (H, W), white and opaque where that is true: see `decode_brush`."""
    bits = [f"{4 * mask.size:032b}", "00111", *(f"{size - 1:04b}" for size in _SIZES)]
    flat = mask.ravel()
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, flat.size)
    begin = 0
    for end in ends:
        word = f"{255 * int(flat[begin]):08b}"
        for start in range(4 * begin, 4 * int(end), 1 << _SIZES[-1]):
            count = min(1 << _SIZES[-1], 4 * int(end) - start)
            which = next(n for n, size in enumerate(_SIZES) if count <= 1 << size)
            bits.append(f"1{which:02b}{count - 1:0{_SIZES[which]}b}{word}")
        begin = int(end)
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8, "big"))


class _Bits:
    """Reads numbers bit by bit."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> int:
        end = self._at + size
        if end > 8 * len(self._data):
            raise ValueError("a brush mask that ends early")
        window = self._data[self._at // 8 : (end + 7) // 8]
        self._at = end
        return (int.from_bytes(window, "big") >> (-end % 8)) & ((1 << size) - 1)
