"""What one message on one topic becomes: the vocabulary shared by the message formats in MCAP files."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.capture.observations import (
    CalibrationObservation,
    FrameObservation,
    Observation,
    Problem,
    SignalObservation,
    Source,
)
from assets.capture.readers.image_headers import find_encoding, is_depth_png

READER = "mcap"
FIXED_FRAMES = frozenset({"world", "map", "odom", "earth"})  # REP 105: frames that do not move with the rig
MAX_RAW_PIXELS = 100_000_000
_TOPIC_WORDS = re.compile(
    r"^(image\w*|compressed\w*|camera_info|calibration|data\w*|raw|rect|pose|info|theora|transport)$", re.IGNORECASE
)
_GROUP_WORDS = frozenset({"camera", "cameras", "sensor", "sensors", "ground_truth"})
_MESSAGE_REMEDY = "check the program that recorded it"


@dataclass(frozen=True)
class Origin:
    """Where a message stands: its topic, the sensor that the topic names, and its bytes."""

    topic: str
    sensor: str
    source: Source

    def refuse(self, reason: str, remedy: str = _MESSAGE_REMEDY, sensor: str | None = None) -> Problem:
        return Problem(self.source, READER, f"topic {self.topic}: {reason}"[:500], remedy, sensor or self.sensor)


@dataclass(frozen=True)
class PendingCalibration:
    """Intrinsics that still lack the place of the camera, which other messages tell."""

    observation: CalibrationObservation
    camera_frame: str


Reading = Observation | PendingCalibration


def name_sensor(topic: str) -> str:
    """`/camera/left/image` -> "left", `/cam0/image_raw/compressed` -> "cam0", `/imu/data` -> "imu"."""
    parts = [part.lower() for part in topic.split("/") if part]
    kept = [part for part in parts if not _TOPIC_WORDS.match(part)] or parts[:1]
    while len(kept) > 1 and kept[0] in _GROUP_WORDS:
        kept = kept[1:]
    return "_".join(kept) or "sensor"


def read_frame(origin: Origin, payload: bytes, declared: str, t_ns: int | None) -> Iterator[Reading]:
    """An encoded image. Its bytes decide about encoding and kind, not what the message declares."""
    encoding = find_encoding(payload)
    if encoding is None:
        yield origin.refuse(
            f"declared as {declared[:40]!r}, but begins with {payload[:8]!r}: no image format that is read"
        )
        return
    kind = "depth" if is_depth_png(payload) else "color"
    yield FrameObservation(origin.sensor, payload, encoding, origin.source, kind, t_ns)


def read_pixels(
    origin: Origin, data: bytes, layout: str, size_px: tuple[int, int], step: int, is_big_endian: bool, t_ns: int | None
) -> Iterator[Reading]:
    """An image stored as plain rows of `step` bytes, encoded as PNG: nothing is lost, except that 32FC1 depth in metres
    is rounded to millimetres (0 where it is not finite, not positive or beyond 65.535 m)."""
    spec = _LAYOUTS.get(layout)
    if spec is None:
        yield origin.refuse(
            f"raw image encoding {layout[:40]!r} is not read yet", "record it as rgb8, mono8, 16UC1 or JPEG"
        )
        return
    dtype, channels, conversion = spec
    width, height = size_px
    row_bytes = width * channels * np.dtype(dtype).itemsize
    if width <= 0 or height <= 0 or width * height > MAX_RAW_PIXELS or step < row_bytes or step * height > len(data):
        yield origin.refuse(f"{width}x{height} {layout} with rows of {step} bytes does not fit its {len(data)} bytes")
        return
    rows = np.frombuffer(data, np.uint8, step * height).reshape(height, step)[:, :row_bytes]
    pixels = np.ascontiguousarray(rows).view(np.dtype(dtype).newbyteorder(">" if is_big_endian else "<"))
    pixels = pixels.reshape((height, width, channels) if channels > 1 else (height, width))
    yield FrameObservation(
        origin.sensor,
        encode_png(pixels, conversion),
        "png",
        origin.source,
        "depth" if layout in _DEPTH else "color",
        t_ns,
    )


def encode_png(pixels: NDArray[Any], conversion: int | None) -> bytes:
    """PNG of 8-bit or 16-bit rows; float rows are depth in metres. `conversion` is a cv2 colour code to BGR(A)."""
    if pixels.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            millimetres = np.rint(pixels.astype(np.float64) * 1000)
            pixels = np.where((millimetres > 0) & (millimetres <= 65535), millimetres, 0).astype(np.uint16)
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if conversion is not None:
        pixels = cv2.cvtColor(pixels, conversion)
    done, encoded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert done
    return encoded.tobytes()


_LAYOUTS: dict[str, tuple[str, int, int | None]] = {  # sensor_msgs/image_encodings.hpp and foxglove.RawImage
    "rgb8": ("u1", 3, cv2.COLOR_RGB2BGR), "8UC3": ("u1", 3, None), "bgr8": ("u1", 3, None),
    "rgba8": ("u1", 4, cv2.COLOR_RGBA2BGR), "bgra8": ("u1", 4, cv2.COLOR_BGRA2BGR),
    "mono8": ("u1", 1, None), "8UC1": ("u1", 1, None), "mono16": ("u2", 1, None),
    "16UC1": ("u2", 1, None), "32FC1": ("f4", 1, None),
}  # fmt: skip
_DEPTH = ("16UC1", "32FC1")  # REP 118


def read_calibration(
    origin: Origin, size_px: tuple[int, int], k: Iterable[float], model: str, d: Iterable[float], camera_frame: str
) -> Iterator[Reading]:
    """Pinhole intrinsics of a 3x3 row-major camera matrix."""
    matrix, distortion = [float(v) for v in k], [float(v) for v in d]
    if len(matrix) != 9 or not all(map(math.isfinite, matrix + distortion)) or matrix[0] <= 0 or matrix[4] <= 0:
        yield origin.refuse(
            f"camera matrix {matrix} is not a calibration", "calibrate the camera, or do not record the topic"
        )
        return
    if min(size_px) <= 0:
        yield origin.refuse(f"calibration for an image of {size_px[0]}x{size_px[1]} px", "state the image size")
        return
    observation = CalibrationObservation(
        origin.sensor,
        *size_px,
        matrix[0],
        matrix[4],
        matrix[2],
        matrix[5],
        origin.source,
        model or None,
        tuple(distortion),
    )
    yield PendingCalibration(observation, camera_frame)


def read_transform(
    origin: Origin, parent: str, child: str, t_ns: int, translation: Any, rotation: Any
) -> Iterator[Reading]:
    """`parent_from_child`: a pose where the parent is fixed in the world, otherwise a transform on the rig.

    The sensor is the child frame: the thing whose place is told.
    """
    parent, child = parent.strip("/"), child.strip("/")
    kind = "pose" if parent in FIXED_FRAMES else "transform"
    yield read_signal(
        origin, kind, t_ns, list_pose(translation, rotation), parent or None, child or None, child or None
    )


def read_signal(
    origin: Origin, kind: str, t_ns: int, values: Iterable[float], frame: str | None, child: str | None = None,
    sensor: str | None = None,
) -> Reading:  # fmt: skip
    """A signal, or a problem when a value is not finite."""
    numbers = tuple(float(v) for v in values)
    if not all(map(math.isfinite, numbers)):
        return origin.refuse(f"{kind} at {t_ns} ns is not finite: {numbers}", "check the sensor's driver", sensor)
    return SignalObservation(sensor or origin.sensor, kind, t_ns, numbers, origin.source, frame or None, child or None)


def list_pose(position: Any, orientation: Any) -> tuple[float, ...]:
    """xyz m, quaternion xyzw."""
    return (position.x, position.y, position.z, orientation.x, orientation.y, orientation.z, orientation.w)
