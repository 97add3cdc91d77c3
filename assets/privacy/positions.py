"""What a privacy policy leaves of where on Earth a session was recorded, before a row says it.

A fix of a receiver (GNSS) becomes the centre of a cell of a grid without an altitude, or no position at all; its time
and sensor stay. A pose in a frame of the Earth (UTM, Earth-centred) is no row: its axes and its path would tell the
place as well. Poses in a frame of the recording's own stay, though the shape of a long path fits few roads.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

EARTH_RADIUS_M = 6_371_008.8  # the mean one of WGS 84
# no frame of a recording's own reaches so far; UTM and Earth-centred frames do everywhere but at a pole of theirs
FAR_M = 100_000.0
# in the `notes` of a capture
POSES_NOTE = "poses on Earth, not told by the privacy policy"
SCANS_NOTE = "scans, held by the privacy policy"
_FRAMES_OF_EARTH = frozenset({"earth", "ecef", "utm", "wgs84"})
WITH_PLACE = ("pose", "odometry", "position", "transform")  # kinds of signals, in m
_NOWHERE = (math.nan, math.nan, math.nan)
_DECIMAL = re.compile(r"-?\d+\.\d+")


@dataclass(frozen=True)
class Grid:
    """Cells of about `grid_m` metres from north to south and from west to east."""

    grid_m: float

    def snap(self, latitude_deg: float, longitude_deg: float) -> tuple[float, float]:
        """The centre of the cell of a position, deg of WGS 84; a centre is its own."""
        num_rows = max(1, round(math.pi * EARTH_RADIUS_M / self.grid_m))
        latitude = _centre(latitude_deg, 90.0, num_rows)
        around_m = 2 * math.pi * EARTH_RADIUS_M * math.cos(math.radians(latitude))
        num_columns = max(1, round(around_m / self.grid_m))
        return latitude, _centre(longitude_deg, 180.0, num_columns)


Position = Literal["keep", "drop"] | Grid


def hide_fix(values: Sequence[float], position: Position) -> tuple[float, ...]:
    """Latitude and longitude in deg, altitude in m; NaN where nothing is told."""
    if position == "keep":
        return tuple(values)
    latitude, longitude = values[:2]
    if position == "drop" or math.isnan(latitude) or math.isnan(longitude):
        return _NOWHERE
    return *position.snap(latitude, longitude), math.nan


def is_on_earth(
    kind: str, values: Sequence[float], frames: Sequence[str | None]
) -> bool:
    """Whether a signal says a place in a frame of the Earth: by the name of a frame, or by its distance."""
    if kind not in WITH_PLACE:
        return False
    names = {(frame or "").strip("/").lower() for frame in frames}
    return bool(names & _FRAMES_OF_EARTH) or any(abs(v) > FAR_M for v in values[:3])


def tells_place(
    kind: str,
    values: Sequence[float],
    frames: Sequence[str | None],
    position: Position,
) -> bool:
    """Whether a stored signal says more than the policy lets it: what hiding would change again."""
    if position == "keep":
        return False
    if kind == "gnss":
        told = hide_fix(values, position)
        return not all(map(_is_same, told, values))
    return is_on_earth(kind, values, frames)


def hide_numbers(text: str, position: Position) -> str:
    """A reason without its decimal numbers, of which some may be a position."""
    return text if position == "keep" else _DECIMAL.sub("…", text)


def describe(position: Position) -> str:
    """As it stands in the version of a capture, and for people."""
    if isinstance(position, Grid):
        return f"positions on a grid of {position.grid_m:.12g} m"
    return {"keep": "positions as they came", "drop": "no positions"}[position]


def _is_same(first: float, second: float) -> bool:
    both_nan = math.isnan(first) and math.isnan(second)
    return both_nan or math.isclose(first, second, abs_tol=1e-9)


def _centre(angle_deg: float, half_deg: float, count: int) -> float:
    """The middle of the one of `count` equal parts of [-half, half] that the angle lies in."""
    part = 2 * half_deg / count
    number = min(count - 1, max(0, math.floor((angle_deg + half_deg) / part)))
    return (number + 0.5) * part - half_deg
