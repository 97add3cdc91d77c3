"""Parse the files of a COLMAP model: `cameras` and `images`, as text or binary.

A camera's centre counts from the outer corner of the top-left pixel, where calibrations here count from its middle:
half a pixel less. An image's pose is camera_from_world. Points are not parsed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assets.formats.protocol import Opener, read_bytes
from assets.formats.sequences.sequence_files import (
    Pose,
    check_rotation,
    matrix_of_pose,
    parse_number,
    pose_of_matrix,
    read_all_lines,
    read_rows,
)
from assets.storage import SessionFile
from models.geometry.camera import Camera
from models.geometry.camera_conventions import from_colmap

_MAX_NAME_BYTES = 1024
# `Camera` takes coefficients of zero for a pinhole
NO_FISHEYE = "a fisheye lens whose coefficients are all zero: there would be a pinhole in its place"
_POINT_BYTES = 24  # x, y, and the id of a 3D point
# numbers of a model in binary files -> its name and how many parameters it has
MODELS = {
    0: ("SIMPLE_PINHOLE", 3),
    1: ("PINHOLE", 4),
    2: ("SIMPLE_RADIAL", 4),
    3: ("RADIAL", 5),
    4: ("OPENCV", 8),
    5: ("OPENCV_FISHEYE", 8),
    6: ("FULL_OPENCV", 12),
    7: ("FOV", 5),
    8: ("SIMPLE_RADIAL_FISHEYE", 4),
    9: ("RADIAL_FISHEYE", 5),
    10: ("THIN_PRISM_FISHEYE", 12),
    11: ("RAD_TAN_THIN_PRISM_FISHEYE", 16),
    12: ("SIMPLE_DIVISION", 4),
    13: ("DIVISION", 5),
    14: ("SIMPLE_FISHEYE", 3),
    15: ("FISHEYE", 4),
    16: ("EUCM", 6),
    17: ("EQUIRECTANGULAR", 2),
}


@dataclass(frozen=True)
class ModelCamera:
    """A camera as the file has it."""

    model: str
    size_px: tuple[int, int]
    numbers: tuple[float, ...]

    def to_camera(self) -> Camera:
        """Raises ValueError for a model that has no counterpart here, or numbers that make no camera."""
        if not np.isfinite(self.numbers).all() or min(self.size_px) < 1:
            raise ValueError(
                f"{self.model} of {self.size_px} px with {self.numbers} makes no camera"
            )
        camera = from_colmap(self.model, self.size_px, self.numbers)
        if min(camera.focal_px) <= 0:
            fx, fy = camera.focal_px
            raise ValueError(f"focal lengths {fx:g}, {fy:g} px are not above 0")
        if camera.distortion_model == "equidistant" and not camera.is_distorted:
            raise ValueError(NO_FISHEYE)
        return camera


@dataclass(frozen=True)
class ModelImage:
    """A registered picture."""

    name: str
    camera_id: int
    quaternion_wxyz: tuple[float, ...]  # camera_from_world
    translation: tuple[float, ...]
    # bytes in the file
    offset: int
    length: int

    def find_pose(self) -> Pose:
        """world_from_camera. Raises ValueError."""
        w, x, y, z = self.quaternion_wxyz
        check_rotation((x, y, z, w))
        length = float(np.linalg.norm((x, y, z, w)))
        unit = (x / length, y / length, z / length, w / length)
        camera_from_world = matrix_of_pose((*self.translation, *unit))
        return pose_of_matrix(np.linalg.inv(camera_from_world))


def read_cameras(file: SessionFile, opener: Opener) -> dict[int, ModelCamera]:
    """By id. Raises UnreadableBytes and ValueError."""
    if file.path.endswith(".bin"):
        return dict(parse_cameras(read_bytes(file, opener)))
    found = {}
    for line, fields in read_rows(file, opener):
        if len(fields) < 5:
            raise ValueError(f"line {line.number} is no camera: {line.text[:80]!r}")
        width, height = _whole(fields[2]), _whole(fields[3])
        found[_whole(fields[0])] = ModelCamera(
            fields[1], (width, height), tuple(map(parse_number, fields[4:]))
        )
    return found


def read_images(file: SessionFile, opener: Opener) -> Iterator[ModelImage]:
    """In the order of the file. Raises UnreadableBytes and ValueError."""
    if file.path.endswith(".bin"):
        yield from _parse_images(read_bytes(file, opener))
        return
    is_second = False  # of the two lines of an image: its points, which may be none
    for line in read_all_lines(file, opener):
        if is_second:
            is_second = False
            continue
        if not line.text or line.text.startswith("#"):
            continue
        fields = line.text.split(maxsplit=9)
        if len(fields) != 10:
            raise ValueError(f"line {line.number} is no image: {line.text[:80]!r}")
        numbers = tuple(map(parse_number, fields[1:8]))
        camera_id = _whole(fields[8])
        yield ModelImage(
            fields[9], camera_id, numbers[:4], numbers[4:], line.offset, line.length
        )
        is_second = True


def parse_cameras(data: bytes) -> Iterator[tuple[int, ModelCamera]]:
    """Of a binary file, by id. Raises ValueError."""
    cursor = _Cursor(data)
    (count,) = cursor.take("Q")
    for _ in range(count):
        camera_id, number, width, height = cursor.take("iiQQ")
        if number not in MODELS:
            raise ValueError(
                f"camera model number {number} is not known: {max(MODELS)} is the highest that is"
            )
        name, num_parameters = MODELS[number]
        yield (
            camera_id,
            ModelCamera(name, (width, height), cursor.take(f"{num_parameters}d")),
        )
    cursor.end()


class _Cursor:
    """Takes numbers from little-endian bytes, in order."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def take(self, form: str) -> tuple[Any, ...]:
        """Raises ValueError where the bytes end before."""
        size = struct.calcsize(f"<{form}")
        if self.at + size > len(self._data):
            raise ValueError("it ends early")
        values = struct.unpack_from(f"<{form}", self._data, self.at)
        self.at += size
        return values

    def take_text(self) -> str:
        end = self._data.find(b"\0", self.at, self.at + _MAX_NAME_BYTES)
        if end < 0:
            raise ValueError("a name without an end")
        text = self._data[self.at : end].decode(errors="replace")
        self.at = end + 1
        return text

    def skip(self, count: int) -> None:
        if count > len(self._data) - self.at:
            raise ValueError("it ends early")
        self.at += count

    def end(self) -> None:
        if self.at != len(self._data):
            raise ValueError(f"{len(self._data) - self.at} bytes behind the last entry")


def _parse_images(data: bytes) -> Iterator[ModelImage]:
    cursor = _Cursor(data)
    (count,) = cursor.take("Q")
    for _ in range(count):
        offset = cursor.at
        numbers: Sequence[float] = cursor.take("i7di")
        name = cursor.take_text()
        (num_points,) = cursor.take("Q")
        cursor.skip(_POINT_BYTES * num_points)
        yield ModelImage(
            name,
            int(numbers[8]),
            tuple(numbers[1:5]),
            tuple(numbers[5:8]),
            offset,
            cursor.at - offset,
        )
    cursor.end()


def _whole(text: str) -> int:
    """Raises ValueError."""
    value = parse_number(text)
    if value % 1:
        raise ValueError(f"{text[:40]!r} is no whole number")
    return int(value)
