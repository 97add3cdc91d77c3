"""Read 7-Scenes sequences: `frame-XXXXXX.color.jpg|png`, `.depth.png` and `.pose.txt` of one number in one folder.

There is no clock: `t_ns` is None, and the number in the names is the `sequence` that ties colour, depth and pose.
A pose is world_from_camera, 4x4 (Shotton et al., CVPR 2013). Depth is in millimetres; 65535 means unknown, as 0 does.
Where `camera-intrinsics.txt` lies beside the frames, colour is registered to depth and the one matrix holds for both;
the image size is that of the frames, since the file has none.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from assets.formats.images.frame_files import read_frame_file
from assets.formats.images.image_headers import read_header
from assets.formats.layout import folder_of, join, list_paths, name_of
from assets.formats.observations import (
    CalibrationObservation,
    FrameObservation,
    Observation,
    Problem,
    SignalObservation,
)
from assets.formats.protocol import CapturePlan, Opener, UnreadableBytes, whole_file
from assets.formats.sequences.sequence_files import (
    parse_numbers,
    pose_of_matrix,
    read_rows,
)
from assets.storage import SessionFile

_NAME = re.compile(
    r"frame-(\d{4,9})\.(?:(color)\.(?:jpe?g|png)|(depth)\.png|(pose)\.txt)"
)
_INTRINSICS = "camera-intrinsics.txt"
_M_PER_UNIT = 0.001
_CAMERA = "camera"  # whose place a pose tells

# "color", "depth", "pose" -> number -> file
Members = dict[str, dict[int, SessionFile]]


class SevenScenesReader:
    name = "7scenes"
    carries = frozenset({"calibration", "depth"})

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        folders: dict[str, list[SessionFile]] = defaultdict(list)
        tables = {folder_of(f.path): f for f in files if name_of(f.path) == _INTRINSICS}
        for file in files:
            if _NAME.fullmatch(name_of(file.path)):
                folders[folder_of(file.path)].append(file)
        plans = []
        for root, group in sorted(folders.items()):
            # a kind alone is a plain folder of images
            if len(_sort_members(group)) >= 2:
                members = (*group, *([tables[root]] if root in tables else []))
                plans.append(CapturePlan(self.name, root, members, is_container=False))
        return plans

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        members = _sort_members(plan.files)
        plan.notes["unknown depth"] = "0, and 65535 as well"
        sizes: dict[str, tuple[int, int]] = {}
        for sensor, unit in (("color", None), ("depth", _M_PER_UNIT)):
            for number, file in sorted(members.get(sensor, {}).items()):
                frame = read_frame_file(
                    file,
                    opener,
                    self.name,
                    sensor,
                    sequence=number,
                    depth_m_per_unit=unit,
                )
                if sensor not in sizes and isinstance(frame, FrameObservation):
                    header = read_header(frame.payload)
                    sizes |= (
                        {sensor: (header.width_px, header.height_px)} if header else {}
                    )
                yield frame
        for number, file in sorted(members.get("pose", {}).items()):
            yield self._read_pose(file, number, opener)
        yield from self._compare_numbers(members, plan)
        known = {file.path for files in members.values() for file in files.values()}
        for file in plan.files:
            if file.path == join(plan.root, _INTRINSICS):
                yield from self._read_intrinsics(file, sizes, opener)
            elif file.path not in known:
                reason = "another file has the same number and kind"
                yield Problem(whole_file(file), self.name, reason, "keep one of them")

    def _read_pose(
        self, file: SessionFile, number: int, opener: Opener
    ) -> SignalObservation | Problem:
        try:
            pose = pose_of_matrix(_read_matrix(file, opener, rows=4))
        except UnreadableBytes as error:
            return Problem(
                whole_file(file), self.name, error.reason, error.remedy, _CAMERA
            )
        except ValueError as error:
            reason = f"is no pose: {error}"
            return Problem(
                whole_file(file),
                self.name,
                reason,
                "remove the frame, or find its pose again",
                _CAMERA,
            )
        return SignalObservation(
            _CAMERA, "pose", None, pose, whole_file(file), "world", _CAMERA, number
        )

    def _compare_numbers(
        self, members: Members, plan: CapturePlan
    ) -> Iterator[Problem]:
        """A number that one kind of file has and another has not is a frame that lost something."""
        every = set().union(*members.values())
        for kind, files in sorted(members.items()):
            absent = [f"{number:06d}" for number in sorted(every - files.keys())]
            if absent:
                where = whole_file(next(iter(files.values())))
                reason = f"frames without a {kind} file, {list_paths(absent)}"
                yield Problem(
                    where,
                    self.name,
                    reason,
                    "copy the missing files, or remove the frames",
                    kind,
                )
        holes = max(every) - min(every) + 1 - len(every)
        if holes:
            plan.notes["numbers skipped between the first and the last frame"] = str(
                holes
            )

    def _read_intrinsics(
        self, file: SessionFile, sizes: dict[str, tuple[int, int]], opener: Opener
    ) -> Iterator[CalibrationObservation | Problem]:
        try:
            (fx, skew, cx), (zero, fy, cy), last = _read_matrix(file, opener, rows=3)
            if min(fx, fy) <= 0 or skew or zero or tuple(last) != (0, 0, 1):
                raise ValueError(
                    "no focal lengths above 0, or entries that a pinhole camera does not have"
                )
        except UnreadableBytes as error:
            yield Problem(whole_file(file), self.name, error.reason, error.remedy)
            return
        except ValueError as error:
            remedy = "write `fx 0 cx`, `0 fy cy`, `0 0 1`"
            yield Problem(
                whole_file(file), self.name, f"is no camera matrix: {error}", remedy
            )
            return
        for sensor, size_px in sorted(sizes.items()):
            yield CalibrationObservation(
                sensor, *size_px, fx, fy, cx, cy, whole_file(file)
            )


def _sort_members(files: Sequence[SessionFile]) -> Members:
    members: Members = defaultdict(dict)
    for file in files:
        match = _NAME.fullmatch(name_of(file.path))
        if match:
            kind = match[2] or match[3] or match[4]
            members[kind].setdefault(int(match[1]), file)
    return dict(members)


def _read_matrix(
    file: SessionFile, opener: Opener, rows: int
) -> list[tuple[float, ...]]:
    """`rows` lines of as many numbers. Raises ValueError and UnreadableBytes."""
    matrix = [parse_numbers(fields, rows) for _, fields in read_rows(file, opener)]
    if len(matrix) != rows:
        raise ValueError(f"{len(matrix)} rows where {rows} are needed")
    return matrix
