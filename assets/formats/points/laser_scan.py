"""Read sensor_msgs/LaserScan, as ROS 1 and ROS 2 (CDR) write it: ranges by angle, which become points of a plane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assets.formats.points.clouds import MAX_POINTS, PointCloud
from assets.formats.points.message_fields import MessageFields


def parse_laser_ros1(data: bytes | memoryview) -> PointCloud:
    """The points of a ROS 1 message, as `place_beams` makes them, with `time` in s where beams have times of their own.

    Left out are ranges outside of `range_min` and `range_max`, which the definition says to discard. Raises ValueError.
    """
    return _parse(data, is_cdr=False)


def parse_laser_cdr(data: bytes | memoryview) -> PointCloud:
    """The points of a ROS 2 message, as those of a ROS 1 message. Raises ValueError."""
    return _parse(data, is_cdr=True)


def _parse(data: bytes | memoryview, is_cdr: bool) -> PointCloud:
    message = MessageFields(data, is_cdr)
    t_ns, frame = message.header()
    angle_min_rad, _, angle_step_rad, beam_s, _, *limits_m = message.reals(7, 4)
    ranges_m = message.reals(message.number(), 4)
    intensities = message.reals(message.number(), 4)
    with np.errstate(invalid="ignore"):
        is_return = (ranges_m >= limits_m[0]) & (ranges_m <= limits_m[1])
    angles_rad = float(angle_min_rad) + np.arange(len(ranges_m)) * float(angle_step_rad)
    points = place_beams(angles_rad, ranges_m, intensities, is_return, float(beam_s))
    num_left_out = len(ranges_m) - len(points)
    return PointCloud(points, (len(points), 1), t_ns, frame, num_left_out)


def place_beams(
    angles_rad: NDArray[np.floating],
    ranges_m: NDArray[np.floating],
    intensities: NDArray[np.floating],
    is_return: NDArray[np.bool_],
    beam_s: float = 0.0,
) -> NDArray[np.void]:
    """Points of the x-y plane, in the scanner's frame: angle 0 is x, counter-clockwise seen from z; (n,), metres.

    `index` is the beam; `intensity` is there where every beam has one, `time` (seconds from the first beam) where
    `beam_s` is not 0. Beams that are no `is_return`, or whose range is not finite, are left out. Raises ValueError for
    angles that are not finite, and for intensities that are not one a beam.
    """
    if len(ranges_m) > MAX_POINTS:
        raise ValueError(f"{len(ranges_m)} beams, more than the {MAX_POINTS} read")
    if not np.isfinite(angles_rad).all():
        raise ValueError("its angles are not finite")
    if len(intensities) not in (0, len(ranges_m)):
        raise ValueError(f"{len(intensities)} intensities of {len(ranges_m)} beams")
    kept = np.flatnonzero(is_return & np.isfinite(ranges_m))
    kinds = [(axis, "<f8") for axis in ("x", "y", "z")]
    kinds += [("intensity", f"<f{intensities.itemsize}")] if len(intensities) else []
    kinds += [("index", "<u4"), *([("time", "<f8")] if beam_s else [])]
    points = np.zeros(len(kept), kinds)
    points["x"] = ranges_m[kept] * np.cos(angles_rad[kept])
    points["y"] = ranges_m[kept] * np.sin(angles_rad[kept])
    points["index"] = kept
    if len(intensities):
        points["intensity"] = intensities[kept]
    if beam_s:
        points["time"] = kept * beam_s
    return points
