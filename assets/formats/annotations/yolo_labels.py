"""Parse YOLO label rows, and tell what their numbers are: boxes, polygons, poses or oriented boxes.

A row is `class cx cy w h` (box), `class x0 y0 x1 y1 x2 y2 ...` (polygon), `class cx cy w h` and the points of a pose
as `x y` or `x y visibility`, or `class x0 y0 ... x3 y3` (oriented box). Nothing in a row says which, so all rows of a
label tree decide together, and `kpt_shape` of the data set where it is there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assets.formats.protocol import MAX_LABELS

_MAX_ROW_BYTES = 1 << 20  # a polygon of some 30,000 corners
_MOST_SHARE = 2.0  # boxes reach over the edge by a little; larger numbers are pixels
_FEW_ROWS = 3  # fewer of equal length do not show that four corners are a rule
_SEEN = frozenset({0.0, 1.0, 2.0})  # visibility of a point: not marked, hidden, visible
_BOM = b"\xef\xbb\xbf"

Shares = tuple[float, ...]
KeypointShape = tuple[int, int]  # how many points, and numbers a point: 2 or 3


@dataclass(frozen=True)
class Row:
    """One object. `shares` are the numbers behind the class, in shares of the image."""

    number: int  # counted from 0 among the rows of the file that are not empty
    line: int  # counted from 1, as editors do
    offset: int  # byte, in the file
    length: int
    class_id: int
    shares: Shares


@dataclass(frozen=True)
class RowError:
    """A row that is no label."""

    offset: int
    length: int
    reason: str


@dataclass(frozen=True)
class Shape:
    """What a row draws, in shares of the image."""

    box: tuple[float, float, float, float] | None  # cx, cy, w, h
    corners: Shares = ()  # x0, y0, x1, ... of a polygon or an oriented box
    is_filled: bool = False  # the corners outline the object's pixels
    keypoints: Shares = ()  # x, y, visibility of each point


@dataclass(frozen=True)
class Layout:
    """What the numbers of all rows of a tree are."""

    keypoints: KeypointShape | None = None
    is_oriented: bool = False

    def read(self, row: Row) -> Shape:
        """Raises ValueError for a row of another length."""
        shares = row.shares
        if self.keypoints and len(shares) != 4:
            return self._read_pose(row)
        if len(shares) == 4:
            return Shape(shares)
        if self.is_oriented and len(shares) == 8:
            return Shape(None, shares)
        if len(shares) < 6 or len(shares) % 2:
            raise ValueError(
                f"line {row.line} has {len(shares) + 1} numbers: 5 make a box, 7, 9, ... a polygon"
                + (
                    ", and 6 are a box with a confidence: a prediction, no label"
                    if len(shares) == 5
                    else ""
                )
            )
        return Shape(None, shares, is_filled=True)

    def is_box(self, row: Row) -> bool:
        """Whether a row has the length of a box, upright or oriented, or of a pose."""
        count = len(row.shares)
        if self.keypoints:
            return count in (4, 4 + self.keypoints[0] * self.keypoints[1])
        return count == 4 or (self.is_oriented and count == 8)

    def is_polygon(self, row: Row) -> bool:
        """Whether a row has the length of an outline of an object's pixels."""
        count = len(row.shares)
        return (
            not (self.keypoints or self.is_box(row)) and count >= 6 and count % 2 == 0
        )

    def _read_pose(self, row: Row) -> Shape:
        assert self.keypoints is not None
        count, size = self.keypoints
        if len(row.shares) != 4 + count * size:
            reason = f"has {len(row.shares) + 1} numbers, and {count} points of {size} make {5 + count * size}"
            raise ValueError(f"line {row.line} {reason}")
        places = row.shares[4:]
        points = [
            (*places[i : i + 2], places[i + 2] if size == 3 else 2.0)
            for i in range(0, len(places), size)
        ]
        x, y, width, height = row.shares[:4]
        numbers = tuple(v for point in points for v in point)
        return Shape((x, y, width, height), keypoints=numbers)


def parse_rows(data: bytes) -> Iterator[Row | RowError]:
    """The rows of a label file, in order."""
    offset = number = 0
    for line, whole in enumerate(data.splitlines(keepends=True), start=1):
        text = whole.removeprefix(_BOM).strip() if offset == 0 else whole.strip()
        if text and number >= MAX_LABELS:
            yield RowError(offset, len(data) - offset, f"more than {MAX_LABELS} rows")
            return
        if text:
            yield _parse_row(text, number, line, offset, len(whole.rstrip(b"\r\n")))
            number += 1
        offset += len(whole)


def find_layout(rows: Sequence[Row], keypoints: KeypointShape | None) -> Layout:
    """What the numbers of a tree's rows are. `keypoints` is what the data set states, None where it states nothing."""
    if keypoints:
        return Layout(keypoints)
    lengths = {len(row.shares) for row in rows}
    if len(lengths) != 1:
        return Layout()
    (length,) = lengths
    if (
        length > 6
        and (length - 4) % 3 == 0
        and all(_SEEN.issuperset(row.shares[6::3]) for row in rows)
    ):
        return Layout(((length - 4) // 3, 3))
    if length == 8 and len(rows) >= _FEW_ROWS:
        return Layout(is_oriented=True)
    if (
        length > 8
        and length % 2 == 0
        and len(rows) >= _FEW_ROWS
        and all(map(_holds_its_points, rows))
    ):
        return Layout(((length - 4) // 2, 2))
    return Layout()


def _holds_its_points(row: Row) -> bool:
    """Whether the first four numbers are a box around all the others."""
    cx, cy, w, h = row.shares[:4]
    xs = row.shares[4::2]
    ys = row.shares[5::2]
    slack = 1e-3
    return all(abs(x - cx) <= w / 2 + slack for x in xs) and all(
        abs(y - cy) <= h / 2 + slack for y in ys
    )


def _parse_row(
    text: bytes, number: int, line: int, offset: int, length: int
) -> Row | RowError:
    if len(text) > _MAX_ROW_BYTES:
        return RowError(
            offset,
            length,
            f"line {line} has {len(text)} bytes, more than {_MAX_ROW_BYTES}",
        )
    parts = text.split()
    try:
        values = [float(part) for part in parts]
    except ValueError:
        return RowError(
            offset,
            length,
            f"line {line} holds something that is no number: {text[:40]!r}",
        )
    if (
        not all(map(math.isfinite, values))
        or values[0] != int(values[0])
        or values[0] < 0
    ):
        return RowError(
            offset,
            length,
            f"line {line} begins with class {parts[0][:20]!r}, or holds a number not finite",
        )
    if len(values) < 5:
        return RowError(
            offset,
            length,
            f"line {line} has {len(values)} numbers: 5 make a box, 7, 9, ... a polygon",
        )
    if max(map(abs, values[1:])) > _MOST_SHARE:
        return RowError(
            offset,
            length,
            f"line {line} holds {max(values[1:]):g}: shares of the image lie in 0 to 1",
        )
    return Row(number, line, offset, length, int(values[0]), tuple(values[1:]))
