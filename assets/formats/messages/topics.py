"""What one message on one topic becomes: the vocabulary shared by the message formats in MCAP files."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from assets.formats.images.image_headers import find_encoding, is_depth_png
from assets.formats.observations import (
    CalibrationObservation,
    FrameObservation,
    Observation,
    Problem,
    SignalObservation,
    Source,
)

READER = "mcap"
# REP 105: frames that do not move with the rig
FIXED_FRAMES = frozenset({"world", "map", "odom", "earth"})
MILLIMETRE_M = 0.001
# in the metadata of a channel: metres a unit, as text
DEPTH_UNIT_KEY = "depth_m_per_unit"
_TOPIC_WORDS = re.compile(
    r"^(image\w*|compressed\w*|camera_info|calibration|data\w*|raw|rect|pose|info|theora|transport)$",
    re.IGNORECASE,
)
_GROUP_WORDS = frozenset({"camera", "cameras", "sensor", "sensors", "ground_truth"})
_DEPTH_TOPIC = re.compile("depth|disparity", re.IGNORECASE)
_OTHER_TOPIC = re.compile(
    r"(?<![a-z])(thermal|infra(red)?|ir|lwir|swir|nir|flir|mono|gr[ae]y|colou?r|rgb)(?![a-z])",
    re.IGNORECASE,
)
_MESSAGE_REMEDY = "check the program that recorded it"


@dataclass(frozen=True)
class Origin:
    """Where a message stands: its topic, the sensor that the topic names, and its bytes."""

    topic: str
    sensor: str
    source: Source
    depth_m_per_unit: float | None = None  # where the channel's metadata say it
    is_at_zero: bool = False  # the recorder's clock stood at zero too, so that a stamp of zero is a time
    reader: str = READER

    def refuse(
        self, reason: str, remedy: str = _MESSAGE_REMEDY, sensor: str | None = None
    ) -> Problem:
        """The problem with this message, with its topic's name in front of the reason."""
        return Problem(
            self.source,
            self.reader,
            f"topic {self.topic}: {reason}"[:500],
            remedy,
            sensor or self.sensor,
        )


@dataclass(frozen=True)
class PendingCalibration:
    """Intrinsics that still lack the place of the camera, which other messages tell."""

    observation: CalibrationObservation
    camera_frame: str


@dataclass(frozen=True)
class VideoPacket:
    """One message of video."""

    origin: Origin
    codec: str  # name of its decoder: "h264" or "hevc"
    data: bytes
    t_ns: int | None
    channel: int = 0
    place: tuple[int, int] = (0, 0)  # `Located.place` of the message


Reading = Observation | PendingCalibration | VideoPacket


def name_sensor(topic: str) -> str:
    """`/camera/left/image` -> "left", `/cam0/image_raw/compressed` -> "cam0", `/imu/data` -> "imu"."""
    parts = [part.lower() for part in topic.split("/") if part]
    kept = [part for part in parts if not _TOPIC_WORDS.match(part)] or parts[:1]
    while len(kept) > 1 and kept[0] in _GROUP_WORDS:
        kept = kept[1:]
    return "_".join(kept) or "sensor"


def read_frame(
    origin: Origin, payload: bytes, declared: str, t_ns: int | None
) -> Iterator[Reading]:
    """An encoded image. Its bytes decide about the encoding, not what the message declares.

    It is depth where `is_depth` says so and the bytes can be. The unit of depth is known where the channel's metadata
    state it, or where the declaration names a depth image of ROS (`16UC1; png compressed`, `16UC1; compressedDepth`),
    which is millimetres (REP 118).
    """
    encoding = find_encoding(payload)
    if encoding is None:
        yield origin.refuse(
            f"declared as {declared[:40]!r}, but begins with {payload[:8]!r}: no image format that is read"
        )
        return
    can_be_depth = is_depth_png(payload)
    if not can_be_depth and (origin.depth_m_per_unit or "compressedDepth" in declared):
        yield origin.refuse(
            f"declared as depth, and is no 16-bit PNG of one channel but {encoding}"
        )
        return
    kind = "depth" if can_be_depth and is_depth(origin, declared) else "color"
    unit = (
        origin.depth_m_per_unit or (MILLIMETRE_M if "16UC1" in declared else None)
        if kind == "depth"
        else None
    )
    yield FrameObservation(
        origin.sensor,
        payload,
        encoding,
        origin.source,
        kind,
        t_ns,
        depth_m_per_unit=unit,
    )


def is_depth(origin: Origin, declared: str) -> bool:
    """Whether 16-bit grey values on a topic are depth.

    The channel's metadata, the name of the topic and `compressedDepth` say it. So do 16UC1 and 32FC1 (REP 118), except
    on the topic of a camera of another kind: drivers of infrared and thermal cameras use 16UC1 too. mono16 and a bare
    PNG do not say it.
    """
    if (
        origin.depth_m_per_unit
        or "compressedDepth" in declared
        or _DEPTH_TOPIC.search(origin.topic)
    ):
        return True
    return ("16UC1" in declared or "32FC1" in declared) and not _OTHER_TOPIC.search(
        origin.topic
    )


def read_calibration(
    origin: Origin,
    size_px: tuple[int, int],
    k: Iterable[float],
    model: str,
    d: Iterable[float],
    camera_frame: str,
) -> Iterator[Reading]:
    """Pinhole intrinsics of a 3x3 row-major camera matrix."""
    matrix = [float(v) for v in k]
    distortion = [float(v) for v in d]
    if (
        len(matrix) != 9
        or not all(map(math.isfinite, matrix + distortion))
        or matrix[0] <= 0
        or matrix[4] <= 0
    ):
        yield origin.refuse(
            f"camera matrix {matrix} is not a calibration",
            "calibrate the camera, or do not record the topic",
        )
        return
    if min(size_px) <= 0:
        yield origin.refuse(
            f"calibration for an image of {size_px[0]}x{size_px[1]} px",
            "state the image size",
        )
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
    origin: Origin,
    parent: str,
    child: str,
    t_ns: int | None,
    translation: Any,
    rotation: Any,
) -> Iterator[Reading]:
    """`parent_from_child`: a pose where the parent is fixed in the world, otherwise a transform on the rig.

    The sensor is the child frame: the thing whose place is told. A transform that never changes may have no time.
    """
    parent = parent.strip("/")
    child = child.strip("/")
    kind = "pose" if parent in FIXED_FRAMES else "transform"
    if kind == "pose" and t_ns is None:
        yield origin.refuse("a pose without a time", "fill the field `timestamp`")
        return
    yield read_signal(
        origin,
        kind,
        t_ns,
        list_pose(translation, rotation),
        parent or None,
        child or None,
        child or None,
    )


def read_fix(
    origin: Origin,
    t_ns: int,
    latitude_deg: float,
    longitude_deg: float,
    altitude_m: float,
    frame: str | None,
) -> Iterator[Reading]:
    """A satellite position on the WGS 84 ellipsoid. An altitude that is not known is NaN."""
    if not (-90 <= latitude_deg <= 90 and -180 <= longitude_deg <= 180) or math.isinf(
        altitude_m
    ):
        place = (
            f"latitude {latitude_deg}, longitude {longitude_deg}, altitude {altitude_m}"
        )
        yield origin.refuse(
            f"fix at {t_ns} ns is no place on earth: {place}",
            "check the receiver's driver",
        )
        return
    values = (float(latitude_deg), float(longitude_deg), float(altitude_m))
    yield SignalObservation(
        origin.sensor, "gnss", t_ns, values, origin.source, "wgs84", frame or None
    )


def read_signal(
    origin: Origin,
    kind: str,
    t_ns: int | None,
    values: Iterable[float],
    frame: str | None,
    child: str | None = None,
    sensor: str | None = None,
) -> Reading:
    """A signal, or a problem when a value is not finite."""
    numbers = tuple(float(v) for v in values)
    if not all(map(math.isfinite, numbers)):
        return origin.refuse(
            f"{kind} at {t_ns} ns is not finite: {numbers}",
            "check the sensor's driver",
            sensor,
        )
    return SignalObservation(
        sensor or origin.sensor,
        kind,
        t_ns,
        numbers,
        origin.source,
        frame or None,
        child or None,
    )


def list_pose(position: Any, orientation: Any) -> tuple[float, ...]:
    """xyz m, quaternion xyzw."""
    return (
        position.x,
        position.y,
        position.z,
        orientation.x,
        orientation.y,
        orientation.z,
        orientation.w,
    )
