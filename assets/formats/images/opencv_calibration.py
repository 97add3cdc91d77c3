"""Read calibrations that OpenCV wrote (`cv::FileStorage`, YAML or XML), and the YAML of ROS with the same entries.

One camera: `camera_matrix`, `distortion_coefficients`, `image_width`, `image_height`; two: `M1 D1 M2 D2` and kin. Whose
they are is said by the file: `camera_name`, its own name or folder (`left_intrinsics.yml`), or, of a pair, left and
right where those two are the cameras; where there is one camera only, it is that. The image size is that of the file,
otherwise that of all frames of the camera.

`R` and `T` of a pair take from the first camera to the second (`stereoCalibrate`): the rig is then the left camera, as
its images are. OpenCV leaves the unit of `T` to the board; metres are needed, and what is longer than a rig is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from assets.formats.layout import (
    DEFAULT_SENSOR,
    IMAGE_SUFFIXES,
    is_hidden,
    is_sensor_folder,
    name_of,
    sensor_of,
    suffix_of,
)
from assets.formats.observations import CalibrationObservation, Problem
from assets.formats.protocol import (
    Opener,
    UnreadableBytes,
    read_bytes,
    read_head,
    whole_file,
)
from assets.formats.sequences.sequence_files import Pose, parse_number, pose_of_matrix
from assets.formats.strict_xml import parse_xml
from assets.formats.strict_yaml import MAX_YAML_BYTES, parse_yaml
from assets.storage import SessionFile
from models.geometry.camera import Camera

CALIBRATION_SUFFIXES = frozenset({".yml", ".yaml", ".xml"})
# in the first bytes
_SIGNS = (b"%YAML", b"<opencv_storage", b"camera_matrix", b"image_width")
_MATRIX = "cameramatrix|intrinsicmatrix|intrinsics|mtx|m|k"
_DISTORTION = "distortion(?:coefficients|coeffs)?|dist(?:coeffs|coefs)?|d"
_KEY = re.compile(
    rf"(?:(?P<matrix>{_MATRIX})|(?P<distortion>{_DISTORTION}))(?P<which>1|2|left|right|l|r)?"
)
_WHICH = {"1": "left", "2": "right", "l": "left", "r": "right"}
_WIDTHS = ("imagewidth", "width")
_HEIGHTS = ("imageheight", "height")
_SIZES = ("imagesize", "imgsize")
# by the number of coefficients
_MODELS = {0: None, 4: "plumb_bob", 5: "plumb_bob", 8: "rational_polynomial"}
_PAIR = frozenset({"left", "right"})
# words that name no camera in particular
_ANY_CAMERA = frozenset({DEFAULT_SENSOR, "cam", "stereo"})
# of a pair that sits on one rig
_LONGEST_M = 1.0
_SHORTEST_M = 0.001
_LARGEST_PX = 1e6
_REMEDY = "write it as cv::FileStorage does: camera_matrix, distortion_coefficients, image_width, image_height"
_NAME_REMEDY = (
    "name the file like its camera (left_intrinsics.yml), or write `camera_name`"
)

Entries = dict[str, Any]  # name in lower case without underscores -> value


def find_calibration_files(
    files: Sequence[SessionFile], opener: Opener
) -> list[SessionFile]:
    """Those that hold a calibration, or are broken and would."""
    return [
        file
        for file in files
        if _may_be_calibration(file, opener) and _holds_calibration(file, opener)
    ]


def explain_storage(file: SessionFile, opener: Opener) -> tuple[str, str] | None:
    """Reason and remedy for a file of OpenCV that no reader has taken; None for other files."""
    if not _may_be_calibration(file, opener):
        return None
    try:
        entries = _parse_entries(file, opener)
    except (UnreadableBytes, ValueError):
        return None
    if _find_cameras(entries) or _find_extrinsics(entries):
        return (
            "a calibration that lies beside no image folder without labels: only there are OpenCV's calibrations read",
            "give it as CameraCalibration in an MCAP file, or land it and its images, without labels, as a session of "
            "their own",
        )
    names = _find_image_list(entries)
    if names is not None:
        reason = f"a list of {len(names)} images for OpenCV's calibration, and no calibration"
        return (
            reason,
            "it holds no data: remove it, or acknowledge it with `daguerre quarantine drop`",
        )
    return None


def read_calibrations(
    reader: str,
    files: Sequence[SessionFile],
    root: str,
    sizes: Mapping[str, set[tuple[int, int]]],
    opener: Opener,
    notes: dict[str, str],
) -> Iterator[CalibrationObservation | Problem]:
    """The calibrations in these files. `sizes` has the sizes (width, height, px) of the frames of each camera."""
    parsed: list[tuple[SessionFile, Entries]] = []
    for file in sorted(files, key=lambda f: f.path):
        try:
            parsed.append((file, _parse_entries(file, opener)))
        except UnreadableBytes as error:
            yield Problem(whole_file(file), reader, error.reason, error.remedy)
        except ValueError as error:
            yield Problem(
                whole_file(file), reader, f"is no calibration: {error}"[:500], _REMEDY
            )
    places: dict[str, Pose] = {}
    for file, entries in parsed:
        if _find_extrinsics(entries):
            try:
                places = _read_places(
                    entries, sizes, notes, file, has_places=bool(places)
                )
            except ValueError as error:
                remedy = "write R and T of left and right, T in metres"
                yield Problem(
                    whole_file(file),
                    reader,
                    f"gives no place of the cameras: {error}"[:500],
                    remedy,
                )
    for file, entries in parsed:
        for found in _read_cameras(reader, file, entries, root, sizes):
            if isinstance(found, CalibrationObservation):
                found = replace(found, rig_from_camera=places.get(found.sensor))
            yield found


def _read_cameras(
    reader: str,
    file: SessionFile,
    entries: Entries,
    root: str,
    sizes: Mapping[str, set[tuple[int, int]]],
) -> Iterator[CalibrationObservation | Problem]:
    for which, keys in sorted(_find_cameras(entries).items()):
        try:
            sensor = _name_sensor(which, file, entries, root, sizes.keys())
        except ValueError as error:
            yield Problem(whole_file(file), reader, str(error)[:500], _NAME_REMEDY)
            continue
        try:
            matrix, distortion = _read_intrinsics(entries, keys)
            size_px = _read_size(entries) or _size_of_frames(sensor, sizes[sensor])
            (fx, _, cx), (_, fy, cy), _ = matrix.tolist()
            camera = Camera(
                size_px,
                (fx, fy),
                (cx, cy),
                _name_model(entries, len(distortion)),
                distortion,
            )
        except ValueError as error:
            yield Problem(
                whole_file(file),
                reader,
                f"{sensor} has no calibration: {error}"[:500],
                _REMEDY,
            )
            continue
        yield CalibrationObservation.of(sensor, camera, whole_file(file))


def _name_sensor(
    which: str, file: SessionFile, entries: Entries, root: str, sensors: Any
) -> str:
    """The camera that a file speaks of. Raises ValueError where that is not said for certain."""
    known = ", ".join(sorted(sensors)) or "none"
    if which:
        if set(sensors) == _PAIR:
            return which
        raise ValueError(
            f"is for a pair of cameras, left and right, and the cameras here are: {known}"
        )
    said = str(entries.get("cameraname") or "").lower()
    if said in sensors:
        return said
    words = {
        sensor_of(file.path, root),
        *re.split(r"[^a-z0-9]+", name_of(file.path).lower()),
    }
    named = sorted(words & set(sensors))
    strange = sorted(
        w for w in words - set(sensors) if is_sensor_folder(w) and w not in _ANY_CAMERA
    )
    if strange:
        raise ValueError(
            f"is for the camera {strange[0]}, and the cameras here are: {known}"
        )
    if len(named) == 1 or (not named and len(sensors) == 1):
        return str(named[0] if named else next(iter(sensors)))
    raise ValueError(f"does not say for which camera it is: {known}")


def _read_intrinsics(
    entries: Entries, keys: dict[str, str]
) -> tuple[np.ndarray, tuple[float, ...]]:
    """Camera matrix (3, 3) in px and distortion coefficients. Raises ValueError for what is no pinhole camera."""
    matrix = _read_matrix(entries[keys["matrix"]], "camera matrix")
    if matrix.shape != (3, 3):
        raise ValueError(
            f"its camera matrix has {matrix.shape[0]} rows and {matrix.shape[1]} columns"
        )
    if min(matrix[0, 0], matrix[1, 1]) <= 0 or np.abs(matrix).max() > _LARGEST_PX:
        raise ValueError(
            f"focal lengths {matrix[0, 0]} and {matrix[1, 1]} px make no camera"
        )
    if matrix[0, 1] or matrix[1, 0] or tuple(matrix[2]) != (0, 0, 1):
        raise ValueError(
            "its camera matrix has entries that a pinhole camera does not have"
        )
    coefficients = (
        _read_matrix(entries[keys["distortion"]], "distortion").ravel()
        if "distortion" in keys
        else ()
    )
    return matrix, tuple(float(v) for v in coefficients)


def _name_model(entries: Entries, count: int) -> str | None:
    """The name that ROS has for OpenCV's coefficients. Raises ValueError for other numbers of them."""
    said = str(
        entries.get("distortionmodel") or entries.get("cameramodel") or ""
    ).lower()
    is_fisheye = str(entries.get("fisheyemodel", "0")) == "1"
    if is_fisheye or said in ("fisheye", "equidistant"):
        if count != 4:
            raise ValueError(f"a fisheye lens with {count} coefficients, not 4")
        return "equidistant"
    if count not in _MODELS:
        raise ValueError(
            f"{count} distortion coefficients are not read: {', '.join(map(str, _MODELS))} are"
        )
    return _MODELS[count]


def _read_size(entries: Entries) -> tuple[int, int] | None:
    """Width and height in the file; None where it has none. Raises ValueError."""
    pair = next((entries[key] for key in _SIZES if key in entries), None)
    if pair is None:
        pair = [
            next((entries[key] for key in keys if key in entries), None)
            for keys in (_WIDTHS, _HEIGHTS)
        ]
    elif isinstance(pair, str):
        pair = pair.split()
    if pair == [None, None]:
        return None
    numbers = [_number(v) for v in pair] if isinstance(pair, list) else []
    if (
        len(numbers) != 2
        or min(numbers) < 1
        or any(v % 1 or v > _LARGEST_PX for v in numbers)
    ):
        raise ValueError(f"image size {str(pair)[:60]} is no width and height")
    return int(numbers[0]), int(numbers[1])


def _size_of_frames(sensor: str, sizes: set[tuple[int, int]]) -> tuple[int, int]:
    if len(sizes) != 1:
        raise ValueError(
            f"it says no image size, and the frames of {sensor} have {len(sizes)} sizes"
        )
    return next(iter(sizes))


def _read_places(
    entries: Entries,
    sizes: Mapping[str, object],
    notes: dict[str, str],
    file: SessionFile,
    has_places: bool,
) -> dict[str, Pose]:
    """rig_from_camera of left and right. Raises ValueError."""
    if has_places:
        raise ValueError("another file has an R and a T too")
    if not sizes.keys() >= _PAIR:
        known = ", ".join(sorted(sizes))
        raise ValueError(
            f"R and T are for a pair, left and right, and the cameras here are: {known}"
        )
    rotation = _read_matrix(entries["r"], "R")
    shift = _read_matrix(entries["t"], "T").ravel()
    if rotation.shape != (3, 3) or shift.shape != (3,):
        raise ValueError("R is no 3x3 matrix, or T is not three numbers")
    length = float(np.linalg.norm(shift))
    if not _SHORTEST_M <= length <= _LONGEST_M:
        raise ValueError(
            f"T has a length of {length:.4g}, which in metres is no pair of cameras on one rig"
        )
    right_from_left = np.eye(4)
    right_from_left[:3, :3] = rotation
    right_from_left[:3, 3] = shift
    notes["rig"] = (
        f"the left camera, as its images are; T of {name_of(file.path)} is in metres: {length:.4g}"
    )
    return {
        "left": pose_of_matrix(np.eye(4)),
        "right": pose_of_matrix(np.linalg.inv(right_from_left)),
    }


# ---- files ---------------------------------------------------------------------------------------------------------


def _may_be_calibration(file: SessionFile, opener: Opener) -> bool:
    if suffix_of(file.path) not in CALIBRATION_SUFFIXES or is_hidden(file.path):
        return False
    try:
        head = read_head(file, opener)
    except UnreadableBytes:
        return False
    return any(sign in head for sign in _SIGNS)


def _holds_calibration(file: SessionFile, opener: Opener) -> bool:
    """Also a file that breaks off in the middle, when what is there names a camera's matrix."""
    try:
        entries = _parse_entries(file, opener)
    except UnreadableBytes:
        return False
    except ValueError:
        data = read_head(file, opener)
        return (
            b"opencv" in data
            and re.search(rb"(?i)camera_?matrix|^\s*[MK][12]?:|<[MK][12]?\s", data)
            is not None
        )
    return bool(_find_cameras(entries)) or _find_extrinsics(entries)


def _parse_entries(file: SessionFile, opener: Opener) -> Entries:
    """The entries of the outermost level. Raises ValueError and UnreadableBytes."""
    data = read_bytes(file, opener, MAX_YAML_BYTES)
    if suffix_of(file.path) == ".xml":
        items = [
            (child.tag, _value_of(child)) for child in parse_xml(data, "opencv_storage")
        ]
    else:
        import yaml

        # the tag of a matrix tells nothing more than its entries
        texts = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
        document = parse_yaml(_without_directive(data), texts)
        if not isinstance(document, dict):
            raise ValueError("holds no entries")
        items = list(document.items())
    return {str(key).lower().replace("_", ""): value for key, value in items}


def _without_directive(data: bytes) -> bytes:
    """OpenCV writes `%YAML:1.0`, which is no directive of YAML."""
    text = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.partition(b"\n")[2] if text.startswith(b"%YAML") else text


def _value_of(element: Any) -> Any:
    """A matrix as YAML has it, or the text."""
    if element.get("type_id") == "opencv-matrix":
        parts = {child.tag: (child.text or "").strip() for child in element}
        return {**parts, "data": parts.get("data", "").split()}
    return (
        (element.text or "").strip().strip('"')
        if not len(element)
        else [(child.text or "") for child in element]
    )


def _find_cameras(entries: Entries) -> dict[str, dict[str, str]]:
    """By "left", "right" or "" (a camera alone), the keys of its "matrix" and "distortion"."""
    cameras: dict[str, dict[str, str]] = {}
    for key, value in entries.items():
        match = _KEY.fullmatch(key)
        if match and _is_matrix(value):
            which = _WHICH.get(match["which"] or "", match["which"] or "")
            cameras.setdefault(which, {}).setdefault(
                "matrix" if match["matrix"] else "distortion", key
            )
    return {which: keys for which, keys in cameras.items() if "matrix" in keys}


def _find_extrinsics(entries: Entries) -> bool:
    return _is_matrix(entries.get("r")) and _is_matrix(entries.get("t"))


def _find_image_list(entries: Entries) -> list[str] | None:
    """The names in a file that has one entry, of images."""
    if len(entries) != 1:
        return None
    value = next(iter(entries.values()))
    names = (
        value
        if isinstance(value, list)
        else value.split()
        if isinstance(value, str)
        else []
    )
    is_list = names and all(
        isinstance(n, str) and suffix_of(n.strip('"')) in IMAGE_SUFFIXES for n in names
    )
    return names if is_list else None


def _is_matrix(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() >= {"rows", "cols", "data"}


def _read_matrix(value: Any, name: str) -> np.ndarray:
    """Raises ValueError."""
    rows, columns = (_number(value[key]) for key in ("rows", "cols"))
    data = value["data"]
    numbers = [_number(v) for v in data] if isinstance(data, list) else []
    if rows % 1 or columns % 1 or not numbers or rows * columns != len(numbers):
        raise ValueError(
            f"{name} has {len(numbers)} numbers where {rows:g} x {columns:g} are stated"
        )
    return np.array(numbers).reshape(int(rows), int(columns))


def _number(value: Any) -> float:
    """A finite number, or the text of one. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{str(value)[:40]!r} is not a number")
    return parse_number(str(value))
