"""Read the ASL layout of EuRoC and TUM VI: a folder a sensor, with `sensor.yaml`, `data.csv` and, for cameras, `data/`.

The columns of `data.csv` say what a row is (Burri et al., IJRR 2016): `filename` an image, `w_RS_S_*` and `a_RS_S_*`
IMU, `p_RS_R_*` with `q_RS_*` a pose and alone a position, of the sensor in the world. Times are whole nanoseconds.
`T_BS` is body_from_sensor: part of a camera's calibration, a fixed transform without a time for every other sensor.

A table that went through a spreadsheet has times of 15 digits, which is 10 µs and no longer the sensor's clock: such
rows are refused, all of a file in one problem.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assets.formats.images.frame_files import read_frame_file
from assets.formats.layout import folder_of, is_hidden, join, name_of
from assets.formats.observations import Observation, Problem, SignalObservation
from assets.formats.protocol import (
    CapturePlan,
    Opener,
    UnreadableBytes,
    read_bytes,
    whole_file,
)
from assets.formats.sequences.asl_sensors import SensorFacts, parse_sensor
from assets.formats.sequences.sequence_files import (
    Line,
    LostDigits,
    check_rotation,
    parse_nanoseconds,
    parse_numbers,
    read_lines,
    settle_zeros,
)
from assets.formats.strict_yaml import MAX_YAML_BYTES
from assets.storage import SessionFile

_TABLE = "data.csv"
_FACTS = "sensor.yaml"
_BODY = "body.yaml"
_ROW_REMEDY = "copy data.csv again from where it was recorded"
_XYZ = "xyz"
_XYZW = "xyzw"
_KINDS: tuple[
    tuple[str, tuple[str, ...]], ...
] = (  # the first whose columns are all there
    ("frame", ("filename",)),
    ("imu", (*(f"w_RS_S_{a}" for a in _XYZ), *(f"a_RS_S_{a}" for a in _XYZ))),
    ("pose", (*(f"p_RS_R_{a}" for a in _XYZ), *(f"q_RS_{a}" for a in _XYZW))),
    ("position", tuple(f"p_RS_R_{a}" for a in _XYZ)),
)


class AslReader:
    name = "asl"
    carries = frozenset({"calibration", "clock"})

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        by_folder: dict[str, dict[str, SessionFile]] = defaultdict(dict)
        for file in files:
            if not is_hidden(file.path):
                by_folder[folder_of(file.path)][name_of(file.path)] = file
        captures: dict[str, list[SessionFile]] = defaultdict(list)
        for folder, names in sorted(by_folder.items()):
            root = folder_of(folder)
            if (
                _TABLE in names
                and root != folder
                and (_FACTS in names or name_of(root) == "mav0")
            ):
                captures[root] += [names[n] for n in (_FACTS, _TABLE) if n in names]
                captures[root] += by_folder.get(join(folder, "data"), {}).values()
        return [
            CapturePlan(
                self.name,
                root,
                (*members, *_pick(by_folder[root], _BODY)),
                is_container=False,
            )
            for root, members in sorted(captures.items())
        ]

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        by_path = {file.path: file for file in plan.files}
        folders = sorted(
            {folder_of(path) for path in by_path if name_of(path) == _TABLE}
        )
        for folder in folders:
            yield from _Sensor(folder, by_path, plan.notes, opener).read()


@dataclass
class _Sensor:
    """One folder."""

    folder: str
    by_path: dict[str, SessionFile]
    notes: dict[str, str]
    opener: Opener

    @property
    def name(self) -> str:
        return name_of(self.folder)

    def read(self) -> Iterator[Observation]:
        yield from self._read_facts()
        table = self.by_path[join(self.folder, _TABLE)]
        images = {
            p: f
            for p, f in self.by_path.items()
            if folder_of(p) == join(self.folder, "data")
        }
        try:
            lines = read_lines(table, self.opener)
            header, kind, columns = _find_header(lines)
            if kind is None:
                reason = (
                    f"its first line names no columns that are read: {header[:200]!r}"
                )
                yield Problem(
                    whole_file(table),
                    AslReader.name,
                    reason,
                    "give the header of the ASL format",
                    self.name,
                )
                return
            yield from self._read_rows(lines, kind, columns, images)
        except UnreadableBytes as error:
            yield Problem(
                whole_file(table), AslReader.name, error.reason, error.remedy, self.name
            )
        for _, file in sorted(images.items()):
            reason = "is not listed in data.csv, so nothing vouches for its time"
            yield Problem(
                whole_file(file),
                AslReader.name,
                reason,
                "list it, or remove it",
                self.name,
            )

    def _read_facts(self) -> Iterator[Observation]:
        file = self.by_path.get(join(self.folder, _FACTS))
        if file is None:
            self.notes[f"{self.name}: no {_FACTS}"] = (
                "no calibration, no place on the body"
            )
            return
        try:
            facts: SensorFacts = parse_sensor(
                read_bytes(file, self.opener, MAX_YAML_BYTES),
                self.name,
                whole_file(file),
            )
        except UnreadableBytes as error:
            yield Problem(
                whole_file(file), AslReader.name, error.reason, error.remedy, self.name
            )
        except ValueError as error:
            remedy = "give sensor.yaml as the ASL format describes it"
            yield Problem(
                whole_file(file), AslReader.name, str(error)[:500], remedy, self.name
            )
        else:
            if facts.calibration:
                yield facts.calibration
            elif facts.body_from_sensor:
                yield SignalObservation(
                    self.name,
                    "transform",
                    None,
                    facts.body_from_sensor,
                    whole_file(file),
                    "body",
                    self.name,
                )

    def _read_rows(
        self,
        lines: Iterator[Line],
        kind: str,
        columns: list[int],
        images: dict[str, SessionFile],
    ) -> Iterator[Observation]:
        """What each row tells, or a problem. Images that are read are taken out of `images`."""
        for item in settle_zeros(
            self._parse_rows(lines, kind, columns, images), self.notes, self.name
        ):
            if isinstance(item, Problem):
                yield item
                continue
            t_ns, (line, sequence, content) = item
            if isinstance(content, SessionFile):
                yield read_frame_file(
                    content,
                    self.opener,
                    AslReader.name,
                    self.name,
                    t_ns=t_ns,
                    sequence=sequence,
                )
            else:
                frame = {"imu": self.name}.get(kind, "world")
                child = None if kind == "imu" else self.name
                yield SignalObservation(
                    self.name, kind, t_ns, content, line.source, frame, child
                )

    def _parse_rows(
        self,
        lines: Iterator[Line],
        kind: str,
        columns: list[int],
        images: dict[str, SessionFile],
    ) -> Iterator[
        tuple[int, tuple[Line, int, SessionFile | tuple[float, ...]]] | Problem
    ]:
        """Time in ns, and line, number and content of each row, or a problem."""
        num_blank = 0
        sequence = -1
        is_told = False
        for line in lines:
            sequence += 1
            try:
                t_ns, cells = _parse_row(line, kind, columns)
                if cells:
                    yield t_ns, (line, sequence, self._parse_cells(kind, cells, images))
                else:
                    num_blank = num_blank + 1
                    sequence = sequence - 1
            except LostDigits as error:
                if not is_told:
                    yield self._refuse_rounded(line, str(error), kind, columns)
                is_told = True
            except ValueError as error:
                yield line.refuse(AslReader.name, error, _ROW_REMEDY, self.name)
        if num_blank:
            self.notes[f"{self.name}: blank rows"] = str(num_blank)

    def _refuse_rounded(
        self, first: Line, why: str, kind: str, columns: list[int]
    ) -> Problem:
        """One problem for all rows of the table whose times were rounded."""
        count = 0
        for line in read_lines(first.file, self.opener):
            try:
                _parse_row(line, kind, columns)
            except LostDigits:
                count += 1
            except ValueError:
                continue
        reason = (
            f"{count} rows are not read, the first in line {first.number}: {why}. A spreadsheet saved this file; "
            "it keeps 15 digits, and the sensor's clock has 19"
        )
        return Problem(
            whole_file(first.file), AslReader.name, reason, _ROW_REMEDY, self.name
        )

    def _parse_cells(
        self, kind: str, cells: list[str], images: dict[str, SessionFile]
    ) -> SessionFile | tuple[float, ...]:
        """The image or the numbers of a row. Raises ValueError."""
        if kind == "frame":
            image = images.pop(join(join(self.folder, "data"), cells[0]), None)
            if image is None:
                raise ValueError(
                    f"there is no image {cells[0][:200]!r} in data/, or it is listed twice"
                )
            return image
        values = parse_numbers(cells, len(cells))
        if kind == "pose":
            check_rotation(values[3:])
        return values


def _parse_row(line: Line, kind: str, columns: list[int]) -> tuple[int, list[str]]:
    """Time in ns and the cells of these columns; none for comments and blank rows. Raises ValueError, LostDigits."""
    fields = [field.strip() for field in line.text.split(",")]
    if line.text.startswith("#") or not any(fields):
        return 0, []
    cells = [fields[c] for c in columns if c < len(fields) and fields[c]]
    if len(cells) != len(columns):
        raise ValueError(
            f"has {len(cells)} of its {len(columns)} values ({kind}): {line.text[:80]!r}"
        )
    return parse_nanoseconds(fields[0]), cells


def _find_header(lines: Iterator[Line]) -> tuple[str, str | None, list[int]]:
    """The line that names the columns, with what the rows below it are. It is the first, or a comment among the first.

    Without one, the first line.
    """
    first = ""
    for line in lines:
        first = first or line.text
        kind, columns = _choose_kind(line.text)
        if kind or not line.text.startswith("#"):
            return line.text if kind else first, kind, columns
    return first, None, []


def _choose_kind(header: str) -> tuple[str | None, list[int]]:
    """What the rows below this header are, and the columns they are read from (after the time, which is first)."""
    names = [field.split("[")[0].strip(" #\t") for field in header.split(",")]
    if not names[0].startswith("timestamp"):
        return None, []
    for kind, wanted in _KINDS:
        if all(name in names for name in wanted):
            return kind, [names.index(name) for name in wanted]
    return None, []


def _pick(names: dict[str, SessionFile], name: str) -> list[SessionFile]:
    return [names[name]] if name in names else []
