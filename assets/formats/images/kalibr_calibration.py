"""Read the `camchain` YAML of Kalibr beside image folders: cameras, and their places on the rig.

Entries `cam0`, `cam1`, ... have a camera model with its intrinsics, a distortion model, and the image size. `pinhole`
with `radtan`, `equi` or `none`, and `ds`, `eucm` and `omni` without distortion are what the camera of `models.geometry`
holds; others are refused.

An entry is for the camera of its name; otherwise for the one that its topic names (`/left/image_raw`), or for the only
one. `T_cam_imu` is camera_from_imu: the rig is the IMU where all cameras have it, otherwise cam0, from which
`T_cn_cnm1` leads from each camera to the next. `timeshift_cam_imu` is noted; stamps are never rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assets.formats.layout import is_hidden, suffix_of
from assets.formats.observations import CalibrationObservation, Problem
from assets.formats.protocol import (
    Opener,
    UnreadableBytes,
    read_bytes,
    read_head,
    whole_file,
)
from assets.formats.sequences.colmap_model import NO_FISHEYE
from assets.formats.sequences.sequence_files import Pose, parse_number, pose_of_matrix
from assets.formats.strict_yaml import MAX_YAML_BYTES, parse_yaml
from assets.storage import SessionFile
from models.geometry.camera import Camera
from models.geometry.camera_conventions import from_kalibr

_SUFFIXES = frozenset({".yaml", ".yml"})
_SIGNS = (
    b"camera_model",
    b"distortion_model",
    b"T_cam_imu",
    b"cam_overlaps",
    b"T_cn_cnm1",
)
_ENTRY = re.compile(r"cam(\d{1,3})")
# camera model -> how many intrinsics; distortion model -> how many coefficients
_INTRINSICS = {"pinhole": 4, "ds": 6, "eucm": 6, "omni": 5}
_COEFFICIENTS = {"radtan": 4, "equi": 4, "equidistant": 4, "none": 0}
_REMEDY = "calibrate again in Kalibr with `pinhole-radtan`, or `pinhole-equi` or `ds-none` for wide lenses"
_NAME_REMEDY = "name the folders of the images like the entries: cam0, cam1, ..."


def find_camchains(files: Sequence[SessionFile], opener: Opener) -> list[SessionFile]:
    """The files of Kalibr, by their first bytes: also those that break off."""
    return [file for file in files if _is_camchain(file, opener)]


def read_camchains(
    reader: str,
    files: Sequence[SessionFile],
    sensors: Collection[str],
    opener: Opener,
    notes: dict[str, str],
) -> Iterator[CalibrationObservation | Problem]:
    """The calibrations in these files for the cameras in `sensors`, and a problem for each that is for none."""
    taken = set[str]()
    for file in sorted(files, key=lambda f: f.path):
        try:
            chain = _Chain.of(parse_yaml(read_bytes(file, opener, MAX_YAML_BYTES)))
        except UnreadableBytes as error:
            yield Problem(whole_file(file), reader, error.reason, error.remedy)
            continue
        except ValueError as error:
            yield Problem(
                whole_file(file),
                reader,
                f"is no chain of cameras: {error}"[:500],
                _REMEDY,
            )
            continue
        try:
            places = chain.find_places()
        except ValueError as error:
            places = {}
            yield Problem(
                whole_file(file),
                reader,
                f"no places of the cameras: {error}"[:500],
                _REMEDY,
            )
        for name, entry in chain.entries.items():
            try:
                sensor = _find_sensor(name, entry, chain, sensors)
                if sensor in taken:
                    raise LookupError(f"another calibration is for the camera {sensor}")
                taken.add(sensor)
                yield CalibrationObservation.of(
                    sensor, _read_camera(entry), whole_file(file), places.get(name)
                )
            except LookupError as error:
                yield Problem(
                    whole_file(file), reader, f"{name}: {error}"[:500], _NAME_REMEDY
                )
            except ValueError as error:
                yield Problem(
                    whole_file(file), reader, f"{name}: {error}"[:500], _REMEDY
                )
            if (shift := entry.get("timeshift_cam_imu")) is not None:
                notes[f"{name}: timeshift_cam_imu"] = (
                    f"{str(shift)[:40]} s: time of the IMU less that of the camera, not applied"
                )
        if places:
            notes["rig"] = "the IMU" if chain.is_on_imu else "cam0, as its images are"


@dataclass(frozen=True)
class _Chain:
    """The entries of a file, in the order of their numbers."""

    entries: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, document: Any) -> _Chain:
        """Raises ValueError."""
        if not isinstance(document, dict):
            raise ValueError("holds no entries")
        found = {str(k): v for k, v in document.items() if _ENTRY.fullmatch(str(k))}
        if not found or not all(isinstance(v, dict) for v in found.values()):
            raise ValueError("has no entries cam0, cam1, ...")
        return cls({k: found[k] for k in sorted(found, key=lambda k: int(k[3:]))})

    @property
    def is_on_imu(self) -> bool:
        return all("T_cam_imu" in entry for entry in self.entries.values())

    def find_places(self) -> dict[str, Pose]:
        """rig_from_camera of each entry; none where the file does not tell. Raises ValueError."""
        if self.is_on_imu:
            transforms = {
                k: _read_transform(v, "T_cam_imu") for k, v in self.entries.items()
            }
        else:
            transforms = {}
            camera_from_rig = np.eye(4)
            for number, (name, entry) in enumerate(self.entries.items()):
                if number and "T_cn_cnm1" not in entry:
                    return {}
                if number:
                    camera_from_rig = (
                        _read_transform(entry, "T_cn_cnm1") @ camera_from_rig
                    )
                transforms[name] = camera_from_rig
        return {k: pose_of_matrix(np.linalg.inv(t)) for k, t in transforms.items()}


def _is_camchain(file: SessionFile, opener: Opener) -> bool:
    if suffix_of(file.path) not in _SUFFIXES or is_hidden(file.path):
        return False
    try:
        head = read_head(file, opener)
    except UnreadableBytes:
        return False
    is_entry = re.search(rb"^cam\d+:", head, re.MULTILINE) is not None
    return is_entry and any(sign in head for sign in _SIGNS)


def _find_sensor(
    name: str, entry: dict[str, Any], chain: _Chain, sensors: Collection[str]
) -> str:
    """The camera that an entry is for. Raises LookupError where that is not said for certain."""
    if name in sensors:
        return name
    topic = str(entry.get("rostopic") or "").lower().strip("/").split("/")
    named = [sensor for sensor in sensors if sensor in topic]
    if len(named) == 1:
        return named[0]
    if len(sensors) == len(chain.entries) == 1:
        return next(iter(sensors))
    known = ", ".join(sorted(sensors)) or "none"
    raise LookupError(f"does not say for which camera it is: {known}")


def _read_camera(entry: dict[str, Any]) -> Camera:
    """Raises ValueError for what the camera here does not hold."""
    model = str(entry.get("camera_model"))
    name = str(entry.get("distortion_model", "none"))
    # of what is not known, `from_kalibr` says so
    count = _INTRINSICS.get(model, 4)
    intrinsics = _read_numbers(entry.get("intrinsics"), "intrinsics", count)
    width, height = _read_numbers(entry.get("resolution"), "resolution", 2)
    given = entry.get("distortion_coeffs") or []
    if name in _COEFFICIENTS:
        given = _read_numbers(given, "distortion_coeffs", _COEFFICIENTS[name])
    fx, fy = intrinsics[-4:-2]
    if min(fx, fy, width, height) <= 0 or width % 1 or height % 1:
        raise ValueError(
            f"focal lengths {fx:g}, {fy:g} px for an image of {width:g} x {height:g} px make no camera"
        )
    camera, _ = from_kalibr(
        {
            "camera_model": model,
            "distortion_model": name,
            "intrinsics": intrinsics,
            "resolution": (width, height),
            "distortion_coeffs": given,
        }
    )
    if camera.distortion_model == "equidistant" and not any(camera.distortion):
        raise ValueError(NO_FISHEYE)
    return camera


def _read_transform(entry: dict[str, Any], key: str) -> np.ndarray:
    """4x4. Raises ValueError."""
    rows = entry[key]
    if not isinstance(rows, list) or len(rows) != 4:
        raise ValueError(f"{key} is no 4x4 matrix")
    matrix = np.array([_read_numbers(row, key, 4) for row in rows])
    pose_of_matrix(matrix)  # ValueError where it is none
    return matrix


def _read_numbers(value: Any, name: str, count: int) -> tuple[float, ...]:
    """Finite numbers; `1e-05`, which YAML takes for a text, is one. Raises ValueError."""
    if not isinstance(value, list) or len(value) != count:
        raise ValueError(f"{name} is {str(value)[:80]}, not a list of {count} numbers")
    if any(isinstance(v, bool) or not isinstance(v, int | float | str) for v in value):
        raise ValueError(f"{name} is {str(value)[:80]}: not all are numbers")
    return tuple(parse_number(str(v)) for v in value)
