"""Look for byte strings in every file of a folder: plain, unpacked, and as tables and pictures are read.

A canary is what nothing but one subject has: an id, a file name, the pixels of a picture. `python -m
bench.prove.erasure` plants some, erases, and looks.
"""

from __future__ import annotations

import base64
import gzip
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from io import BytesIO
from pathlib import Path

import cv2
import lance
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_BASE64 = re.compile(rb"base64,([A-Za-z0-9+/]{64,}={0,2})")
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_THUMB = (8, 8)
_ALIKE = 12.0  # mean difference of two thumbnails, of 255: the same picture in another encoding
_BEGINS = 4  # bytes by which needles are looked for
_SLOTS = 1 << 24  # of their hashes
_TOGETHER = 1 << 20  # bytes of small contents that are searched at once


def find_canaries(
    folder: Path, needles: Mapping[str, bytes], pictures: Mapping[str, np.ndarray]
) -> list[str]:
    """`<file>: <name>` for each needle and picture (h, w, 3) that is found in a file below the folder."""
    thumbs = {name: _shrink(picture) for name, picture in pictures.items()}
    search = _Search(needles)
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        where = path.relative_to(folder).as_posix()
        in_name = search.find(where.encode())
        found += [f"{where}: {name} in its name" for name in in_name]
        for content in _join(_read(path)):
            found += [f"{where}: {name}" for name in search.find(content)]
            for shown in list_pictures(content) if thumbs else ():
                thumb = _shrink(shown)
                alike = (
                    n for n, t in thumbs.items() if np.abs(thumb - t).mean() < _ALIKE
                )
                found += [f"{where}: picture {name}" for name in alike]
    for table in sorted(folder.rglob("*.lance")):
        if (table / "_versions").is_dir():
            found += _look_into_table(table, folder, search, thumbs)
    return sorted(set(found))


def list_contents(place: Path) -> Iterator[tuple[str, bytes]]:
    """Where, and the bytes: of a file or of each below a folder, plain and unpacked, and of each cell of a table, in
    all its versions."""
    files = [place] if place.is_file() else sorted(place.rglob("*"))
    for path in files:
        if path.is_file():
            for content in _read(path):
                yield str(path), content
    for table in (path for path in files if path.suffix == ".lance"):
        if (table / "_versions").is_dir():
            for _, cells in _list_versions(table):
                for cell in cells:
                    yield str(table), cell


class _Search:
    """Finds thousands of byte strings in one pass: places whose first bytes may begin one are compared in full."""

    def __init__(self, needles: Mapping[str, bytes]) -> None:
        self._by_begin: dict[bytes, list[tuple[str, bytes]]] = {}
        for name, needle in needles.items():
            if len(needle) < _BEGINS:
                raise ValueError(f"{name} has {len(needle)} bytes, of {_BEGINS}")
            begin = needle[:_BEGINS]
            self._by_begin.setdefault(begin, []).append((name, needle))
        self._may_begin = np.zeros(_SLOTS, bool)
        for begin in self._by_begin:
            self._may_begin[_hash_places(begin)] = True

    def find(self, content: bytes) -> set[str]:
        """The names of needles that are in it."""
        found: set[str] = set()
        for first in range(0, len(content), _TOGETHER):
            part = content[first : first + _TOGETHER + _BEGINS - 1]
            for place in np.flatnonzero(self._may_begin[_hash_places(part)]).tolist():
                at = first + place
                begin = content[at : at + _BEGINS]
                for name, needle in self._by_begin.get(begin, ()):
                    if content.startswith(needle, at):
                        found.add(name)
        return found


def _hash_places(content: bytes) -> np.ndarray:
    """The slot of the bytes that begin at each place, (N - 3,)."""
    read = np.frombuffer(content, np.uint8).astype(np.uint32)
    if len(read) < _BEGINS:
        return np.zeros(0, np.uint32)
    words = read[:-3] | read[1:-2] << 8 | read[2:-1] << 16 | read[3:] << 24
    return np.asarray(words * np.uint32(2654435761) >> np.uint32(8))


def _join(contents: Iterable[bytes]) -> Iterator[bytes]:
    """Small ones together, with a zero between."""
    held: list[bytes] = []
    size = 0
    for content in contents:
        held.append(content)
        size += len(content)
        if size >= _TOGETHER:
            yield b"\0".join(held)
            held, size = [], 0
    if held:
        yield b"\0".join(held)


def _read(path: Path) -> Iterator[bytes]:
    """The bytes of a file, and what is packed in them."""
    content = path.read_bytes()
    yield content
    yield from unpack(content)
    if content.startswith(b"SQLite format 3\0"):
        with closing(
            sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        ) as file:
            yield from _list_values(file)


def unpack(content: bytes) -> Iterator[bytes]:
    """What lies in gzip, zlib, zstd, zip and Parquet, and in texts as base64."""
    if content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)
    if content[:4] == b"PK\x03\x04":
        with suppress(zipfile.BadZipFile), zipfile.ZipFile(BytesIO(content)) as packed:
            yield from (packed.read(name) for name in packed.namelist())
    if content[:4] == b"\x28\xb5\x2f\xfd":
        with pa.input_stream(BytesIO(content), compression="zstd") as stream:
            yield stream.read()
    if content[:4] == b"PAR1":
        yield from _list_cells(pq.read_table(BytesIO(content)))
    if content[:1] == b"\x78":
        with suppress(zlib.error):
            yield zlib.decompress(content)
    for packed in _BASE64.findall(content):
        with suppress(ValueError):
            yield base64.b64decode(packed)


def _look_into_table(
    table: Path,
    folder: Path,
    search: _Search,
    thumbs: Mapping[str, np.ndarray],
) -> Iterator[str]:
    """Every version that is there, by Lance."""
    where = table.relative_to(folder).as_posix()
    for number, cells in _list_versions(table):
        for content in _join(cells):
            for name in search.find(content):
                yield f"{where} version {number}: {name}"
            for shown in list_pictures(content) if thumbs else ():
                for name, thumb in thumbs.items():
                    if np.abs(_shrink(shown) - thumb).mean() < _ALIKE:
                        yield f"{where} version {number}: picture {name}"


def _list_versions(table: Path) -> Iterator[tuple[int, Iterator[bytes]]]:
    """The number of each version that is there, and its cells."""
    for version in lance.dataset(str(table)).versions():
        number = int(version["version"])
        yield number, _list_cells(lance.dataset(str(table), version=number).to_table())


def _list_cells(rows: pa.Table) -> Iterator[bytes]:
    vectors = (pa.list_(pa.float32()), pa.list_(pa.float64()))
    for column in rows.columns:
        is_vector = pa.types.is_fixed_size_list(column.type) or column.type in vectors
        for value in () if is_vector else column.to_pylist():
            if isinstance(value, bytes):
                yield value
            elif value is not None and not isinstance(value, (int, float)):
                yield str(value).encode()


def _list_values(file: sqlite3.Connection) -> Iterator[bytes]:
    names = file.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table'"
    ).fetchall()
    for (name,) in names:
        for row in file.execute(f'SELECT * FROM "{name}"'):
            for value in row:
                content = value.encode() if isinstance(value, str) else value
                if isinstance(content, bytes):
                    yield content
                    yield from unpack(content)


def list_pictures(content: bytes, how: int = cv2.IMREAD_COLOR) -> Iterator[np.ndarray]:
    """Pictures that a value or a file is, or that it holds whole: every place where one begins is tried. (h, w, 3) BGR,
    unless `how`, which is OpenCV's, says otherwise."""
    for start in _BEGIN.finditer(content):
        part = np.frombuffer(content, np.uint8, offset=start.start())
        picture = cv2.imdecode(part, how)
        if picture is not None:
            yield picture


_BEGIN = re.compile(b"|".join(re.escape(one) for one in (_PNG, _JPEG)))


def _shrink(picture: np.ndarray) -> np.ndarray:
    """(8, 8, 3) float32."""
    return cv2.resize(picture, _THUMB, interpolation=cv2.INTER_AREA).astype(np.float32)


def name_needles(ids: Iterable[str]) -> dict[str, bytes]:
    """Needles that are texts, under a short name each."""
    return {one[:24]: one.encode() for one in ids}
