"""Parse YOLO label rows and the files that name the classes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assets.capture.readers.protocol import MAX_LABELS
from assets.capture.readers.strict_yaml import parse_yaml

_MAX_ROW_BYTES = 1 << 20  # a polygon of some 30,000 corners


@dataclass(frozen=True)
class Row:
    """One object. `shares` are (cx, cy, w, h), or the x and y of a polygon's corners, in shares of the image."""

    number: int  # counted from 0 among the rows of the file that are not empty
    offset: int  # byte, in the file
    length: int
    class_id: int
    shares: tuple[float, ...]

    @property
    def is_polygon(self) -> bool:
        return len(self.shares) != 4


@dataclass(frozen=True)
class RowError:
    """A row that is no label."""

    offset: int
    length: int
    reason: str


def parse_rows(data: bytes) -> Iterator[Row | RowError]:
    """The rows of a label file, in order."""
    offset = number = 0
    for line in data.splitlines(keepends=True):
        text = line.strip()
        if text and number >= MAX_LABELS:
            yield RowError(offset, len(data) - offset, f"more than {MAX_LABELS} rows")
            return
        if text:
            yield _parse_row(text, number, offset, len(line.rstrip(b"\r\n")))
            number += 1
        offset += len(line)


def parse_names(data: bytes, is_yaml: bool) -> dict[int, str]:
    """Class names by id, from the `names` of a YAML file or one name a line. Raises ValueError."""
    if is_yaml:
        return _parse_yaml_names(data)
    lines = data.decode("utf-8-sig").splitlines()
    return {number: line.strip() for number, line in enumerate(lines) if line.strip()}


def has_names(data: bytes) -> bool:
    """A YAML text with a top-level key `names`."""
    return re.search(rb"^names\s*:", data, re.MULTILINE) is not None


def _parse_row(text: bytes, number: int, offset: int, length: int) -> Row | RowError:
    if len(text) > _MAX_ROW_BYTES:
        return RowError(offset, length, f"row {number} has {len(text)} bytes, more than {_MAX_ROW_BYTES}")
    parts = text.split()
    try:
        values = [float(part) for part in parts]
    except ValueError:
        return RowError(offset, length, f"row {number} holds something that is no number: {text[:40]!r}")
    if not all(map(math.isfinite, values)) or values[0] != int(values[0]) or values[0] < 0:
        return RowError(
            offset, length, f"row {number} begins with class {parts[0][:20]!r}, or holds a number not finite"
        )
    shares = tuple(values[1:])
    if len(shares) != 4 and (len(shares) < 6 or len(shares) % 2):
        return RowError(offset, length, f"row {number} has {len(values)} numbers: 5 make a box, 7, 9, ... a polygon")
    return Row(number, offset, length, int(values[0]), shares)


def _parse_yaml_names(data: bytes) -> dict[int, str]:
    document: Any = parse_yaml(data)
    names = document.get("names") if isinstance(document, dict) else None
    pairs = names.items() if isinstance(names, dict) else enumerate(names) if isinstance(names, list) else ()
    result = {}
    for key, name in pairs:
        if type(key) is not int or not isinstance(name, str | int):
            raise ValueError(
                f"`names` gives {str(key)[:40]!r} the name {str(name)[:40]!r}: a number and a word are expected"
            )
        result[key] = str(name)
    if not result:
        raise ValueError("`names` is empty")
    return result
