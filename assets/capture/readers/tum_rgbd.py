"""Read TUM RGB-D sequences: `rgb.txt` and `depth.txt` list time and file, beside `groundtruth.txt` and images.

Depth counts 5000 units a metre (Sturm et al., IROS 2012; 0 is unknown). The ground truth is world_from_camera of the
colour camera. Calibration is not part of the format. `accelerometer.txt` has no gyroscope, so its samples are of kind
"acceleration".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from assets.capture.observations import CapturePlan, FrameObservation, Observation, Problem, SignalObservation
from assets.capture.readers.frame_files import read_frame_file
from assets.capture.readers.layout import folder_of, is_hidden, is_image, join, name_of
from assets.capture.readers.protocol import Opener, UnreadableBytes, read_head, whole_file
from assets.capture.readers.sequence_files import (
    Line,
    parse_numbers,
    parse_seconds,
    read_pose_rows,
    read_rows,
    split_row,
)
from assets.storage import SessionFile

_M_PER_UNIT = {"rgb": None, "depth": 1 / 5000}  # sensor, which is also the name of its list and folder
_LISTS = ("rgb.txt", "depth.txt")
_ALSO = ("groundtruth.txt", "accelerometer.txt")
_REMEDY = "write rows of `time file`, with the file below the sequence's folder"


class TumRgbdReader:
    name = "tum_rgbd"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        members: dict[str, list[SessionFile]] = defaultdict(list)
        visible = [file for file in files if not is_hidden(file.path)]
        for file in visible:
            if name_of(file.path) in _LISTS and _is_list(file, opener):
                members[folder_of(file.path)].append(file)
        for file in visible if members else ():
            folder = folder_of(file.path)
            root = folder_of(folder) if name_of(folder) in _M_PER_UNIT and is_image(file, opener) else folder
            if root in members and (root != folder or name_of(file.path) in _ALSO):
                members[root].append(file)
        return [
            CapturePlan(self.name, root, tuple(group), is_container=False) for root, group in sorted(members.items())
        ]

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        by_path = {file.path: file for file in plan.files}
        unlisted = {path for path in by_path if folder_of(path) != plan.root}
        for sensor in _M_PER_UNIT:
            if table := by_path.get(join(plan.root, f"{sensor}.txt")):
                yield from self._read_list(table, sensor, plan.root, by_path, unlisted, opener)
        for path in sorted(unlisted):
            sensor = path[len(plan.root) :].strip("/").split("/")[0]
            reason = f"is not listed in {sensor}.txt, so it has no time"
            yield Problem(whole_file(by_path[path]), self.name, reason, "list it, or remove it", sensor)
        if truth := by_path.get(join(plan.root, "groundtruth.txt")):
            yield from read_pose_rows(self.name, truth, opener, "groundtruth", "world", "rgb")
        if table := by_path.get(join(plan.root, "accelerometer.txt")):
            yield from self._read_accelerometer(table, opener)

    def _read_list(
        self, table: SessionFile, sensor: str, root: str, by_path: dict[str, SessionFile], unlisted: set[str],
        opener: Opener,
    ) -> Iterator[FrameObservation | Problem]:  # fmt: skip
        """One frame a row, or one problem. What is read is taken out of `unlisted`."""
        seen: set[str] = set()
        try:
            for sequence, (line, fields) in enumerate(read_rows(table, opener)):
                try:
                    t_ns, image = _find_image(line, fields, root, by_path, seen)
                except ValueError as error:
                    yield line.refuse(self.name, error, _REMEDY, sensor)
                    continue
                unlisted.discard(image.path)
                yield read_frame_file(
                    image, opener, self.name, sensor, t_ns=t_ns, sequence=sequence,
                    depth_m_per_unit=_M_PER_UNIT[sensor],
                )  # fmt: skip
        except UnreadableBytes as error:
            yield Problem(whole_file(table), self.name, error.reason, error.remedy, sensor)

    def _read_accelerometer(self, table: SessionFile, opener: Opener) -> Iterator[SignalObservation | Problem]:
        sensor = "accelerometer"
        try:
            for line, fields in read_rows(table, opener):
                try:
                    t_ns, values = parse_seconds(fields[0]), parse_numbers(fields[1:], 3)
                except ValueError as error:
                    yield line.refuse(self.name, error, "write rows of `time ax ay az`", sensor)
                    continue
                yield SignalObservation(sensor, "acceleration", t_ns, values, line.source, sensor)
        except UnreadableBytes as error:
            yield Problem(whole_file(table), self.name, error.reason, error.remedy, sensor)


def _is_list(file: SessionFile, opener: Opener) -> bool:
    """Whether the head holds a row of a time and a file name, or comments only."""
    try:
        text = read_head(file, opener).decode("utf-8-sig", errors="replace")
        rows = [fields for line in text.splitlines() if (fields := split_row(line))]
        if not rows:
            return text.lstrip().startswith("#")
        parse_seconds(rows[0][0])
    except (UnreadableBytes, ValueError):
        return False
    return len(rows[0]) == 2


def _find_image(
    line: Line, fields: list[str], root: str, by_path: dict[str, SessionFile], seen: set[str]
) -> tuple[int, SessionFile]:
    """Time in ns and image of a row. Raises ValueError."""
    if len(fields) != 2:
        raise ValueError(f"{line.text[:80]!r} is not a time and a file")
    t_ns, path = parse_seconds(fields[0]), join(root, fields[1].removeprefix("./"))
    if path not in by_path or folder_of(path) == root:
        raise ValueError(f"there is no image {fields[1][:200]!r}")
    if path in seen:
        raise ValueError(f"{fields[1][:200]!r} is listed twice")
    seen.add(path)
    return t_ns, by_path[path]
