"""Parse the text files of sensor sequences: lines with their places, exact times, numbers and poses.

Times go from decimal text to whole nanoseconds by integer arithmetic: a float has 53 bits, and nanoseconds since 1970
need 61.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from assets.formats.observations import Problem, SignalObservation, Source
from assets.formats.protocol import Opener, UnreadableBytes, explain_pointer, read_bytes
from assets.storage import SessionFile

NS_PER_S = 10**9
Pose = tuple[float, ...]  # xyz m, quaternion xyzw
Row = TypeVar("Row")

_MAX_TEXT_BYTES = 64 << 20
_MAX_LINE_BYTES = 1 << 16
_MAX_NS = 2**63 - 1
_YEAR_NS = 366 * 86_400 * NS_PER_S
_SECONDS_STEP = 3  # 10^3 ns: what a time in seconds with an exponent must at least tell
_DECIMAL = re.compile(r"([+-]?)(\d{1,19})(?:\.(\d{0,40}))?(?:[eE]([+-]?\d{1,3}))?")
_LARGEST_M = 1e9
_MAX_SKEW = 0.01  # written matrices are rounded, and fusion leaves them a little off
_MAX_NORM_ERROR = 0.01  # of a quaternion


@dataclass(frozen=True)
class Line:
    """A line and its place in the file."""

    file: SessionFile
    number: int  # from 1
    text: str  # without spaces around it, nor the mark of byte order that some programs put before a text
    offset: int  # bytes
    length: int

    @property
    def source(self) -> Source:
        """Where in its file the line stands."""
        return Source(self.file.path, self.offset, self.length)

    def refuse(
        self, reader: str, reason: object, remedy: str, sensor: str | None = None
    ) -> Problem:
        """The problem with this line, with its number in front of the reason."""
        return Problem(
            self.source, reader, f"line {self.number}: {reason}"[:500], remedy, sensor
        )


class LostDigits(ValueError):
    """A time of which the last digits are gone, because a program wrote it as a rounded number."""


def read_lines(file: SessionFile, opener: Opener) -> Iterator[Line]:
    """Lines that are not empty, comments (`#`) too. Raises UnreadableBytes for pointers, empty and binary files."""
    return (line for line in read_all_lines(file, opener) if line.text)


def read_all_lines(file: SessionFile, opener: Opener) -> Iterator[Line]:
    """Every line, for files in which the number of a line says what it is about. Raises as `read_lines` does."""
    data = read_bytes(file, opener, _MAX_TEXT_BYTES)
    pointer = explain_pointer(data[:64])
    if pointer:
        raise UnreadableBytes(*pointer)
    if b"\0" in data[:4096]:
        raise UnreadableBytes("not a text file", "export it again as text")
    offset = 0
    for number, raw in enumerate(io.BytesIO(data), start=1):
        text = _trim(raw[:_MAX_LINE_BYTES].decode(errors="replace"))
        yield Line(file, number, text, offset, len(raw))
        offset += len(raw)


def read_rows(file: SessionFile, opener: Opener) -> Iterator[tuple[Line, list[str]]]:
    """The lines that hold data, in fields parted by spaces or commas. Raises UnreadableBytes."""
    for line in read_lines(file, opener):
        fields = split_row(line.text)
        if fields:
            yield line, fields


def split_row(text: str) -> list[str]:
    """The fields of a row; none for comments (`#`) and for lines of separators only.

    A field that is missing between two commas is an empty one: those behind it keep their places.
    """
    text = _trim(text)
    if text.startswith("#") or not text.replace(",", " ").strip():
        return []
    cells = text.split(",")
    cells = cells[:-1] if len(cells) > 1 and not cells[-1].strip() else cells
    return [field for cell in cells for field in cell.split() or [""]]


def settle_zeros(
    rows: Iterable[tuple[int, Row] | Problem], notes: dict[str, str], sensor: str
) -> Iterator[tuple[int | None, Row] | Problem]:
    """The rows of one sensor with their times, in order, and None in place of a stamp of zero that is no time.

    Zero is what a clock says that nobody has set. It is a time only where a clock counts from there, or passes it: one
    stamp of zero, and the next one within a year, or one below zero before. The others are counted in the notes.
    """
    leading: list[Row] = []
    last_ns: int | None = None  # None: only zeros so far
    num_zeros = 0
    for item in rows:
        if isinstance(item, Problem):
            yield item
            continue
        t_ns, row = item
        if not t_ns and last_ns is None:
            leading.append(row)
            continue
        if last_ns is None and leading:
            is_time = len(leading) == 1 and 0 < t_ns < _YEAR_NS
            num_zeros += 0 if is_time else len(leading)
            yield from ((0 if is_time else None, held) for held in leading)
            leading = []
        is_time = bool(t_ns) or (last_ns is not None and -_YEAR_NS < last_ns < 0)
        num_zeros += not is_time
        last_ns = t_ns
        yield t_ns if is_time else None, row
    yield from ((None, held) for held in leading)
    if num_zeros + len(leading):
        notes[f"{sensor}: stamps of zero"] = (
            f"{num_zeros + len(leading)} samples have no time"
        )


def parse_seconds(text: str, step: int = _SECONDS_STEP) -> int:
    """`1305031102.175304` -> 1305031102175304000 ns; digits below a nanosecond are rounded.

    Raises ValueError; LostDigits for a number with an exponent whose last digit stands for more than 10^`step` ns:
    microseconds, where the format is not one of fewer digits.
    """
    return _parse_decimal(text, 9, step)


def parse_nanoseconds(text: str) -> int:
    """Whole nanoseconds. Raises ValueError; LostDigits for a number with an exponent that hides the last digits."""
    return _parse_decimal(text, 0, 0)


def _trim(text: str) -> str:
    return text.strip().lstrip("\ufeff").strip()


def _parse_decimal(text: str, power: int, coarsest: int) -> int:
    """`text` times 10^power; with an exponent its last digit may stand for 10^coarsest at most."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a time")
    sign = match[1]
    whole = match[2]
    fraction = match[3] or ""
    exponent = match[4]
    power += int(exponent or 0) - len(fraction)
    if exponent is not None and power > coarsest:
        raise LostDigits(
            f"time {text!r} was rounded to {len(whole + fraction)} digits, its last one stands for {10**power} ns"
        )
    digits = int(whole + fraction)
    if power < 0:
        scale = 10**-power
        if coarsest == 0 and digits % scale:
            raise ValueError(f"{text[:40]!r} is not a whole number of nanoseconds")
        t_ns = (2 * digits + scale) // (2 * scale)
    else:
        t_ns = digits * 10**power
    if t_ns > _MAX_NS:
        raise ValueError(f"{text[:40]!r} is beyond the nanoseconds of 64 bits")
    return -t_ns if sign == "-" else t_ns


def parse_numbers(fields: Sequence[str], count: int) -> tuple[float, ...]:
    """Exactly `count` finite numbers. Raises ValueError naming the one that is none."""
    if len(fields) != count:
        raise ValueError(f"{len(fields)} values where {count} are needed")
    return tuple(parse_number(field) for field in fields)


def parse_number(text: str) -> float:
    """A finite number. Raises ValueError."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a number") from None
    if not math.isfinite(value) or "_" in text:
        raise ValueError(f"{text[:40]!r} is not a finite number")
    return value


def check_rotation(quaternion: Sequence[float]) -> None:
    """Raises ValueError for a quaternion whose length is far from 1. As written it is never quite 1."""
    length = math.hypot(*quaternion)
    if abs(length - 1) > _MAX_NORM_ERROR:
        raise ValueError(
            f"quaternion {tuple(quaternion)} has length {length:.6g}, so it is no rotation"
        )


def pose_of_matrix(matrix: ArrayLike) -> Pose:
    """A rigid 4x4 or 3x4 matrix as xyz m and quaternion xyzw (qw >= 0), by the nearest rotation.

    Raises ValueError when the left 3x3 block is off a rotation by more than a hundredth.
    """
    rigid = np.asarray(matrix, np.float64)
    block = rigid[:3, :3]
    if not np.all(np.abs(rigid) < _LARGEST_M):
        raise ValueError(f"{rigid.tolist()} holds numbers that are no lengths on earth")
    if rigid.shape == (4, 4) and np.abs(rigid[3] - (0, 0, 0, 1)).max() > 1e-6:
        raise ValueError(f"last row {rigid[3].tolist()} is not 0 0 0 1")
    skew = float(np.abs(block @ block.T - np.eye(3)).max())
    if skew > _MAX_SKEW or np.linalg.det(block) < 0:
        raise ValueError(
            f"its 3x3 block is no rotation: off by {skew:.3g}, determinant {np.linalg.det(block):.3g}"
        )
    left, _, right = np.linalg.svd(block)
    return (*(float(v) for v in rigid[:3, 3]), *_quaternion_of(left @ right))


def matrix_of_pose(pose: Sequence[float]) -> np.ndarray:
    """The 4x4 matrix of xyz and a unit quaternion xyzw."""
    x, y, z, w = pose[3:]
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, 3] = pose[:3]
    return matrix


def rotation_of_axis_angle(
    axis_angle: Sequence[float],
) -> tuple[float, float, float, float]:
    """Quaternion xyzw of a rotation vector: its direction is the axis, its length the angle in rad."""
    angle = math.sqrt(sum(v * v for v in axis_angle))
    scale = math.sin(angle / 2) / angle if angle > 1e-12 else 0.5
    x, y, z = (scale * v for v in axis_angle)
    return x, y, z, math.cos(angle / 2)


def read_pose_rows(
    reader: str,
    file: SessionFile,
    opener: Opener,
    sensor: str,
    world: str | None,
    child: str | None,
    notes: dict[str, str],
) -> Iterator[SignalObservation | Problem]:
    """Rows of `t x y z qx qy qz qw` (seconds, metres), the way of TUM: world_from_child."""

    def parse(fields: list[str]) -> tuple[int, Pose]:
        t_ns = parse_seconds(fields[0])
        pose = parse_numbers(fields[1:], 7)
        check_rotation(pose[3:])
        return t_ns, pose

    rows = read_timed_rows(
        reader, file, opener, sensor, "write rows of `t x y z qx qy qz qw`", parse
    )
    for item in settle_zeros(rows, notes, sensor):
        if isinstance(item, Problem):
            yield item
        else:
            t_ns, (line, pose) = item
            yield SignalObservation(
                sensor, "pose", t_ns, pose, line.source, world, child
            )


def read_timed_rows(
    reader: str,
    file: SessionFile,
    opener: Opener,
    sensor: str,
    remedy: str,
    parse: Callable[[list[str]], tuple[int, Row]],
) -> Iterator[tuple[int, tuple[Line, Row]] | Problem]:
    """Time, line and what `parse` makes of the fields of each row; a problem where it raises ValueError."""
    try:
        for line, fields in read_rows(file, opener):
            try:
                t_ns, row = parse(fields)
            except ValueError as error:
                yield line.refuse(reader, error, remedy, sensor)
                continue
            yield t_ns, (line, row)
    except UnreadableBytes as error:
        yield Problem(
            Source(file.path, 0, file.size_bytes),
            reader,
            error.reason,
            error.remedy,
            sensor,
        )


def _quaternion_of(rotation: np.ndarray) -> tuple[float, float, float, float]:
    """Through the largest of the four squares, so that nothing is divided by a small number (Shepperd 1978)."""
    r = rotation
    trace = float(np.trace(rotation))
    squares = [
        1 - trace + 2 * r[0, 0],
        1 - trace + 2 * r[1, 1],
        1 - trace + 2 * r[2, 2],
        1 + trace,
    ]
    largest = int(np.argmax(squares))
    if largest == 3:
        q = np.array(
            [r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], squares[3]]
        )
    else:
        i, j, k = largest, (largest + 1) % 3, (largest + 2) % 3
        q = np.empty(4)
        q[i] = squares[i]
        q[j] = r[j, i] + r[i, j]
        q[k] = r[k, i] + r[i, k]
        q[3] = r[k, j] - r[j, k]
    q = q / np.linalg.norm(q) * (-1 if q[3] < 0 else 1)
    return float(q[0]), float(q[1]), float(q[2]), float(q[3])
