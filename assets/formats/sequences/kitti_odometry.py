"""Read KITTI odometry sequences: `image_0` .. `image_3`, `times.txt` and `calib.txt` in a folder, and its poses.

Line n of `times.txt` (seconds since the sequence began) and of the poses is of picture n. Times are written with seven
digits and an exponent, so they tell no more than 0.1 ms after 100 s: that is the format's own, and noted. A pose is a
3x4 matrix, row by row: world_from_camera of the rectified camera 0, the world being its first place (Geiger et al.,
CVPR 2012). Poses lie in `poses/<sequence>.txt` beside or above `sequences/`, or in `poses.txt` of the sequence. The rig
is the rectified camera 0. Laser scans are not read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from assets.formats.images.frame_files import read_frame_file
from assets.formats.images.image_headers import read_header
from assets.formats.layout import (
    IMAGE_SUFFIXES,
    folder_of,
    is_hidden,
    join,
    list_paths,
    name_of,
    stem_of,
    suffix_of,
)
from assets.formats.observations import (
    CalibrationObservation,
    FrameObservation,
    Observation,
    Problem,
    SignalObservation,
)
from assets.formats.protocol import CapturePlan, Opener, UnreadableBytes, whole_file
from assets.formats.sequences.kitti_calibration import read_entries, read_projection
from assets.formats.sequences.sequence_files import (
    parse_numbers,
    parse_seconds,
    pose_of_matrix,
    read_all_lines,
    settle_zeros,
)
from assets.storage import SessionFile

_CAMERA = re.compile(r"image_[0-3]")
_NUMBER = re.compile(r"\d{1,9}")
_TIMES = "times.txt"
_CALIBRATION = "calib.txt"
_POSES = "poses"
_RIG = "image_0"  # rectified
_STEP = 6  # 10^6 ns: seven digits tell as much up to 10,000 s
_TIMES_REMEDY = "write the seconds of a picture in each line"


class KittiOdometryReader:
    name = "kitti_odometry"
    carries = frozenset({"calibration", "clock"})

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        by_path = {file.path: file for file in files}
        pictures: dict[str, list[SessionFile]] = defaultdict(list)
        for file in files:
            folder = folder_of(file.path)
            is_picture = suffix_of(file.path) in IMAGE_SUFFIXES
            if (
                is_picture
                and _CAMERA.fullmatch(name_of(folder))
                and not is_hidden(file.path)
            ):
                pictures[folder_of(folder)].append(file)
        plans = []
        for root, group in sorted(pictures.items()):
            if join(root, _TIMES) not in by_path:
                continue
            beside = [
                join(root, _TIMES),
                join(root, _CALIBRATION),
                _find_poses(root, by_path),
            ]
            tables = [by_path[path] for path in beside if path in by_path]
            plans.append(
                CapturePlan(self.name, root, (*tables, *group), is_container=False)
            )
        return plans

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        tables = {name_of(f.path): f for f in plan.files if suffix_of(f.path) == ".txt"}
        times = list[int | None]()
        yield from self._read_times(tables.pop(_TIMES), times, plan.notes, opener)
        sizes: dict[str, tuple[int, int]] = {}
        yield from self._read_pictures(plan, times, sizes, opener)
        calibration = tables.pop(_CALIBRATION, None)
        if calibration:
            plan.notes["rig"] = "camera 0, rectified"
            yield from self._read_cameras(calibration, sizes, opener)
        for table in tables.values():
            yield from self._read_poses(table, times, opener)
        if not tables:
            plan.notes["no poses"] = "there is no file of poses for this sequence"

    def _read_times(
        self,
        table: SessionFile,
        times: list[int | None],
        notes: dict[str, str],
        opener: Opener,
    ) -> Iterator[Problem]:
        """Fill `times`, a line each; None for a line that is no time."""
        digits = set[str]()

        def read() -> Iterator[tuple[int, int] | Problem]:
            for line in read_all_lines(table, opener):
                number = len(times)
                times.append(None)
                if not line.text:
                    continue
                try:
                    t_ns = parse_seconds(line.text, _STEP)
                except ValueError as error:
                    yield line.refuse(self.name, error, _TIMES_REMEDY)
                    continue
                digits.update(line.text.lower().partition("e")[1])
                yield t_ns, number

        try:
            for item in settle_zeros(read(), notes, "image_0"):
                if isinstance(item, Problem):
                    yield item
                else:
                    times[item[1]] = item[0]
        except UnreadableBytes as error:
            yield Problem(whole_file(table), self.name, error.reason, error.remedy)
        if digits:
            notes["clock"] = (
                f"{_TIMES} has seven digits: times are rounded to 0.1 ms after 100 s"
            )

    def _read_pictures(
        self,
        plan: CapturePlan,
        times: Sequence[int | None],
        sizes: dict[str, tuple[int, int]],
        opener: Opener,
    ) -> Iterator[FrameObservation | Problem]:
        """Every picture with the time of its number; fill `sizes`, those of each camera's first picture."""
        cameras: dict[str, dict[int, SessionFile]] = defaultdict(dict)
        for file in sorted(plan.files, key=lambda f: f.path):
            if suffix_of(file.path) not in IMAGE_SUFFIXES:
                continue
            sensor = name_of(folder_of(file.path))
            number = (
                int(stem_of(file.path)) if _NUMBER.fullmatch(stem_of(file.path)) else -1
            )
            if not 0 <= number < len(times) or number in cameras[sensor]:
                reason = f"has no line of its own in {_TIMES} ({len(times)} lines), so it has no time"
                remedy = "copy the times that belong to it"
                yield Problem(whole_file(file), self.name, reason, remedy, sensor)
                continue
            cameras[sensor][number] = file
        for sensor, numbered in sorted(cameras.items()):
            for number, file in sorted(numbered.items()):
                frame = read_frame_file(
                    file, opener, self.name, sensor, t_ns=times[number], sequence=number
                )
                if isinstance(frame, FrameObservation) and sensor not in sizes:
                    header = read_header(frame.payload)
                    sizes |= (
                        {sensor: (header.width_px, header.height_px)} if header else {}
                    )
                yield frame
            absent = [f"{n:06d}" for n in range(len(times)) if n not in numbered]
            if absent:
                plan.notes[f"times without a picture of {sensor}"] = list_paths(absent)

    def _read_cameras(
        self, table: SessionFile, sizes: dict[str, tuple[int, int]], opener: Opener
    ) -> Iterator[CalibrationObservation | Problem]:
        try:
            entries = read_entries(table, opener)
        except UnreadableBytes as error:
            yield Problem(whole_file(table), self.name, error.reason, error.remedy)
            return
        for sensor, size_px in sorted(sizes.items()):
            try:
                yield read_projection(entries, sensor, size_px, table)
            except ValueError as error:
                reason = f"{sensor} has no calibration: {error}"
                remedy = "copy the calibration of the sequence again"
                yield Problem(whole_file(table), self.name, reason, remedy, sensor)

    def _read_poses(
        self, table: SessionFile, times: Sequence[int | None], opener: Opener
    ) -> Iterator[SignalObservation | Problem]:
        number = -1
        try:
            for number, line in enumerate(read_all_lines(table, opener)):
                if not line.text:
                    continue
                try:
                    if number >= len(times):
                        raise ValueError(
                            f"{_TIMES} has {len(times)} lines, and none for this pose"
                        )
                    matrix = np.array(parse_numbers(line.text.split(), 12)).reshape(
                        3, 4
                    )
                    pose = pose_of_matrix(np.vstack([matrix, [0, 0, 0, 1]]))
                except ValueError as error:
                    remedy = "write the 12 numbers of a 3x4 matrix, world_from_camera"
                    yield line.refuse(self.name, error, remedy, _POSES)
                    continue
                yield SignalObservation(
                    _POSES,
                    "pose",
                    times[number],
                    pose,
                    line.source,
                    "world",
                    _RIG,
                    number,
                )
        except UnreadableBytes as error:
            yield Problem(
                whole_file(table), self.name, error.reason, error.remedy, _POSES
            )
            return
        if number + 1 < len(times):
            reason = f"has {number + 1} poses for {len(times)} pictures"
            yield Problem(
                whole_file(table), self.name, reason, "copy the file again", _POSES
            )


def _find_poses(root: str, by_path: dict[str, SessionFile]) -> str:
    """`poses.txt` of the sequence, else `poses/<sequence>.txt` of a folder above; "" where there is none."""
    if join(root, f"{_POSES}.txt") in by_path:
        return join(root, f"{_POSES}.txt")
    above = root
    while above:
        above = folder_of(above)
        path = join(above, f"{_POSES}/{name_of(root)}.txt")
        if path in by_path:
            return path
    return ""
