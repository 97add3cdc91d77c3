"""Masks as COCO compressed run lengths: runs down the columns, first the background's, in the COCO API's text form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
    """Run lengths of COCO compressed counts (the LEB128-like code of the COCO API). Raises ValueError."""
    runs: list[int] = []
    value = 0
    shift = 0
    for character in counts:
        code = ord(character) - 48
        if not 0 <= code < 64 or shift > 50:
            raise ValueError("characters that are no run-length code")
        value |= (code & 0x1F) << shift
        shift += 5
        if not code & 0x20:
            if code & 0x10:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = 0
            shift = 0
    if shift or any(r < 0 for r in runs):
        raise ValueError("run lengths that end early or go backwards")
    return runs


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
