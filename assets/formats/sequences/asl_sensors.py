"""Parse `sensor.yaml` of the ASL layout: the place of a sensor on the body, and the intrinsics of a camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assets.formats.observations import CalibrationObservation, Source
from assets.formats.sequences.sequence_files import Pose, pose_of_matrix
from assets.formats.strict_yaml import parse_yaml

_DISTORTION = {  # names of the layout -> names of ROS for the same coefficients in the same order
    "radial-tangential": "plumb_bob",
    "radtan": "plumb_bob",
    "equidistant": "equidistant",
    "none": None,
}

_LARGEST = 1e12  # no focal length, size or coefficient comes near; NaN is not below it


@dataclass(frozen=True)
class SensorFacts:
    """What a `sensor.yaml` says. None where it says nothing."""

    calibration: CalibrationObservation | None
    body_from_sensor: Pose | None


def parse_sensor(data: bytes, sensor: str, source: Source) -> SensorFacts:
    """Raises ValueError, with a reason to show, when the text is no YAML or contradicts itself."""
    document = _parse_entries(data)
    pose = _read_pose(document.get("T_BS"))
    if document.get("camera_model") is None and document.get("intrinsics") is None:
        return SensorFacts(None, pose)
    return SensorFacts(_read_camera(document, sensor, source, pose), pose)


def _parse_entries(data: bytes) -> dict[Any, Any]:
    document = parse_yaml(data)
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ValueError("holds no entries")
    return document


def _read_pose(entry: Any) -> Pose | None:
    if entry is None:
        return None
    values = _read_numbers(
        entry.get("data") if isinstance(entry, dict) else None, "T_BS", (16,)
    )
    try:
        return pose_of_matrix([values[i : i + 4] for i in range(0, 16, 4)])
    except ValueError as error:
        raise ValueError(f"T_BS is no pose: {error}") from None


def _read_camera(
    document: dict[Any, Any], sensor: str, source: Source, pose: Pose | None
) -> CalibrationObservation:
    if document.get("camera_model") != "pinhole":
        raise ValueError(
            f"camera model {str(document.get('camera_model'))[:40]!r} is not read: only pinhole is"
        )
    name = str(document.get("distortion_model", "none"))
    if name not in _DISTORTION:
        raise ValueError(
            f"distortion model {name[:40]!r} is not known: one of {', '.join(_DISTORTION)}"
        )
    fx, fy, cx, cy = _read_numbers(document.get("intrinsics"), "intrinsics", (4,))
    width, height = _read_numbers(document.get("resolution"), "resolution", (2,))
    if min(fx, fy, width, height) <= 0 or width % 1 or height % 1:
        raise ValueError(
            f"focal lengths {fx}, {fy} px for an image of {width} x {height} px make no camera"
        )
    coefficients = document.get("distortion_coefficients")
    distortion = (
        ()
        if coefficients is None
        else _read_numbers(coefficients, "distortion_coefficients", range(13))
    )
    return CalibrationObservation(
        sensor,
        int(width),
        int(height),
        fx,
        fy,
        cx,
        cy,
        source,
        _DISTORTION[name],
        distortion,
        pose,
    )


def _read_numbers(
    value: Any, name: str, lengths: tuple[int, ...] | range
) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) not in lengths:
        raise ValueError(
            f"{name} is {str(value)[:80]}, not a list of {lengths[-1]} numbers"
        )
    numbers = tuple(
        float(v) for v in value if type(v) in (int, float) and abs(v) < _LARGEST
    )
    if len(numbers) != len(value):
        raise ValueError(f"{name} is {str(value)[:80]}: not all are finite numbers")
    return numbers
