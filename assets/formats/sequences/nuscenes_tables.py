"""Join the tables of nuScenes (`sample_data.json` and kin) into scenes: what each sensor recorded, when and where.

Rows name each other by tokens. What a row lacks, and a token that no row has, costs that row alone.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assets.formats.layout import join, stem_of
from assets.formats.protocol import Opener, UnreadableBytes, read_bytes
from assets.formats.sequences.sequence_files import Pose, check_rotation
from assets.formats.strict_json import MAX_JSON_BYTES, parse_json
from assets.storage import SessionFile

NEEDED = (
    "scene",
    "sample",
    "sample_data",
    "ego_pose",
    "calibrated_sensor",
    "sensor",
)
OTHERS = (
    "log",
    "map",
    "sample_annotation",
    "instance",
    "category",
    "attribute",
    "visibility",
)
_READ = (*NEEDED, "log", "map", "sample_annotation")
_NS_PER_US = 1000
_MAX_US = 1 << 53  # beyond it a program that took the number for a float has rounded it
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Recorded:
    """One picture or scan, a row of `sample_data`."""

    path: str  # in the session
    sensor: str  # its channel in lower case: "cam_front"
    is_camera: bool
    t_ns: int
    is_key_frame: bool
    size_px: tuple[int, int]  # of a picture
    calibration: str  # its token
    ego_pose: str  # its token


@dataclass(frozen=True)
class Placed:
    """A calibrated sensor: `ego_from_sensor`, xyz m and quaternion xyzw, and of a camera fx, fy, cx, cy, px."""

    ego_from_sensor: Pose
    intrinsics_px: tuple[float, float, float, float] | None


@dataclass(frozen=True)
class Scene:
    """Twenty seconds of a drive, say; everything in order of its time."""

    name: str
    description: str
    log: str  # of which drive, where and when
    recorded: tuple[Recorded, ...]
    poses: tuple[tuple[int, Pose], ...]  # t_ns, world_from_ego
    num_boxes: int  # annotations in 3D


@dataclass(frozen=True)
class Fault:
    """Rows of one table that are not read, or all of it."""

    file: SessionFile
    reason: str


@dataclass
class Tables:
    """The tables of one folder, parsed. `digest` changes with what they say."""

    files: Mapping[str, SessionFile]  # by the name of the table
    root: str  # folder that file names in the tables begin at
    scenes: list[Scene] = field(default_factory=list)
    calibrations: dict[str, Placed] = field(default_factory=dict)
    maps: list[str] = field(default_factory=list)  # paths of the pictures of maps
    faults: list[Fault] = field(default_factory=list)
    digest: str = ""

    @classmethod
    def read(cls, files: Sequence[SessionFile], root: str, opener: Opener) -> Tables:
        """Never raises for bad data: what cannot be read is a fault."""
        tables = cls({stem_of(file.path): file for file in files}, root)
        rows = tables._parse(opener)
        if rows is not None:
            tables._join(rows)
        return tables

    def _parse(self, opener: Opener) -> dict[str, list[Any]] | None:
        """The rows of each table; None where one that is needed cannot be had."""
        found = {}
        digest = hashlib.sha256()
        for name in _READ:
            file = self.files.get(name)
            if file is None:
                continue
            try:
                data = read_bytes(file, opener, MAX_JSON_BYTES)
                rows = parse_json(data)
                if not isinstance(rows, list):
                    raise ValueError("it is no list of rows")
            except UnreadableBytes as error:
                self.faults.append(Fault(file, error.reason))
            except ValueError as error:
                self.faults.append(Fault(file, f"not a table of nuScenes: {error}"))
            else:
                digest.update(hashlib.sha256(data).digest())
                found[name] = rows
        self.digest = digest.hexdigest()[:16]
        return found if all(name in found for name in NEEDED) else None

    def _join(self, rows: Mapping[str, list[Any]]) -> None:
        sensors = dict(self._keep("sensor", rows, _read_sensor))
        self.calibrations = dict(
            self._keep("calibrated_sensor", rows, _read_calibration)
        )
        sensor_of = dict(
            self._keep(
                "calibrated_sensor", rows, lambda row: _text(row, "sensor_token")
            )
        )
        poses = dict(self._keep("ego_pose", rows, _read_ego_pose))
        logs = dict(self._keep("log", rows, _describe_log))
        scenes = dict(
            self._keep(
                "scene",
                rows,
                lambda row: (
                    _text(row, "name"),
                    str(row.get("description", "")),
                    logs.get(str(row.get("log_token")), ""),
                ),
            )
        )
        scene_of = dict(
            self._keep("sample", rows, lambda row: _known(row, "scene_token", scenes))
        )
        boxes = Counter(
            scene_of.get(sample)
            for _, sample in self._keep(
                "sample_annotation", rows, lambda row: _text(row, "sample_token")
            )
        )

        named = set[str]()

        def read(row: Row) -> tuple[str, Recorded]:
            calibration = _known(row, "calibrated_sensor_token", self.calibrations)
            channel, modality = sensors[_known_of(sensor_of, calibration, sensors)]
            scene = scene_of[_known(row, "sample_token", scene_of)]
            pose = _known(row, "ego_pose_token", poses)
            is_camera = modality == "camera"
            size_px = (0, 0)
            if is_camera:
                size_px = (_whole(row, "width"), _whole(row, "height"))
            path = join(self.root, _text(row, "filename"))
            if path in named:
                raise ValueError(f"its file {path[:100]!r} is that of another row")
            named.add(path)
            return scene, Recorded(
                path,
                channel.lower(),
                is_camera,
                _whole(row, "timestamp") * _NS_PER_US,
                row.get("is_key_frame") is True,
                size_px,
                calibration,
                pose,
            )

        recorded = defaultdict[str, list[Recorded]](list)
        for _, (scene, item) in self._keep("sample_data", rows, read):
            recorded[scene].append(item)
        self.scenes = [
            Scene(
                name,
                description,
                log,
                tuple(sorted(recorded[token], key=lambda r: (r.t_ns, r.path))),
                _order_poses(recorded[token], poses),
                boxes[token],
            )
            for token, (name, description, log) in scenes.items()
        ]
        self.maps = [
            path for _, path in self._keep("map", rows, self._read_map) if path
        ]

    def _read_map(self, row: Row) -> str:
        return join(self.root, str(row.get("filename", "")))

    def _keep(
        self, table: str, rows: Mapping[str, list[Any]], read: Any
    ) -> Iterator[tuple[str, Any]]:
        """Token and what `read` makes of each row; rows that it refuses, and second ones of a token, are one fault."""
        refused: list[str] = []
        seen = set[str]()
        for number, row in enumerate(rows.get(table, ())):
            try:
                if not isinstance(row, dict):
                    raise ValueError("it is no object")
                token = _text(row, "token")
                if token in seen:
                    raise ValueError(f"the token {token[:40]!r} is there twice")
                said = read(row)
            except ValueError as error:
                refused.append(f"row {number}: {error}")
                continue
            seen.add(token)
            yield token, said
        if refused:
            reason = f"{len(refused)} rows are not read, the first is {refused[0]}"
            fault = Fault(self.files[table], reason[:500])
            if fault not in self.faults:
                self.faults.append(fault)


def _order_poses(
    recorded: Sequence[Recorded], poses: Mapping[str, tuple[int, Pose]]
) -> tuple[tuple[int, Pose], ...]:
    """The poses of a scene in order; several sensors at one time share one."""
    tokens = {item.ego_pose for item in recorded}
    by_time = {poses[token][0]: poses[token][1] for token in sorted(tokens)}
    return tuple(sorted(by_time.items()))


def _read_sensor(row: Row) -> tuple[str, str]:
    """Channel and modality."""
    return _text(row, "channel"), _text(row, "modality")


def _read_calibration(row: Row) -> Placed:
    intrinsics = None
    if matrix := row.get("camera_intrinsic"):
        if not isinstance(matrix, list) or [_length(r) for r in matrix] != [3, 3, 3]:
            raise ValueError("camera_intrinsic is no 3x3 matrix")
        (fx, _, cx), (_, fy, cy), _ = (_numbers({"k": r}, "k", 3) for r in matrix)
        if min(fx, fy) <= 0:
            raise ValueError(f"focal lengths of {fx} and {fy} px")
        intrinsics = (fx, fy, cx, cy)
    return Placed(_read_pose(row), intrinsics)


def _read_ego_pose(row: Row) -> tuple[int, Pose]:
    return _whole(row, "timestamp") * _NS_PER_US, _read_pose(row)


def _read_pose(row: Row) -> Pose:
    """xyz m and quaternion xyzw; the tables have w first."""
    w, x, y, z = _numbers(row, "rotation", 4)
    check_rotation((x, y, z, w))
    return (*_numbers(row, "translation", 3), x, y, z, w)


def _describe_log(row: Row) -> str:
    said = (row.get(key) for key in ("logfile", "vehicle", "date_captured", "location"))
    return ", ".join(str(value) for value in said if value)


def _text(row: Row, key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key} is {str(value)[:40]!r}, not a text")
    return value


def _whole(row: Row, key: str) -> int:
    value = row.get(key)
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or not 0 <= value < _MAX_US
    ):
        raise ValueError(f"{key} is {str(value)[:40]!r}, not a whole number")
    return value


def _numbers(row: Row, key: str, count: int) -> tuple[float, ...]:
    values = row.get(key)
    is_right = isinstance(values, list) and len(values) == count
    if not is_right or not all(_is_number(v) for v in values or ()):
        raise ValueError(f"{key} is {str(values)[:60]!r}, not {count} numbers")
    return tuple(float(v) for v in values or ())


def _is_number(value: object) -> bool:
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return is_one and math.isfinite(value)  # type: ignore[arg-type] # a number by now


def _length(value: object) -> int:
    return len(value) if isinstance(value, list) else 0


def _known(row: Row, key: str, table: Mapping[str, Any]) -> str:
    token = _text(row, key)
    if token not in table:
        raise ValueError(f"{key} {token[:40]!r} is in no row that is read")
    return token


def _known_of(
    sensor_of: Mapping[str, str], calibration: str, sensors: Mapping[str, Any]
) -> str:
    token = sensor_of.get(calibration, "")
    if token not in sensors:
        raise ValueError(f"sensor_token {token[:40]!r} is in no row that is read")
    return token
