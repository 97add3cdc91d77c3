"""What a child is told that decodes one video: how the video is read, and the limits that the child puts on itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from assets.sandbox.child_limits import VideoLimits
from assets.sandbox.video_choice import Reading


@dataclass(frozen=True)
class VideoTask:
    """`pixels` are those of all frames together, `seconds` of processor time."""

    demuxer: str
    reading: Reading
    size: int
    memory_bytes: int
    seconds: int
    pixels: int
    frame_pixels: int
    frames: int

    @classmethod
    def within(
        cls, limits: VideoLimits, demuxer: str, reading: Reading, size: int
    ) -> VideoTask:
        """A video of `size` bytes."""
        return cls(
            demuxer,
            reading,
            size,
            limits.memory_bytes,
            math.ceil(limits.limit_seconds(size)),
            limits.limit_pixels(size),
            limits.frame_pixels,
            limits.frames,
        )

    @classmethod
    def of(cls, told: dict[str, Any]) -> VideoTask:
        """What `asdict` has made of one."""
        return cls(**{**told, "reading": Reading.of(told["reading"])})
