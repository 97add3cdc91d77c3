"""What a point cloud is: points as a structured array, one field a name; and the figures that are kept of a scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_POINTS = 50_000_000  # of one scan
_MAX_FIELDS = 64
_MAX_POINT_BYTES = 4096
_AXES = ("x", "y", "z")
_MAX_OFF_UNIT = 0.01  # what rounding to a few digits makes of a unit quaternion
Bounds = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class PointField:
    """One value of every point: `dtype` as NumPy writes it, with its byte order, and how many of them there are."""

    name: str
    dtype: str
    offset: int  # bytes from the beginning of the point
    count: int = 1


@dataclass(frozen=True)
class PointCloud:
    """The points of one scan, in the order of the sensor; `size` is width and height of a grid, (n, 1) of a list.

    `points` has the shape (n,) and a field a name: `x`, `y`, `z` are metres in the sensor's frame, where the format
    keeps to that; the others (`intensity`, `ring`, `time`) have the unit of who wrote them.
    """

    points: NDArray[np.void]
    size: tuple[int, int]
    t_ns: int | None = None
    frame_of_reference: str | None = None
    num_left_out: int = 0  # beams of a laser scan without a range, which are no points


@dataclass(frozen=True)
class CloudFacts:
    """What is kept of a scan beside its bytes. `bounds`: least x, y, z, then greatest x, y, z, of finite points, m."""

    num_points: int
    num_finite: int  # points of which x, y and z are finite numbers
    bounds: Bounds | None
    fields: tuple[tuple[str, str, int], ...]  # name, type, count


def layout_of(
    fields: Sequence[PointField], point_bytes: int, min_axes: int = len(_AXES)
) -> np.dtype[np.void]:
    """The type of one point. Raises ValueError for fields without room in a point, or without a name of their own.

    `min_axes` is how many of x, y and z there are at least.
    """
    if not 0 < point_bytes <= _MAX_POINT_BYTES or len(fields) > _MAX_FIELDS:
        raise ValueError(f"points of {point_bytes} bytes with {len(fields)} fields")
    names = [field.name for field in fields]
    if len(set(names)) < len(names) or not all(names):
        raise ValueError(f"fields {names} that do not have a name each")
    absent = [axis for axis in _AXES if axis not in names]
    if len(absent) > len(_AXES) - min_axes:
        raise ValueError(
            f"points without {', '.join(absent)}: their fields are {names}"
        )
    formats = []
    for field in fields:
        one = np.dtype(field.dtype)
        if field.count < 1 or field.offset + one.itemsize * field.count > point_bytes:
            raise ValueError(f"the field {field.name!r} lies outside of its point")
        if field.name in _AXES and (field.count != 1 or one.kind not in "fiu"):
            raise ValueError(f"the field {field.name!r} is no number")
        formats.append(one if field.count == 1 else np.dtype((one, (field.count,))))
    offsets = [field.offset for field in fields]
    return np.dtype(
        {
            "names": names,
            "formats": formats,
            "offsets": offsets,
            "itemsize": point_bytes,
        }
    )


def view_points(
    data: bytes | memoryview,
    layout: np.dtype[np.void],
    size: tuple[int, int],
    row_bytes: int,
) -> NDArray[np.void]:
    """The points of a grid of width and height whose rows begin `row_bytes` apart, (n,). Raises ValueError."""
    width, height = size
    if width * height > MAX_POINTS:
        raise ValueError(f"{width * height} points, more than the {MAX_POINTS} read")
    if width * height == 0:
        return np.zeros(0, layout)
    if row_bytes < width * layout.itemsize and height > 1:
        raise ValueError(
            f"rows of {row_bytes} bytes have no room for {width} points of {layout.itemsize}"
        )
    needed = row_bytes * (height - 1) + width * layout.itemsize
    if len(data) < needed:
        raise ValueError(
            f"{len(data)} bytes where {width} x {height} points have {needed}"
        )
    strides = (row_bytes, layout.itemsize)
    grid: NDArray[np.void] = np.ndarray((height, width), layout, data, 0, strides)
    return grid.reshape(-1)


def positions_of(points: NDArray[np.void]) -> NDArray[np.float64]:
    """x, y, z of every point, (n, 3), as they are."""
    return np.stack([points[axis].astype(np.float64) for axis in _AXES], axis=1)


def move_points(
    points: NDArray[np.void], xyz_m: Sequence[float], quaternion: Sequence[float]
) -> NDArray[np.void]:
    """Points in the frame in which their origin stands at a pose, (n,): x, y, z are float64 then, the rest as it is.

    `quaternion` is x, y, z, w; four zeros, as a message has that sets none, turn nothing. A pose that moves nothing
    gives the points as they are. Raises ValueError for a pose that is not finite, or whose quaternion is none.
    """
    from scipy.spatial.transform import Rotation

    pose = np.array([*xyz_m, *quaternion], np.float64)
    if not np.isfinite(pose).all():
        raise ValueError(f"the pose {pose.tolist()} of the points is not finite")
    length = float(np.linalg.norm(pose[3:]))
    if length and abs(length - 1) > _MAX_OFF_UNIT:
        raise ValueError(f"the quaternion {pose[3:].tolist()} has the length {length}")
    if not pose[:6].any():
        return points
    turn = Rotation.from_quat(pose[3:]) if length else Rotation.identity()
    positions = positions_of(points) @ turn.as_matrix().T + pose[:3]
    assert points.dtype.names is not None
    kinds = [
        (name, "<f8") if name in _AXES else (name, points.dtype[name])
        for name in points.dtype.names
    ]
    moved = np.empty(len(points), np.dtype(kinds))
    for name in points.dtype.names:
        moved[name] = positions[:, _AXES.index(name)] if name in _AXES else points[name]
    return moved


def measure_cloud(points: NDArray[np.void]) -> CloudFacts:
    """The figures of a scan."""
    positions = positions_of(points)
    finite = positions[np.isfinite(positions).all(axis=1)]
    bounds: Bounds | None = None
    if len(finite):
        x_min, y_min, z_min = map(float, finite.min(axis=0))
        x_max, y_max, z_max = map(float, finite.max(axis=0))
        bounds = (x_min, y_min, z_min, x_max, y_max, z_max)
    assert points.dtype.names is not None
    fields = tuple(_describe_field(points.dtype, name) for name in points.dtype.names)
    return CloudFacts(len(points), len(finite), bounds, fields)


def _describe_field(layout: np.dtype[np.void], name: str) -> tuple[str, str, int]:
    assert layout.fields is not None
    kind = layout.fields[name][0]
    count = kind.shape[0] if kind.shape else 1
    return name, kind.base.newbyteorder("=").name, int(count)
