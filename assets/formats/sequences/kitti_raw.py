"""Read KITTI raw drives: `image_00`..`image_03`, `oxts` (GNSS and IMU) and the calibration files of their day.

A folder a sensor, with `data/<number>.<ending>` and line <number> of `timestamps.txt` for its time (Geiger et al., IJRR
2013). A blank line keeps its number: there the recorder lost a picture or a scan. The times are civil times of a zone
that the files do not name: they are taken as if of UTC, alike for every sensor. All drives that lie beside
`calib_cam_to_cam.txt` are one capture, since they share it. Laser scans (`velodyne_points`) have their times as the
pictures do: of the middle of a turn.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from assets.formats.images.frame_files import read_frame_file
from assets.formats.images.image_headers import read_header
from assets.formats.layout import (
    folder_of,
    is_hidden,
    join,
    list_paths,
    name_of,
    stem_of,
)
from assets.formats.observations import (
    FrameObservation,
    Observation,
    Problem,
    SignalObservation,
)
from assets.formats.points.scan_files import read_scan_file
from assets.formats.protocol import CapturePlan, Opener, UnreadableBytes, whole_file
from assets.formats.sequences.kitti_calibration import (
    CALIBRATION_FILES,
    read_calibrations,
)
from assets.formats.sequences.sequence_files import (
    NS_PER_S,
    parse_numbers,
    parse_seconds,
    read_all_lines,
    read_rows,
)
from assets.storage import SessionFile

_SENSOR = re.compile(r"(?:image_\d\d|oxts|velodyne_points)")
_SCANS = "velodyne_points"
_TIMES = "timestamps.txt"
_BESIDE_DATA = re.compile(r"timestamps(_start|_end)?\.txt|dataformat\.txt")
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d(?:\.\d{1,9})?)")
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_NUM_OXTS = 30  # values a packet
# deg, deg, m; rad/s; m/s^2: x forward, y left, z up
_GNSS = slice(0, 3)
_GYRO = slice(17, 20)
_ACCEL = slice(11, 14)


class KittiRawReader:
    name = "kitti_raw"
    carries = frozenset({"calibration", "clock"})

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        drives: dict[str, list[SessionFile]] = defaultdict(list)
        timed: set[str] = set()
        tables: dict[str, list[SessionFile]] = defaultdict(list)
        for file in files:
            folder = folder_of(file.path)
            if name_of(file.path) in CALIBRATION_FILES:
                tables[folder].append(file)
            is_data = name_of(folder) == "data" and not is_hidden(file.path)
            sensor = folder_of(folder) if is_data else folder
            if _SENSOR.fullmatch(name_of(sensor)) and (
                is_data or _BESIDE_DATA.fullmatch(name_of(file.path))
            ):
                drives[folder_of(sensor)].append(file)
                if file.path == join(sensor, _TIMES):
                    timed.add(folder_of(sensor))
        captures: dict[str, list[SessionFile]] = defaultdict(list)
        for drive in sorted(timed):
            root = folder_of(drive) if drive and folder_of(drive) in tables else drive
            captures[root] += drives[drive]
        return [
            CapturePlan(
                self.name, root, (*tables.get(root, ()), *members), is_container=False
            )
            for root, members in sorted(captures.items())
        ]

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        folders: dict[str, dict[str, SessionFile]] = defaultdict(dict)
        tables = {}
        for file in plan.files:
            if name_of(file.path) in CALIBRATION_FILES:
                tables[name_of(file.path)] = file
            else:
                folder = folder_of(file.path)
                folders[folder_of(folder) if name_of(folder) == "data" else folder][
                    file.path
                ] = file
        reading = _Reading(plan, opener)
        for folder, members in sorted(folders.items()):
            yield from reading.read_sensor(folder, members)
        if tables:
            yield from read_calibrations(
                self.name, tables, reading.sizes, opener, plan.notes
            )


@dataclass
class _Times:
    """The lines of a `timestamps.txt`, line <number> being that of file <number>."""

    t_ns: list[int | None] = field(default_factory=list)
    blank: set[int] = field(default_factory=set)  # numbers whose line holds nothing
    refused: set[int] = field(default_factory=set)  # numbers whose line is no time


@dataclass
class _Reading:
    """One pass over the drives of a capture."""

    plan: CapturePlan
    opener: Opener
    # sensor -> width and height of its images, px
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    # frames of earlier drives, by sensor
    _offset: Counter[str] = field(default_factory=Counter)

    def read_sensor(
        self, folder: str, members: dict[str, SessionFile]
    ) -> Iterator[Observation]:
        """Every data file with the line of its number; what lacks the other is a problem."""
        sensor = name_of(folder)
        data = {
            path: file
            for path, file in members.items()
            if name_of(folder_of(path)) == "data"
        }
        times = _Times()
        table = members.get(join(folder, _TIMES))
        if table:
            yield from self._read_times(table, sensor, times)
        numbered: dict[int, SessionFile] = {}
        for file in sorted(data.values(), key=lambda f: f.path):
            number = (
                int(stem_of(file.path))
                if re.fullmatch(r"\d{1,12}", stem_of(file.path))
                else -1
            )
            if not 0 <= number < len(times.t_ns) or number in numbered:
                reason = f"has no line of its own in {_TIMES} ({len(times.t_ns)} lines), so it has no time"
                yield self._refuse(
                    file, reason, "copy the timestamps that belong to it", sensor
                )
            else:
                numbered[number] = file
        for number, file in sorted(numbered.items()):
            if number not in times.refused:
                yield from self._read_data(
                    file, sensor, times.t_ns[number], self._offset[sensor] + number
                )
        yield from self._compare_numbers(
            folder, sensor, members.get(join(folder, _TIMES)), times, numbered
        )
        self._offset[sensor] += len(times.t_ns)

    def _read_times(
        self, table: SessionFile, sensor: str, times: _Times
    ) -> Iterator[Problem]:
        """Fill `times`, a line each. A comment is no line, unless it is a time that somebody took out."""
        try:
            for line in read_all_lines(table, self.opener):
                if line.text.startswith("#") and not _TIME.fullmatch(
                    line.text.lstrip("# \t")
                ):
                    continue
                number = len(times.t_ns)
                times.t_ns.append(None)
                if not line.text or line.text.startswith("#"):
                    times.blank.add(number)
                    continue
                try:
                    times.t_ns[number] = parse_civil_time(line.text) or None
                except ValueError as error:
                    times.refused.add(number)
                    reason = f"{error}: what it times is not read"
                    yield line.refuse(
                        KittiRawReader.name,
                        reason,
                        "write `2011-09-26 13:02:25.594360375`",
                        sensor,
                    )
        except UnreadableBytes as error:
            yield self._refuse(table, error.reason, error.remedy, sensor)

    def _compare_numbers(
        self,
        folder: str,
        sensor: str,
        table: SessionFile | None,
        times: _Times,
        numbered: dict[int, SessionFile],
    ) -> Iterator[Problem]:
        """Times without a file, and files without a time. Numbers that have neither are counted in the notes."""
        if table is None:
            return
        absent = [
            f"{n:010d}"
            for n in range(len(times.t_ns))
            if n not in numbered and n not in times.blank
        ]
        if absent:
            reason = f"{_TIMES} has {len(times.t_ns)} lines, and there are no files for {list_paths(absent)}"
            yield self._refuse(table, reason, "copy the missing files", sensor)
        untimed = [
            n for n in numbered if times.t_ns[n] is None and n not in times.refused
        ]
        if untimed:
            names = list_paths(f"{n:010d}" for n in untimed)
            reason = f"the lines of these files in {_TIMES} are blank, so they are taken in without a time, {names}"
            yield self._refuse(
                table,
                reason,
                "copy the timestamps again, if the recorder wrote them",
                sensor,
            )
        lost = times.blank - numbered.keys()
        if lost:
            self.plan.notes[f"no time and no file: {folder}"] = (
                f"{len(lost)} blank lines of {_TIMES}"
            )

    def _read_data(
        self, file: SessionFile, sensor: str, t_ns: int | None, sequence: int
    ) -> Iterator[Observation]:
        if sensor == "oxts":
            yield from self._read_packet(file, t_ns)
            return
        if sensor == _SCANS:
            yield read_scan_file(
                file,
                self.opener,
                KittiRawReader.name,
                "velodyne",
                "kitti_bin",
                t_ns=t_ns,
                sequence=sequence,
                frame="velodyne",
            )
            return
        frame = read_frame_file(
            file, self.opener, KittiRawReader.name, sensor, t_ns=t_ns, sequence=sequence
        )
        if isinstance(frame, FrameObservation) and sensor not in self.sizes:
            header = read_header(frame.payload)
            self.sizes |= (
                {sensor: (header.width_px, header.height_px)} if header else {}
            )
        yield frame

    def _read_packet(
        self, file: SessionFile, t_ns: int | None
    ) -> Iterator[SignalObservation | Problem]:
        """Position, and rates and accelerations along the axes of the unit."""
        try:
            rows = [
                parse_numbers(fields, _NUM_OXTS)
                for _, fields in read_rows(file, self.opener)
            ]
            if len(rows) != 1:
                raise ValueError(f"{len(rows)} rows where one packet belongs")
        except UnreadableBytes as error:
            yield self._refuse(file, error.reason, error.remedy, "oxts")
        except ValueError as error:
            yield self._refuse(
                file, str(error), f"a packet is one row of {_NUM_OXTS} numbers", "oxts"
            )
        else:
            values = rows[0]
            where = whole_file(file)
            yield SignalObservation(
                "oxts", "gnss", t_ns, values[_GNSS], where, "wgs84", "imu"
            )
            yield SignalObservation(
                "oxts", "imu", t_ns, (*values[_GYRO], *values[_ACCEL]), where, "imu"
            )

    def _refuse(
        self, file: SessionFile, reason: str, remedy: str, sensor: str
    ) -> Problem:
        return Problem(
            whole_file(file), KittiRawReader.name, reason[:500], remedy, sensor
        )


def parse_civil_time(text: str) -> int:
    """`2011-09-26 13:02:25.594360375` as ns since 1970 of the same clock. Raises ValueError."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:60]!r} is not a date and a time")
    days = date(int(match[1]), int(match[2]), int(match[3])).toordinal() - _EPOCH_DAY
    if int(match[4]) > 23 or int(match[5]) > 59:
        raise ValueError(f"{text[:60]!r} is not a time of the day")
    return (
        (days * 24 + int(match[4])) * 60 + int(match[5])
    ) * 60 * NS_PER_S + parse_seconds(match[6])
