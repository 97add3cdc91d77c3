"""Which frames of a video are taken: all, or as a session's owner wishes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from typing import Any

_THUMBNAIL_PX = (64, 36)  # width, height


@dataclass(frozen=True)
class VideoChoice:
    """At most one of these wishes. Raises ValueError for two, and for values that are none."""

    every: int | None = None  # the first frame, and each n-th after it
    fps: float | None = None  # at most so many a second of the video's time
    keyframes: bool | None = None  # those that are stored whole
    # those that differ from the last one taken by so many of 255 grey levels, on average over a thumbnail
    changed: float | None = None

    def __post_init__(self) -> None:
        given = {name: v for name, v in asdict(self).items() if v is not None}
        if len(given) > 1:
            raise ValueError(f"one of {', '.join(given)} at a time")
        for name, value in given.items():
            _require(name, value)

    def __str__(self) -> str:
        """As the settings of a session say it; empty where all frames are taken."""
        given = {name: v for name, v in asdict(self).items() if v is not None}
        return ", ".join(f"{name}: {value}" for name, value in given.items())

    @classmethod
    def of(cls, given: Any) -> VideoChoice:
        """What a document says. Raises ValueError with what may stand there."""
        names = [field.name for field in fields(cls)]
        if not isinstance(given, dict) or not given.keys() <= set(names) or not given:
            raise ValueError(f"there is to be one of {', '.join(names)}")
        return cls(**given)


ALL_FRAMES = VideoChoice()


@dataclass(frozen=True)
class Reading:
    """How a video is read. `is_kept`: frames are measured, not encoded, since the video itself is kept."""

    choice: VideoChoice = ALL_FRAMES
    is_kept: bool = False

    @classmethod
    def of(cls, told: dict[str, Any]) -> Reading:
        """What `asdict` has made of one."""
        return cls(VideoChoice(**told["choice"]), told["is_kept"])


def _require(name: str, value: object) -> None:
    if name == "keyframes":
        if value is not True:
            raise ValueError("keyframes is to be true, or to be left out")
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or (name == "every" and not isinstance(value, int)):
        raise ValueError(f"{name} is {value!r:.100}, not a number")
    low, high = {"every": (1, 10**6), "fps": (1e-3, 1e3), "changed": (0.1, 255)}[name]
    assert isinstance(value, int | float)
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}, not between {low:g} and {high:g}")


class Chooser:
    """One stream's frames, in the order in which they are shown: each is taken, or left out."""

    def __init__(self, choice: VideoChoice) -> None:
        self._choice = choice
        self._shown = 0
        self._next: Fraction | None = None  # s, from which on one is taken
        self._taken: Any = None  # thumbnail of the last one

    def takes(self, frame: Any, is_key: bool) -> bool:
        """Whether this frame, an `av.VideoFrame`, is taken."""
        choice = self._choice
        self._shown += 1
        if choice.every is not None:
            return (self._shown - 1) % choice.every == 0
        if choice.keyframes:
            return is_key
        if choice.fps is not None:
            return self._is_due(frame, Fraction(choice.fps).limit_denominator(1000))
        if choice.changed is not None:
            return self._has_changed(frame, choice.changed)
        return True

    def _is_due(self, frame: Any, fps: Fraction) -> bool:
        """A frame without a time is taken: nobody can say when it is."""
        if frame.pts is None:
            return True
        at = frame.pts * frame.time_base
        if self._next is not None and at < self._next:
            return False
        start = at if self._next is None else self._next
        # on the grid of the first one, behind this one
        self._next = start + ((at - start) * fps // 1 + 1) / fps
        return True

    def _has_changed(self, frame: Any, levels: float) -> bool:
        import cv2
        import numpy as np

        from assets.sandbox.video_pixels import to_grey

        small = cv2.resize(to_grey(frame), _THUMBNAIL_PX, interpolation=cv2.INTER_AREA)
        thumbnail = small.astype(np.float32)
        if (
            self._taken is not None
            and self._taken.shape == thumbnail.shape
            and float(np.abs(thumbnail - self._taken).mean()) < levels
        ):
            return False
        self._taken = thumbnail
        return True
