"""What a simulation is asked for, and which requests make no sense."""

from __future__ import annotations

import math
from dataclasses import dataclass

from assets.capture.simulation.faults import FAULTS, MIN_FRAMES
from models.simulation import shifts

SHIFTS = tuple(shifts.SHIFTS)
_FRAME_FAULTS = ("dropped_frames", "wrong_timestamps")
_MIN_SIDE_PX = 32


@dataclass(frozen=True)
class SimulationSpec:
    """What to simulate. Raises ValueError for what cannot be."""

    captures: int
    seconds: float
    seed: int
    shift: str | None = None
    fault: str | None = None
    width_px: int = 320
    height_px: int = 240
    rate_hz: float = 10.0
    is_labelled: bool = (
        True  # false: the recording holds no truth, as if nobody had labelled it
    )

    def __post_init__(self) -> None:
        if self.shift is not None and self.shift not in SHIFTS:
            raise ValueError(
                f"unknown shift {self.shift!r}: choose one of {', '.join(SHIFTS)}"
            )
        if self.fault is not None and self.fault not in FAULTS:
            raise ValueError(
                f"unknown fault {self.fault!r}: choose one of {', '.join(FAULTS)}"
            )
        for name, least in (
            ("captures", 1),
            ("width_px", _MIN_SIDE_PX),
            ("height_px", _MIN_SIDE_PX),
            ("seed", 0),
        ):
            if getattr(self, name) < least:
                raise ValueError(
                    f"{name} is {getattr(self, name)}: give {least} or more"
                )
        for name in ("seconds", "rate_hz"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(
                    f"{name} is {getattr(self, name)}: give a number above 0"
                )
        least_frames = MIN_FRAMES if self.fault in _FRAME_FAULTS else 1
        if self.num_frames < least_frames:
            found = f"{self.seconds} s at {self.rate_hz} Hz is {self.num_frames} frames"
            raise ValueError(
                f"{found}: give more seconds, at least {least_frames} frames are needed"
            )

    @property
    def num_frames(self) -> int:
        """Frames of each camera in a capture, before any are dropped."""
        return round(self.seconds * self.rate_hz)
