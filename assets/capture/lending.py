"""Pictures that label files name and that are not there: those of stored frames are lent to their readers.

Where the name that a label file gives to a picture holds the id of a stored frame, or its sensor and time, readers find
a picture without pixels, of its size and in stored orientation, and what they read is said of the frame.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any, BinaryIO

from assets.capture.outcomes import Known
from assets.formats import READERS, Opener, Reader, plan_session
from assets.formats.layout import (
    IMAGE_SUFFIXES,
    folder_of,
    is_hidden,
    join,
    name_of,
    stem_of,
    suffix_of,
)
from assets.formats.leftovers import FRAME_LABELLERS, LABEL_READERS
from assets.formats.observations import Problem
from assets.formats.protocol import CapturePlan, Leftover, UnreadableBytes, read_bytes
from assets.formats.strict_json import MAX_JSON_BYTES
from assets.frame_names import fold_name, list_frame_ids, split_stamp
from assets.sandbox.video_choice import ALL_FRAMES, VideoChoice
from assets.storage import SessionFile
from assets.tables.catalog import Catalog, is_in, session_is

SHEETS = frozenset({".txt", ".xml"})  # named like their picture
_DOCUMENTS = frozenset({".json", ".xml"})
_LABEL_FOLDERS = frozenset({"annotations", "annotation", "labels", "masks", "xml"})
_MAX_NAME = 1000
_TEXT = re.compile(rb'[^"<>\n]+')
_KEYS_AT_ONCE = 10_000
ABSENT = "there is no image"  # in the reason of a label whose picture is not here
UNCLAIMED = "is named like the stored frame"
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
    there = _list_stems(files)
    names = {
        path: name
        for path, name in _list_named(files, opener, there)
        if stem_of(path) not in there
    }
    return _lend(catalog, names, {f.path for f in files})


def recall_pictures(
    catalog: Catalog, session: str, files: Sequence[SessionFile], known: Known
) -> Lent | None:
    """As `lend_pictures` for a session whose files are those of its last intake, by what the tables have of it.

    No document is opened for it. None where one is to be asked again: it waits for a frame, a frame that it is of is
    gone, or nothing is known of it.
    """
    if not catalog.exists("frames"):
        return Lent()
    there = _list_stems(files)
    sheets = [f for f in files if _is_sheet(f) or _is_of_supervisely(f)]
    documents = [
        f
        for f in files
        if suffix_of(f.path) in _DOCUMENTS
        and f not in sheets
        and not (is_hidden(f.path) or f.fault or stem_of(f.path) in there)
    ]
    said = _read_said(catalog, session) if documents else {}
    waiting = _list_waiting(catalog, session) if documents else set()
    names = dict(_list_named(sheets, _open_nothing, there))
    foreign = set[str]()
    for file in documents:
        outcome = known.get((file.path, file.version))
        if outcome is None or file.path in waiting or outcome.outcome == "quarantined":
            return None
        if outcome.reader not in LABEL_READERS:
            continue
        if file.path not in said:
            return None
        folder = _find_picture_folder(folder_of(file.path))
        for frame_id in said[file.path]:
            foreign.add(frame_id)
            names[join(folder, f"{frame_id}.png")] = f"{frame_id}.png"
    lent = _lend(catalog, names, {f.path for f in files})
    return lent if foreign <= set(lent.frame_ids.values()) else None


def plan_lending(
    files: Sequence[SessionFile],
    opener: Opener,
    lent: Lent,
    readers: Sequence[Reader] = READERS,
    video: VideoChoice = ALL_FRAMES,
) -> tuple[list[CapturePlan], list[Leftover]]:
    """The plans of files that are there, with the pictures that are lent to them, and what nobody reads."""
    plans, leftovers = plan_session(
        [*files, *lent.files], lent.open_beside(opener), readers, video
    )
    return [plan for plan in plans if lent.leave_out(plan).files], [
        explain_unclaimed(left)
        for left in leftovers
        if left.file.path not in lent.frame_ids
    ]


def tell_stored_frames(catalog: Catalog, plan: CapturePlan, lent: Lent) -> str:
    """How many stored frames the labels of a plan will be of, where any; of pictures that are there, by their names."""
    if plan.reader not in FRAME_LABELLERS or plan.is_container:
        return ""
    named = {lent.frame_ids[f.path] for f in plan.files if f.path in lent.frame_ids}
    there = lent.leave_out(plan).files
    pictures = [f for f in there if suffix_of(f.path) in IMAGE_SUFFIXES]
    ids = {i for f in pictures for i in list_frame_ids(name_of(f.path))}
    found = len(list(read_frames(catalog, "frame_id", ids, ("frame_id",))))
    parts = [f"{len(named)}, by what label files call their pictures"] * bool(named)
    parts += [
        f"{found}, by the names of pictures here, if they are as they were exported"
    ] * bool(found)
    return "; ".join(parts)


def _list_waiting(catalog: Catalog, session: str) -> set[str]:
    """The files of a session that name a picture which was not there."""
    columns = ["source_path", "reason"]
    rows = catalog.read_latest("quarantine", columns, session_is(session)).to_pylist()
    return {row["source_path"] for row in rows if ABSENT in row["reason"]}


def _read_said(catalog: Catalog, session: str) -> dict[str, set[str]]:
    """Path of a file of a session -> ids of the frames of other sessions of which it speaks; none of its own alone."""
    mine = catalog.read_latest("frames", ["frame_id"], session_is(session))
    own = set(mine["frame_id"].to_pylist())
    said = defaultdict[str, set[str]](set)
    for name in ("labels", "annotated_frames"):
        columns = ["frame_id", "source_path"]
        rows = catalog.read_latest(name, columns, session_is(session))
        for frame_id, path in zip(*(rows[c].to_pylist() for c in columns), strict=True):
            said[path] |= {frame_id} - own
    return said


def _lend(catalog: Catalog, names: Mapping[str, str], taken: Container[str]) -> Lent:
    """The stored frames that pictures mean, by the path and the name of each, where nothing else has the path."""
    if not names:
        return Lent()
    frames = find_frames(catalog, names.values())
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
        ABSENT
    ):
        return problem
    reason = f"{problem.reason}, and no stored frame has the id {ids[0]}"
    return replace(problem, reason=reason, remedy=_UNKNOWN_REMEDY)


def explain_unclaimed(left: Leftover) -> Leftover:
    """A label file that nobody reads, as the frame that its name means is not stored."""
    ids = list_frame_ids(name_of(left.file.path))
    if not ids or left.is_document or suffix_of(left.file.path) not in SHEETS:
        return left
    reason = f"{UNCLAIMED} {ids[0]}, and there is none of this id"
    return replace(left, reason=reason, remedy=_UNKNOWN_REMEDY)


def _list_named(
    files: Sequence[SessionFile], opener: Opener, there: Container[str]
) -> Iterator[tuple[str, str]]:
    """(path at which a picture would lie, its name as given) for all pictures that label files speak of.

    A file that is named like a picture that is `there` speaks of that one.
    """
    for file in files:
        folder = _find_picture_folder(folder_of(file.path))
        stem = stem_of(file.path)
        if is_hidden(file.path) or file.fault is not None:
            continue
        if stem in there or (_is_of_supervisely(file) and stem_of(stem) in there):
            continue
        if _is_sheet(file):
            yield join(folder, f"{stem}.jpg"), f"{stem}.jpg"
        elif _is_of_supervisely(file):
            yield join(join(folder_of(folder_of(file.path)), "img"), stem), stem
        elif suffix_of(file.path) in _DOCUMENTS:
            for name in _list_names(file, opener):
                yield join(folder, _shorten(name)), name


def _is_sheet(file: SessionFile) -> bool:
    """Whether a label file has the name of a frame's picture."""
    is_label = suffix_of(file.path) in SHEETS or _is_label_image(file)
    return is_label and _may_name(f"{stem_of(file.path)}.jpg")


def _is_of_supervisely(file: SessionFile) -> bool:
    """Whether it is `ann/PICTURE.jpg.json` with the name of a frame's picture."""
    picture = stem_of(file.path)
    return (
        suffix_of(file.path) == ".json"
        and name_of(folder_of(file.path)) == "ann"
        and suffix_of(picture) in IMAGE_SUFFIXES
        and _may_name(picture)
    )


def _is_label_image(file: SessionFile) -> bool:
    """Whether it is a PNG in a folder for masks, and of those that hold nothing else."""
    return suffix_of(file.path) == ".png" and name_of(folder_of(file.path)) == "masks"


def _list_stems(files: Iterable[SessionFile]) -> set[str]:
    """The names without ending of the pictures that are there."""
    return {
        stem_of(f.path)
        for f in files
        if suffix_of(f.path) in IMAGE_SUFFIXES and not _is_label_image(f)
    }


def _open_nothing(file: SessionFile) -> BinaryIO:
    raise AssertionError(f"{file.path} is a sheet, whose name says all")


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


def find_frames(catalog: Catalog, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Name of a picture -> the one colour frame that it means: by an id in it, or else by sensor and time."""
    names = set(names)
    ids = {i for name in names for i in list_frame_ids(name_of(name))}
    by_id = {r["frame_id"]: r for r in read_frames(catalog, "frame_id", ids, _COLUMNS)}
    split = {name: split_stamp(name) for name in names}
    stamps = {name: stamp for name, stamp in split.items() if stamp is not None}
    by_time = defaultdict(list)
    for row in read_frames(catalog, "t_ns", {t for _, t in stamps.values()}, _COLUMNS):
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


def read_frames(
    catalog: Catalog, key: str, values: Iterable[Any], columns: Sequence[str]
) -> Iterator[Any]:
    """The newest rows of frames by the values of one column, some thousand at a time."""
    ordered = sorted(values) if catalog.exists("frames") else []
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
