"""Read ARKitScenes recordings: folders of images with the time in their names, intrinsics a frame, and a trajectory.

`lowres_wide/<video>_<seconds>.png` and its kin are colour, `lowres_depth/` and `highres_depth/` depth in millimetres;
`<folder>_intrinsics/*.pincam` holds `width height fx fy cx cy`, of which the first and every change are kept. A row of
`*.traj` is seconds, rotation vector (rad) and translation (m) of **camera_from_world**, which is turned round: a pose
is world_from_camera (Baruch et al., NeurIPS Datasets 2021). `confidence/` grades depth: counted in the notes, not read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from assets.formats.images.frame_files import read_frame_file
from assets.formats.layout import folder_of, name_of, suffix_of
from assets.formats.observations import (
    CalibrationObservation,
    FrameObservation,
    Observation,
    Problem,
    SignalObservation,
)
from assets.formats.protocol import (
    NOT_READ,
    CapturePlan,
    Opener,
    UnreadableBytes,
    whole_file,
)
from assets.formats.sequences.sequence_files import (
    Pose,
    matrix_of_pose,
    parse_numbers,
    parse_seconds,
    pose_of_matrix,
    read_rows,
    read_timed_rows,
    rotation_of_axis_angle,
    settle_zeros,
)
from assets.storage import SessionFile

_IMAGE = re.compile(r"[0-9A-Za-z]+_(\d+\.\d+)\.(?:png|jpe?g)", re.IGNORECASE)
_COLOR = frozenset({"lowres_wide", "wide", "ultrawide", "vga_wide"})
_DEPTH = frozenset({"lowres_depth", "highres_depth"})
_M_PER_UNIT = 0.001
_INTRINSICS = "_intrinsics"
_CONFIDENCE = "confidence"
_TRACKED = "lowres_wide"  # the camera whose way the trajectory is


class ArkitScenesReader:
    name = "arkitscenes"
    carries = frozenset({"calibration", "clock", "depth"})

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        groups: dict[str, list[SessionFile]] = defaultdict(list)
        cameras: dict[str, set[str]] = defaultdict(set)
        others: set[str] = set()
        for file in files:
            folder = folder_of(file.path)
            if _is_member(file):
                groups[folder_of(folder)].append(file)
                cameras[folder_of(folder)].add(name_of(folder))
            elif suffix_of(file.path) == ".traj":
                groups[folder].append(file)
                others.add(folder)
        return [
            CapturePlan(self.name, root, tuple(group), is_container=False)
            for root, group in sorted(groups.items())
            if cameras[root] & _COLOR
            and (root in others or any(c.endswith(_INTRINSICS) for c in cameras[root]))
        ]

    def foresee(self, plan: CapturePlan, opener: Opener) -> dict[str, str]:
        """How many grades of depth are not read."""
        folders = (name_of(folder_of(f.path)) for f in plan.files)
        return _note_grades(sum(folder == _CONFIDENCE for folder in folders))

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        folders: dict[str, list[SessionFile]] = defaultdict(list)
        for file in plan.files:
            folders[
                ""
                if folder_of(file.path) == plan.root
                else name_of(folder_of(file.path))
            ].append(file)
        plan.notes.update(_note_grades(len(folders.pop(_CONFIDENCE, []))))
        for trajectory in folders.pop("", []):
            yield from self._read_trajectory(trajectory, opener, plan.notes)
        for sensor, files in sorted(folders.items()):
            if sensor in _COLOR | _DEPTH:
                yield from self._read_frames(sensor, files, opener, plan.notes)
                yield from self._compare_counts(
                    sensor, files, folders.get(sensor + _INTRINSICS)
                )
            else:
                yield from self._read_intrinsics(
                    sensor.removesuffix(_INTRINSICS), files, opener
                )

    def _read_frames(
        self,
        sensor: str,
        files: Sequence[SessionFile],
        opener: Opener,
        notes: dict[str, str],
    ) -> Iterator[FrameObservation | Problem]:
        """In the order of time."""
        timed = sorted((_time_of(file), file.path, file) for file in files)
        unit = _M_PER_UNIT if sensor in _DEPTH else None
        rows = (
            (t_ns, (sequence, file)) for sequence, (t_ns, _, file) in enumerate(timed)
        )
        for item in settle_zeros(rows, notes, sensor):
            assert not isinstance(item, Problem)
            t_ns, (sequence, file) = item
            yield read_frame_file(
                file,
                opener,
                self.name,
                sensor,
                t_ns=t_ns,
                sequence=sequence,
                depth_m_per_unit=unit,
            )

    def _compare_counts(
        self,
        sensor: str,
        images: Sequence[SessionFile],
        intrinsics: Sequence[SessionFile] | None,
    ) -> Iterator[Problem]:
        if intrinsics is not None and len(images) != len(intrinsics):
            reason = f"{sensor}: {len(images)} images, and {len(intrinsics)} files of intrinsics, one for each image"
            yield Problem(
                whole_file(intrinsics[0]),
                self.name,
                reason,
                "download the recording again",
                sensor,
            )

    def _read_intrinsics(
        self, sensor: str, files: Sequence[SessionFile], opener: Opener
    ) -> Iterator[CalibrationObservation | Problem]:
        last: tuple[float, ...] | None = None
        for file in sorted(files, key=lambda f: f.path):
            try:
                numbers = [
                    parse_numbers(fields, 6) for _, fields in read_rows(file, opener)
                ]
                if (
                    len(numbers) != 1
                    or min(numbers[0][:4]) <= 0
                    or numbers[0][0] % 1
                    or numbers[0][1] % 1
                ):
                    raise ValueError(
                        "not one row of image size, focal lengths and principal point"
                    )
            except UnreadableBytes as error:
                yield Problem(
                    whole_file(file), self.name, error.reason, error.remedy, sensor
                )
            except ValueError as error:
                remedy = "write `width height fx fy cx cy`"
                yield Problem(
                    whole_file(file),
                    self.name,
                    f"is no calibration: {error}",
                    remedy,
                    sensor,
                )
            else:
                if numbers[0] != last:
                    width, height, fx, fy, cx, cy = last = numbers[0]
                    yield CalibrationObservation(
                        sensor,
                        int(width),
                        int(height),
                        fx,
                        fy,
                        cx,
                        cy,
                        whole_file(file),
                    )

    def _read_trajectory(
        self, file: SessionFile, opener: Opener, notes: dict[str, str]
    ) -> Iterator[SignalObservation | Problem]:
        remedy = "write rows of `t rx ry rz tx ty tz`"
        rows = read_timed_rows(self.name, file, opener, _TRACKED, remedy, _parse_pose)
        for item in settle_zeros(rows, notes, name_of(file.path)):
            if isinstance(item, Problem):
                yield item
            else:
                t_ns, (line, pose) = item
                yield SignalObservation(
                    _TRACKED, "pose", t_ns, pose, line.source, "world", _TRACKED
                )


def _parse_pose(fields: list[str]) -> tuple[int, Pose]:
    """Time in ns and world_from_camera. Raises ValueError."""
    t_ns = parse_seconds(fields[0])
    numbers = parse_numbers(fields[1:], 6)
    camera_from_world = matrix_of_pose(
        (*numbers[3:], *rotation_of_axis_angle(numbers[:3]))
    )
    return t_ns, pose_of_matrix(np.linalg.inv(camera_from_world))


def _is_member(file: SessionFile) -> bool:
    """An image of a known folder with a time in its name, or intrinsics."""
    folder = name_of(folder_of(file.path))
    if suffix_of(file.path) == ".pincam":
        return folder.endswith(_INTRINSICS)
    return (
        folder in _COLOR | _DEPTH | {_CONFIDENCE}
        and _IMAGE.fullmatch(name_of(file.path)) is not None
    )


def _time_of(file: SessionFile) -> int:
    match = _IMAGE.fullmatch(name_of(file.path))
    assert match is not None
    return parse_seconds(match[1])


def _note_grades(count: int) -> dict[str, str]:
    if not count:
        return {}
    return {f"{NOT_READ}: {_CONFIDENCE}": f"{count} images that grade depth"}
