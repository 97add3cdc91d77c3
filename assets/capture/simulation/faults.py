"""Break a recording on purpose: which frames are lost, garbled or stamped wrongly, and what happens to the file."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

FAULTS = (
    "dropped_frames",
    "corrupt_frame",
    "truncated_file",
    "duplicate",
    "wrong_timestamps",
)
MIN_FRAMES = 4  # fewer cannot lose frames in the middle or run backwards
KEPT_SHARE = 0.62  # of a truncated file's bytes
GAP_FRAMES = 4


@dataclass(frozen=True)
class FaultPlan:
    """Faults by frame index; empty for a sound recording."""

    dropped: frozenset[int] = frozenset()
    corrupt: frozenset[int] = frozenset()
    stamp_error_ns: dict[int, int] = field(default_factory=dict)


def plan_faults(
    fault: str | None, num_frames: int, period_ns: int, rng: np.random.Generator
) -> FaultPlan:
    """Draw what befalls which frames. File faults (truncated, duplicate) leave the frames alone.

    dropped_frames: one gap of up to four frames and some single ones, on all cameras; the first and last frame stay.
    corrupt_frame: one left colour frame. wrong_timestamps: some frames stamped 2.5 periods early, so clocks run back.
    """
    inner = np.arange(1, num_frames - 1)
    if fault == "dropped_frames":
        length = max(1, min(GAP_FRAMES, num_frames // 4))
        first = int(rng.integers(1, num_frames - length))
        singles = rng.choice(inner, size=num_frames // 12, replace=False)
        return FaultPlan(
            dropped=frozenset(range(first, first + length)) | {int(i) for i in singles}
        )
    if fault == "corrupt_frame":
        return FaultPlan(corrupt=frozenset({int(rng.integers(num_frames))}))
    if fault == "wrong_timestamps":
        chosen = rng.choice(inner, size=max(1, num_frames // 10), replace=False)
        return FaultPlan(
            stamp_error_ns={int(i): -(5 * period_ns) // 2 for i in sorted(chosen)}
        )
    return FaultPlan()


def garble_jpeg(payload: bytes, rng: np.random.Generator) -> bytes:
    """The same number of bytes, but no decoder's: start, tables and a stretch of the middle overwritten with noise."""
    data = bytearray(payload)
    for start, length in ((0, 640), (len(data) // 2, 256)):
        stop = min(start + length, len(data))
        data[start:stop] = rng.integers(0, 255, stop - start, dtype=np.uint8).tobytes()
    return bytes(data)


def truncate(data: bytes) -> bytes:
    """The first part of a file, as a full disk or a pulled cable leaves it."""
    return data[: int(len(data) * KEPT_SHARE)]
