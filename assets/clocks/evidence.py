"""What the images and the gyroscope of one capture say about its clocks and its calibration.

Every figure of a camera is either there with its standard error, or absent with the reason: no clock, no calibration,
no gyroscope, too little motion.
"""

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

MIN_GYRO_SAMPLES = 50


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


def gather_evidence(
    streams: Sequence[CameraStream], gyro: Gyro | None, load: Load
) -> dict[str, Figures]:
    """Columns of `clock_reports` by camera: offsets to the gyroscope and to the first camera, and the fit of its pose.

    The first camera, by name, of those with stamps, calibration and pose is the reference.
    """
    figures: dict[str, Figures] = {s.sensor: {} for s in streams}
    able = []
    for stream in streams:
        reason = _find_obstacle(stream)
        if reason is None:
            able.append(stream)
        else:
            figures[stream.sensor] = {
                "imu_reason": reason,
                "camera_reason": reason,
                "calibration_reason": reason,
            }
    if able:
        from assets.clocks.comparisons import compare_cameras  # seconds to load

        for sensor, found in compare_cameras(able, gyro, load).items():
            figures[sensor] |= found
    return figures


def _find_obstacle(stream: CameraStream) -> str | None:
    if len(stream.t_ns) < 2:
        return "these frames carry no time"
    return (
        stream.unknown
        if stream.camera is None or stream.rig_from_camera is None
        else None
    )
