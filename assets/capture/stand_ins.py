"""Pictures of a label file that are stored frames already, by name or by bytes: they become no frames again.

A picture that is not there is lent: where the name that a label file gives to it holds the id of a stored frame, or its
sensor and time, readers find a picture without pixels, of its size and in stored orientation, and what they read is
said of the frame.
A picture that is there stands for a stored frame when its bytes are the frame's, or those that the export of frames
writes of it. Without an id in its name it stands for frames of recordings alone: others have files to be labelled by.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from io import BytesIO
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from assets.formats import Opener
from assets.formats.layout import (
    IMAGE_SUFFIXES,
    folder_of,
    is_hidden,
    join,
    name_of,
    stem_of,
    suffix_of,
)
from assets.formats.leftovers import LABEL_READERS
from assets.formats.observations import CapturePlan, Problem
from assets.formats.protocol import Leftover, UnreadableBytes, read_bytes
from assets.formats.strict_json import MAX_JSON_BYTES
from assets.frame_names import fold_name, list_frame_ids, split_stamp
from assets.frame_pictures import write_picture
from assets.storage import SessionFile
from assets.tables.catalog import Catalog, is_in, repr_sql, session_is
from assets.tables.fencing import FencedWriter
from assets.tables.schemas import TABLES
from assets.video_frames import unpack

_DOCUMENTS = frozenset({".json", ".xml"})
_SHEETS = frozenset({".txt", ".xml"})  # named like their picture
_LABEL_FOLDERS = frozenset({"annotations", "annotation", "labels", "xml"})
_MAX_NAME = 1000
_TEXT = re.compile(rb'[^"<>\n]+')
_KEYS_AT_ONCE = 10_000
_BATCH_FRAMES = 32
_ABSENT = "there is no image"
_UNKNOWN_REMEDY = (
    "take in the recording that the frame is of, then ingest this session again"
)
_LENT = "lent"  # the version of a picture that is not there
_COLUMNS = ("frame_id", "session", "sensor", "kind", "t_ns", "width_px", "height_px")


@dataclass(frozen=True)
class Lent:
    """Pictures that are not there, by their path, and the stored frames that they are."""

    files: tuple[SessionFile, ...] = ()
    frame_ids: Mapping[str, str] = field(default_factory=dict)
    payloads: Mapping[str, bytes] = field(default_factory=dict)

    def open_beside(self, opener: Opener) -> Opener:
        """Opens these, and other files as before."""

        def open_file(file: SessionFile) -> BinaryIO:
            if file.version == _LENT and file.path in self.payloads:
                return BytesIO(self.payloads[file.path])
            return opener(file)

        return open_file

    def leave_out(self, plan: CapturePlan) -> CapturePlan:
        """The plan with the files that are there alone."""
        there = tuple(f for f in plan.files if f.path not in self.frame_ids)
        return replace(plan, files=there)


def lend_pictures(
    catalog: Catalog, files: Sequence[SessionFile], opener: Opener
) -> Lent:
    """The stored frames that the label files among `files` name, where no picture of the name is among them."""
    if not catalog.exists("frames"):
        return Lent()
    there = {stem_of(f.path) for f in files if suffix_of(f.path) in IMAGE_SUFFIXES}
    names = {
        path: name
        for path, name in _list_named(files, opener, there)
        if stem_of(path) not in there
    }
    if not names:
        return Lent()
    frames = _find_frames(catalog, names.values())
    taken = {f.path for f in files}
    found = {
        path: frames[name]
        for path, name in sorted(names.items())
        if name in frames and path not in taken
    }
    payloads = {
        path: _write_header(frame["width_px"], frame["height_px"])
        for path, frame in found.items()
    }
    listed = tuple(
        SessionFile(path, f"stored frame {found[path]['frame_id']}", len(data), _LENT)
        for path, data in payloads.items()
    )
    return Lent(listed, {p: f["frame_id"] for p, f in found.items()}, payloads)


def explain_absent(problem: Problem) -> Problem:
    """A problem with a picture that is not there, in the words of who looked for a stored frame too."""
    ids = list_frame_ids(problem.reason)
    if not ids or not problem.reason.removeprefix("task ").split(": ")[-1].startswith(
        _ABSENT
    ):
        return problem
    reason = f"{problem.reason}, and no stored frame has the id {ids[0]}"
    return replace(problem, reason=reason, remedy=_UNKNOWN_REMEDY)


def explain_unclaimed(left: Leftover) -> Leftover:
    """A label file that nobody reads, as the frame that its name means is not stored."""
    ids = list_frame_ids(name_of(left.file.path))
    if not ids or left.is_document or suffix_of(left.file.path) not in _SHEETS:
        return left
    reason = f"is named like the stored frame {ids[0]}, and there is none of this id"
    return replace(left, reason=reason, remedy=_UNKNOWN_REMEDY)


def is_adrift(
    catalog: Catalog, session: str, capture_id: str, lent: Iterable[str]
) -> bool:
    """Whether what the tables have of a label file's capture is of frames that are gone, or lacks some of `lent` that
    are there by now: it is to be read again."""
    mine = f"{session_is(session)} AND capture_id = {repr_sql(capture_id)}"
    said = {
        frame_id
        for name in ("labels", "annotated_frames")
        for frame_id in catalog.read_latest(name, ["frame_id"], mine)[
            "frame_id"
        ].to_pylist()
    }
    return bool(set(lent) - said or _list_gone(catalog, session, said))


def drop_adrift(
    writer: FencedWriter, catalog: Catalog, session: str, paths: Container[str]
) -> None:
    """Delete what files that nobody reads by now said of frames that are gone."""
    for name in ("labels", "annotated_frames"):
        key = TABLES[name].key
        columns = [key, "frame_id", "capture_id", "source_path"]
        rows = [
            row
            for row in catalog.read_latest(
                name, columns, session_is(session)
            ).to_pylist()
            if row["source_path"] in paths
        ]
        gone = _list_gone(catalog, session, {row["frame_id"] for row in rows})
        if gone:
            adrift = [row[key] for row in rows if row["frame_id"] in gone]
            writer.delete(name, is_in(key, adrift))


def _list_gone(catalog: Catalog, session: str, frame_ids: set[str]) -> set[str]:
    """Which of these frames are not stored. Most are the session's own, and found by one look."""
    if not frame_ids:
        return set()
    mine = catalog.read_latest("frames", ["frame_id"], session_is(session))
    foreign = frame_ids.difference(mine["frame_id"].to_pylist())
    found = {r["frame_id"] for r in _read(catalog, "frame_id", foreign, ("frame_id",))}
    return foreign - found


@dataclass
class StandIns:
    """For the pictures of one plan: the stored frames that they are."""

    catalog: Catalog
    plan: CapturePlan
    lent: Mapping[str, str]  # path of a picture that is not there -> id of its frame

    def find(self, path: str, sha256: str) -> str | None:
        """The id of the stored frame that a picture with these bytes is; None for a picture of its own."""
        if path in self.lent:
            return self.lent[path]
        if not self.is_asked:
            return None
        for frame_id in list_frame_ids(name_of(path)):
            if self._named.get(frame_id, "") == sha256:
                return frame_id
        for frame_id in list_frame_ids(name_of(path)):
            if frame_id in self._named and self._exported.get(frame_id) == sha256:
                return frame_id
        return self._recorded.get(sha256)

    @property
    def is_asked(self) -> bool:
        """Whether the plan has label files, whose pictures may be stored frames."""
        return not self.plan.is_container and self.plan.reader in LABEL_READERS

    @cached_property
    def _named(self) -> dict[str, str]:
        """Frame id -> sha256, of the stored frames whose id is in a name of the plan's pictures."""
        ids = {i for f in self.plan.files for i in list_frame_ids(name_of(f.path))}
        rows = _read(self.catalog, "frame_id", ids, ("frame_id", "sha256"))
        return {row["frame_id"]: row["sha256"] for row in rows}

    @cached_property
    def _exported(self) -> dict[str, str]:
        """Frame id -> sha256 of the picture that the export of frames writes of it."""
        found = {}
        ids = sorted(self._named)
        columns = ("frame_id", "encoding", "payload")
        for start in range(0, len(ids), _BATCH_FRAMES):
            batch = ids[start : start + _BATCH_FRAMES]
            rows = list(_read(self.catalog, "frame_id", batch, columns))
            images = unpack(self.catalog, [row["payload"] for row in rows])
            for row, image in zip(rows, images, strict=True):
                with suppress(ValueError):  # depth, or a frame that `verify` names
                    payload, _ = write_picture(row, image, keeps_orientation=False)
                    found[row["frame_id"]] = hashlib.sha256(payload).hexdigest()
        return found

    @cached_property
    def _recorded(self) -> dict[str, str]:
        """sha256 -> frame id of the colour frames of containers; of equal ones the first by id."""
        captures = self.catalog.read_latest(
            "captures", ["capture_id"], "sha256 IS NOT NULL"
        )["capture_id"].to_pylist()
        rows = self.catalog.read_latest(
            "frames",
            ["frame_id", "sha256", "capture_id"],
            "kind = 'color' AND encoding != 'video'",
        )
        rows = rows.filter(
            pc.is_in(rows["capture_id"], pa.array(captures, pa.string()))
        )
        rows = rows.sort_by([("frame_id", "descending")])  # the first is written last
        return dict(
            zip(rows["sha256"].to_pylist(), rows["frame_id"].to_pylist(), strict=True)
        )


def _list_named(
    files: Sequence[SessionFile], opener: Opener, there: Container[str]
) -> Iterator[tuple[str, str]]:
    """(path at which a picture would lie, its name as given) for all pictures that label files speak of.

    A file that is named like a picture that is `there` speaks of that one.
    """
    for file in files:
        suffix = suffix_of(file.path)
        folder = _find_picture_folder(folder_of(file.path))
        stem = stem_of(file.path)
        if is_hidden(file.path) or file.fault is not None or stem in there:
            continue
        if suffix in _SHEETS and _may_name(f"{stem}.jpg"):
            yield join(folder, f"{stem}.jpg"), f"{stem}.jpg"
        elif suffix in _DOCUMENTS:
            for name in _list_names(file, opener):
                yield join(folder, _shorten(name)), name


def _list_names(file: SessionFile, opener: Opener) -> Iterator[str]:
    """What looks like the path of a picture, in the texts of a JSON or XML document."""
    try:
        data = read_bytes(file, opener, MAX_JSON_BYTES)
    except UnreadableBytes:
        return  # its reader says so
    endings = tuple(suffix.encode() for suffix in IMAGE_SUFFIXES)
    for match in _TEXT.finditer(data):
        raw = match[0].strip()
        if len(raw) > _MAX_NAME or not raw.lower().endswith(endings):
            continue
        name = raw.decode("utf-8", errors="replace").replace("\\", "/")
        if _may_name(name):
            yield name


def _shorten(name: str) -> str:
    """The end of a path that tells its frame: an id does, a stamp does with the folder that names the sensor."""
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    return parts[-1] if list_frame_ids(parts[-1]) else "/".join(parts[-2:])


def _may_name(name: str) -> bool:
    return bool(list_frame_ids(name_of(name))) or split_stamp(name) is not None


def _find_picture_folder(folder: str) -> str:
    """Where the pictures of a label file would lie: `images/train` for `labels/train`."""
    parts = folder.split("/")
    return "/".join("images" if p.lower() in _LABEL_FOLDERS else p for p in parts)


def _find_frames(catalog: Catalog, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Name of a picture -> the one colour frame that it means: by an id in it, or else by sensor and time."""
    names = set(names)
    ids = {i for name in names for i in list_frame_ids(name_of(name))}
    by_id = {r["frame_id"]: r for r in _read(catalog, "frame_id", ids, _COLUMNS)}
    split = {name: split_stamp(name) for name in names}
    stamps = {name: stamp for name, stamp in split.items() if stamp is not None}
    by_time = defaultdict(list)
    for row in _read(catalog, "t_ns", {t for _, t in stamps.values()}, _COLUMNS):
        if row["kind"] == "color":
            by_time[row["t_ns"]].append(row)
    found = {}
    for name in names:
        named = [by_id[i] for i in list_frame_ids(name_of(name)) if i in by_id]
        if not named and name in stamps:
            before, t_ns = stamps[name]
            named = _narrow(by_time[t_ns], before)
        if named and named[0]["kind"] == "color":
            found[name] = named[0]
    return found


def _narrow(frames: Sequence[dict[str, Any]], before: str) -> list[dict[str, Any]]:
    """The one of frames at one time whose sensor, and session where that is needed to tell, stand before the stamp."""
    mine = [f for f in frames if _ends_with(before, fold_name(f["sensor"]))]
    of_session = [
        f
        for f in mine
        if _ends_with(before, f"{fold_name(f['session'])}_{fold_name(f['sensor'])}")
    ]
    found = of_session or mine
    return found if len(found) == 1 else []


def _ends_with(text: str, part: str) -> bool:
    return text == part or text.endswith(f"_{part}")


def _read(
    catalog: Catalog, key: str, values: Iterable[Any], columns: Sequence[str]
) -> Iterator[Any]:
    ordered = sorted(values)
    for start in range(0, len(ordered), _KEYS_AT_ONCE):
        part = ordered[start : start + _KEYS_AT_ONCE]
        where = (
            is_in(key, part)
            if isinstance(part[0], str)
            else f"{key} IN ({', '.join(map(str, part))})"
        )
        yield from catalog.read_latest("frames", list(columns), where).to_pylist()


def _write_header(width_px: int, height_px: int) -> bytes:
    """A PNG (ISO 15948) without pixels: readers of labels look at its size alone."""
    size = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + _write_chunk(b"IHDR", size) + _write_chunk(b"IEND", b"")
    )


def _write_chunk(name: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)
