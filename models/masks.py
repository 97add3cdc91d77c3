"""Masks as COCO compressed run lengths: runs down the columns, first the background's, in the COCO API's text form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# of a code's six bits: five of a number, the sign in the last one's fifth, and whether another follows
_GOES_ON = 0x20
_IS_NEGATIVE = 0x10
_MOST_CODES = 7
_LONGEST_RUN_PX = 2**34


def encode_mask(mask: NDArray[np.bool_]) -> str:
    """COCO compressed run-length text of a mask (H, W), equal to pycocotools' `mask.encode(...)["counts"]`."""
    pixels = np.ascontiguousarray(mask.T).ravel().view(np.uint8)
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    edges = np.concatenate(
        [[0], [0] if pixels[:1].any() else [], changes, [pixels.size]]
    ).astype(np.int64)
    return _encode_counts(np.diff(edges))


def encode_window(
    window: NDArray[np.bool_], left: int, top: int, size_px: tuple[int, int]
) -> str:
    """The text of a mask (h, w) at (left, top) of a frame (width, height), at the cost of the window alone."""
    width, height = size_px
    padded = np.zeros((window.shape[1], window.shape[0] + 2), np.int8)
    padded[:, 1:-1] = window.T
    steps = np.diff(padded, axis=1)
    begins, ends = (
        (left + x) * height + top + y
        for x, y in (np.nonzero(steps == sign) for sign in (1, -1))
    )
    is_apart = np.ones(len(begins), bool)
    is_apart[1:] = begins[1:] != ends[:-1]  # a run may go on in the next column
    edges = np.stack([begins[is_apart], ends[np.roll(is_apart, -1)]], axis=1).ravel()
    counts = np.diff(np.concatenate([[0], edges, [width * height]]))
    return _encode_counts(counts[: -1 if counts[-1] == 0 else None])


def decode_mask(text: str, height_px: int, width_px: int) -> NDArray[np.bool_]:
    """The mask (H, W) that a compressed run-length text stands for. Raises ValueError when its runs do not fill it."""
    counts = decode_counts(text)
    if sum(counts) != height_px * width_px:
        raise ValueError(
            f"mask runs cover {sum(counts)} of {height_px * width_px} px: the size or the text is wrong"
        )
    flags = np.arange(len(counts)) % 2 == 1
    return np.repeat(flags, counts).reshape(width_px, height_px).T


def decode_counts(counts: str) -> list[int]:
    """Run lengths of COCO compressed counts (the LEB128-like code of the COCO API). Raises ValueError, also for a run
    of more than 2^34 px, which is that of no picture."""
    if not counts:
        return []
    if not counts.isascii():
        raise ValueError("characters that are no run-length code")
    codes = np.frombuffer(counts.encode(), np.uint8).astype(np.int64) - 48
    ends = np.flatnonzero(codes & _GOES_ON == 0)
    starts = np.concatenate([[0], ends[:-1] + 1])
    sizes = ends - starts + 1  # codes a number
    if codes.min() < 0 or codes.max() > 63 or (sizes > _MOST_CODES).any():
        raise ValueError("characters that are no run-length code")
    if not len(ends) or ends[-1] != len(codes) - 1:
        raise ValueError("run lengths that end early or go backwards")
    shifts = 5 * (np.arange(len(codes)) - np.repeat(starts, sizes))
    runs = np.add.reduceat((codes & 0x1F) << shifts, starts)
    runs -= np.where(codes[ends] & _IS_NEGATIVE, 1 << (5 * sizes), 0)
    # from the fourth on, each is told as the difference to the one before the last
    runs[1::2] = runs[1::2].cumsum()
    runs[2::2] = runs[2::2].cumsum()
    if runs.min() < 0 or runs.max() > _LONGEST_RUN_PX:
        raise ValueError("run lengths that end early or go backwards")
    found: list[int] = runs.tolist()
    return found


def find_box(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """The tightest box around the true pixels of a mask (H, W), at outer pixel corners. The mask must not be empty."""
    columns = np.flatnonzero(mask.any(axis=0))
    rows = np.flatnonzero(mask.any(axis=1))
    return (
        float(columns[0]),
        float(rows[0]),
        float(columns[-1] + 1),
        float(rows[-1] + 1),
    )


def _encode_counts(counts: NDArray[np.int64]) -> str:
    deltas = counts.copy()
    deltas[3:] -= counts[1:-2]
    return "".join(map(_encode_number, deltas.tolist()))


def _encode_number(value: int) -> str:
    """Little-endian groups of five bits; bit 5 says that another follows, bit 4 of the last is the sign."""
    text = ""
    while True:
        chunk = value & 31
        value = value >> 5
        is_last = value == (-1 if chunk & 16 else 0)
        text += chr((chunk if is_last else chunk | 32) + 48)
        if is_last:
            return text
