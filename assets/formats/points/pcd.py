"""Read PCD files of the Point Cloud Library: ascii, binary and binary_compressed (LZF)."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from assets.formats.points.clouds import (
    MAX_POINTS,
    PointCloud,
    PointField,
    layout_of,
    view_points,
)

MAX_EXPANDED_BYTES = 512 << 20
_MAX_TEXT_BYTES = 64 << 20
_MAX_HEADER_BYTES = 16 << 10
_DATA = re.compile(rb"^DATA[ \t]+(\w+)[ \t]*\r?\n", re.MULTILINE)
_TYPES = {
    ("F", 4): "<f4",
    ("F", 8): "<f8",
    **{("I", size): f"<i{size}" for size in (1, 2, 4, 8)},
    **{("U", size): f"<u{size}" for size in (1, 2, 4, 8)},
}


def is_pcd(head: bytes) -> bool:
    """Whether a file begins as a PCD does: its version, behind comments."""
    lines = (line for line in head.split(b"\n") if line and not line.startswith(b"#"))
    return next(lines, b"").startswith((b"VERSION", b"FIELDS"))


def parse_pcd(data: bytes) -> PointCloud:
    """The points of a file. Raises ValueError, with the reason, for one that is damaged, cut or too large."""
    found = _DATA.search(data[:_MAX_HEADER_BYTES])
    if found is None:
        raise ValueError("a PCD without a line `DATA`")
    said = _parse_header(data[: found.start()])
    fields = _list_fields(said)
    width = _number(said, "WIDTH")
    height = _number(said, "HEIGHT") if "HEIGHT" in said else 1
    num_points = _number(said, "POINTS") if "POINTS" in said else width * height
    if num_points != width * height:
        raise ValueError(
            f"POINTS {num_points}, and {width} x {height} of WIDTH and HEIGHT"
        )
    if num_points > MAX_POINTS:
        raise ValueError(f"{num_points} points, more than the {MAX_POINTS} read")
    body = memoryview(data)[found.end() :]
    size = (width, height)
    point_bytes = sum(np.dtype(f.dtype).itemsize * f.count for f in fields)
    # padding has no name, and may be there several times
    layout = layout_of([f for f in fields if f.name != "_"], point_bytes)
    kind = found[1].decode().lower()
    if kind == "binary":
        points = view_points(body, layout, size, width * point_bytes)
    elif kind == "binary_compressed":
        points = _join_columns(_expand(body, num_points * point_bytes), fields, layout)
    elif kind == "ascii":
        points = _parse_text(body, fields, layout, num_points)
    else:
        raise ValueError(f"DATA {kind!r}: ascii, binary and binary_compressed are read")
    return PointCloud(points, size)


def _parse_header(text: bytes) -> dict[str, list[str]]:
    said = {}
    for line in text.decode("ascii", "replace").splitlines():
        words = line.split()
        if words and not words[0].startswith("#"):
            said[words[0].upper()] = words[1:]
    return said


def _number(said: dict[str, list[str]], key: str) -> int:
    words = said.get(key, [])
    if len(words) != 1 or not re.fullmatch(r"\d{1,12}", words[0]):
        raise ValueError(f"a PCD whose {key} is {' '.join(words)[:40]!r}")
    return int(words[0])


def _list_fields(said: dict[str, list[str]]) -> list[PointField]:
    names = said.get("FIELDS", said.get("COLUMNS", []))
    sizes = said.get("SIZE", ["4"] * len(names))
    kinds = said.get("TYPE", ["F"] * len(names))
    counts = said.get("COUNT", ["1"] * len(names))
    if not names or not len(names) == len(sizes) == len(kinds) == len(counts):
        raise ValueError(
            "a PCD whose FIELDS, SIZE, TYPE and COUNT are not alike in number"
        )
    fields = []
    offset = 0
    for name, size, kind, count in zip(names, sizes, kinds, counts, strict=True):
        dtype = _TYPES.get((kind, int(size) if size.isdigit() else 0))
        if dtype is None or not re.fullmatch(r"\d{1,4}", count):
            raise ValueError(f"the field {name!r} of type {kind} {size}, count {count}")
        fields.append(PointField(name, dtype, offset, int(count)))
        offset += np.dtype(dtype).itemsize * int(count)
    return fields


def _join_columns(
    data: bytes, fields: list[PointField], layout: np.dtype[np.void]
) -> NDArray[np.void]:
    """Points of data in which a field's values of all points lie together."""
    num_points = len(data) // layout.itemsize
    points = np.zeros(num_points, layout)
    at = 0
    for field in fields:
        column = np.frombuffer(data, field.dtype, num_points * field.count, at)
        at += column.nbytes
        if field.name != "_":
            shape = (num_points, field.count) if field.count > 1 else (num_points,)
            points[field.name] = column.reshape(shape)
    return points


def _parse_text(
    body: memoryview,
    fields: list[PointField],
    layout: np.dtype[np.void],
    num_points: int,
) -> NDArray[np.void]:
    """Points of rows of numbers."""
    if len(body) > _MAX_TEXT_BYTES:
        raise ValueError(
            f"{len(body)} bytes of text, more than the {_MAX_TEXT_BYTES} read: write it as binary"
        )
    words = bytes(body).split()
    num_columns = sum(field.count for field in fields)
    if len(words) != num_points * num_columns:
        raise ValueError(
            f"{len(words)} numbers where {num_points} points of {num_columns} belong"
        )
    table = np.array(words, "S").reshape(num_points, num_columns)
    points = np.zeros(num_points, layout)
    at = 0
    for field in fields:
        column = table[:, at : at + field.count]
        at += field.count
        if field.name == "_":
            continue
        try:
            # an integer is read as one: of 64 bits a float would lose digits
            values = column.astype(field.dtype)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"the field {field.name!r}: {error}") from error
        points[field.name] = values if field.count > 1 else values[:, 0]
    return points


def _expand(body: memoryview, expected: int) -> bytes:
    """The data of binary_compressed: two sizes, and what LZF has made of it. Raises ValueError."""
    if len(body) < 8:
        raise ValueError("the compressed data are cut")
    num_stored = int.from_bytes(body[:4], "little")
    num_bytes = int.from_bytes(body[4:8], "little")
    if num_bytes != expected or num_bytes > MAX_EXPANDED_BYTES:
        raise ValueError(
            f"compressed data of {num_bytes} bytes where {expected} belong"
        )
    if num_stored > len(body) - 8:
        raise ValueError("the compressed data are cut")
    return expand_lzf(bytes(body[8 : 8 + num_stored]), num_bytes)


def expand_lzf(stored: bytes, num_bytes: int) -> bytes:
    """LZF: runs of bytes as they are, and copies of what came before. Raises ValueError for other than `num_bytes`."""
    out = bytearray()
    at = 0
    end = len(stored)
    while at < end:
        control = stored[at]
        at += 1
        if control < 32:
            out += stored[at : at + control + 1]
            at += control + 1
        else:
            length = control >> 5
            if length == 7 and at < end:
                length += stored[at]
                at += 1
            if at >= end:
                break
            start = len(out) - ((control & 31) << 8) - stored[at] - 1
            at += 1
            if start < 0:
                raise ValueError("the compressed data are damaged")
            _copy(out, start, length + 2)
        if len(out) > num_bytes:
            break
    if len(out) != num_bytes:
        raise ValueError(
            f"the compressed data have not the {num_bytes} bytes that they state"
        )
    return bytes(out)


def _copy(out: bytearray, start: int, length: int) -> None:
    """Append what stands from `start` on; where that is less than the length, it repeats."""
    piece = bytes(out[start : start + length])
    repeats = -(-length // len(piece))
    out += (piece * repeats)[:length]
