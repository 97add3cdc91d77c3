"""What clocks are compared of: the stamped frames of a camera, the turn rates of a gyroscope."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.clocks.offsets import Times
from models.geometry.camera import Camera

Array = NDArray[np.float64]
Gray = NDArray[np.uint8]
# frame ids and a width in px -> luma of about that width
Load = Callable[[Sequence[str], int], list[Gray]]
Figures = dict[str, float | int | str | None]


@dataclass(frozen=True)
class CameraStream:
    """One colour camera: its stamped frames in order of sequence, and what is known of it."""

    sensor: str
    frame_ids: tuple[str, ...]
    t_ns: Times
    camera: Camera | None  # for images of the size that the frames have
    rig_from_camera: Array | None  # (4, 4)
    unknown: str = ""  # why camera or pose are None


@dataclass(frozen=True)
class Gyro:
    """Turn rates (N, 3) in rad/s, gyroscope axes, at increasing times; and what the accelerometer beside it felt."""

    sensor: str
    t_ns: Times
    rate_rad_s: Array
    rig_from_gyro: Array | None  # (3, 3); None where nobody knows
    force_m_s2: Array | None = None  # (N, 3); NaN where it has none
