"""Read TUM RGB-D sequences: `rgb.txt` and `depth.txt` list time and file, beside `groundtruth.txt` and images.

Depth counts 5000 units a metre (Sturm et al., IROS 2012; 0 is unknown). The ground truth is world_from_camera of the
colour camera. Calibration is not part of the format. `accelerometer.txt` has no gyroscope, so its samples are of kind
"acceleration".
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence

from assets.formats.images.frame_files import read_frame_file
from assets.formats.layout import folder_of, is_hidden, is_image, join, name_of
from assets.formats.observations import (
    FrameObservation,
    Observation,
    Problem,
    SignalObservation,
)
from assets.formats.protocol import (
    CapturePlan,
    Opener,
    UnreadableBytes,
    read_head,
    whole_file,
)
from assets.formats.sequences.sequence_files import (
    parse_numbers,
    parse_seconds,
    read_pose_rows,
    read_timed_rows,
    settle_zeros,
    split_row,
)
from assets.storage import SessionFile

# sensor, which is also the name of its list and folder
_M_PER_UNIT = {"rgb": None, "depth": 1 / 5000}
_LISTS = ("rgb.txt", "depth.txt")
_ALSO = ("groundtruth.txt", "accelerometer.txt")
_REMEDY = "write rows of `time file`, with the file below the sequence's folder"


class TumRgbdReader:
    name = "tum_rgbd"
    carries = frozenset({"clock", "depth"})

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        members: dict[str, list[SessionFile]] = defaultdict(list)
        visible = [file for file in files if not is_hidden(file.path)]
        for file in visible:
            if name_of(file.path) in _LISTS and _is_list(file, opener):
                members[folder_of(file.path)].append(file)
        for file in visible if members else ():
            folder = folder_of(file.path)
            root = (
                folder_of(folder)
                if name_of(folder) in _M_PER_UNIT and is_image(file, opener)
                else folder
            )
            if root in members and (root != folder or name_of(file.path) in _ALSO):
                members[root].append(file)
        return [
            CapturePlan(self.name, root, tuple(group), is_container=False)
            for root, group in sorted(members.items())
        ]

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        by_path = {file.path: file for file in plan.files}
        unlisted = {path for path in by_path if folder_of(path) != plan.root}
        for sensor in _M_PER_UNIT:
            table = by_path.get(join(plan.root, f"{sensor}.txt"))
            if table:
                yield from self._read_list(
                    table, sensor, plan, by_path, unlisted, opener
                )
        for path in sorted(unlisted):
            sensor = path[len(plan.root) :].strip("/").split("/")[0]
            reason = f"is not listed in {sensor}.txt, so it has no time"
            yield Problem(
                whole_file(by_path[path]),
                self.name,
                reason,
                "list it, or remove it",
                sensor,
            )
        truth = by_path.get(join(plan.root, "groundtruth.txt"))
        if truth:
            yield from read_pose_rows(
                self.name, truth, opener, "groundtruth", "world", "rgb", plan.notes
            )
        table = by_path.get(join(plan.root, "accelerometer.txt"))
        if table:
            yield from self._read_accelerometer(table, opener, plan.notes)

    def _read_list(
        self,
        table: SessionFile,
        sensor: str,
        plan: CapturePlan,
        by_path: dict[str, SessionFile],
        unlisted: set[str],
        opener: Opener,
    ) -> Iterator[FrameObservation | Problem]:
        """One frame a row, or one problem. What is read is taken out of `unlisted`."""
        seen: set[str] = set()
        numbers = itertools.count()  # of the rows, those that are refused too

        def parse(fields: list[str]) -> tuple[int, tuple[int, SessionFile]]:
            sequence = next(numbers)
            t_ns, image = _find_image(fields, plan.root, by_path, seen)
            unlisted.discard(image.path)
            return t_ns, (sequence, image)

        rows = read_timed_rows(self.name, table, opener, sensor, _REMEDY, parse)
        for item in settle_zeros(rows, plan.notes, sensor):
            if isinstance(item, Problem):
                yield item
                continue
            t_ns, (_, (sequence, image)) = item
            yield read_frame_file(
                image,
                opener,
                self.name,
                sensor,
                t_ns=t_ns,
                sequence=sequence,
                depth_m_per_unit=_M_PER_UNIT[sensor],
            )

    def _read_accelerometer(
        self, table: SessionFile, opener: Opener, notes: dict[str, str]
    ) -> Iterator[SignalObservation | Problem]:
        sensor = "accelerometer"
        remedy = "write rows of `time ax ay az`"

        def parse(fields: list[str]) -> tuple[int, tuple[float, ...]]:
            return parse_seconds(fields[0]), parse_numbers(fields[1:], 3)

        for item in settle_zeros(
            read_timed_rows(self.name, table, opener, sensor, remedy, parse),
            notes,
            sensor,
        ):
            if isinstance(item, Problem):
                yield item
            else:
                t_ns, (line, values) = item
                yield SignalObservation(
                    sensor, "acceleration", t_ns, values, line.source, sensor
                )


def _is_list(file: SessionFile, opener: Opener) -> bool:
    """Whether a row in the head holds a time and a file name, or the head holds comments only."""
    try:
        text = read_head(file, opener).decode(errors="replace")
    except UnreadableBytes:
        return False
    rows = [fields for line in text.splitlines() if (fields := split_row(line))]
    return (
        any(map(_is_row, rows))
        if rows
        else text.lstrip("\ufeff \t\r\n").startswith("#")
    )


def _is_row(fields: list[str]) -> bool:
    try:
        parse_seconds(fields[0])
    except ValueError:
        return False
    return len(fields) == 2 and bool(fields[1])


def _find_image(
    fields: list[str], root: str, by_path: dict[str, SessionFile], seen: set[str]
) -> tuple[int, SessionFile]:
    """Time in ns and image of a row. Raises ValueError."""
    if len(fields) != 2:
        raise ValueError(f"{' '.join(fields)[:80]!r} is not a time and a file")
    t_ns = parse_seconds(fields[0])
    path = join(root, fields[1].removeprefix("./"))
    if path not in by_path or folder_of(path) == root:
        raise ValueError(f"there is no image {fields[1][:200]!r}")
    if path in seen:
        raise ValueError(f"{fields[1][:200]!r} is listed twice")
    seen.add(path)
    return t_ns, by_path[path]
