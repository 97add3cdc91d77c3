"""Choose stored frames, and write them as pictures for a labelling tool, with what is said of them where wanted.

A picture's name holds the id of its frame (`assets.frame_names`): labels that come back find the frame by it. Pictures
and labels are in stored orientation. Beside them, `README-frames.csv` says which file is which frame.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

import pyarrow.compute as pc

from assets.current_labels import read_said
from assets.frame_names import MANIFEST, name_picture
from assets.frame_pictures import write_picture
from assets.images import Payload
from assets.retrieval.label_files import FORMATS, Form, require_form
from assets.retrieval.labelled import Album, Labelled, Picture
from assets.tables.catalog import Catalog, is_in, repr_sql
from assets.tables.rows import FrameRow, LabelRow
from assets.tables.sql import find_frames
from assets.video_frames import unpack
from assets.whole_output import writing_folder

_FACTS = ("frame_id", "session", "sensor", "t_ns", "sha256")
FRAME_COLUMNS = (*_FACTS, "capture_id", "sequence", "width_px", "height_px", "encoding")
_LABEL_TASKS = ("detection", "recognition", "segmentation")
_BATCH_FRAMES = 32
Row = TypeVar("Row")
_TELLING = 16  # pictures by which the size of all is told
# pictures written, of how many, and their bytes
OnPicture = Callable[[int, int, int], None]


@dataclass(frozen=True)
class Sampling:
    """Which frames. Of no sessions, all; `every` counts along a sensor; `limit` is spread evenly over the rest."""

    sessions: tuple[str, ...] = ()
    where: str | None = None  # one DuckDB expression over the columns of `frames`
    sensor: str | None = None
    every: int = 1
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every is {self.every}: it counts frames, give 1 or more")
        if self.limit is not None and self.limit < 1:
            raise ValueError(f"limit is {self.limit}: it counts frames, give 1 or more")


@dataclass(frozen=True)
class Sampled:
    """Rows of `frames` without their payload, in order of session, sensor and time; and how many depth images were left
    out: no labelling tool shows them."""

    frames: list[FrameRow]
    num_depth: int = 0


def sample_frames(catalog: Catalog, sampling: Sampling) -> Sampled:
    """The newest rows, held or not. Raises ValueError for a session that has no frames, a condition that is none, and
    where nothing is left."""
    filters = ["true"]
    if sampling.sessions:
        filters.append(is_in("session", _match_sessions(catalog, sampling.sessions)))
    if sampling.sensor:
        filters.append(f"sensor = {repr_sql(sampling.sensor)}")
    columns = (*FRAME_COLUMNS, "kind")
    rows = catalog.read_latest("frames", columns, " AND ".join(filters)).to_pylist()
    if sampling.where:
        met = find_frames(catalog, sampling.where)
        rows = [row for row in rows if row["frame_id"] in met]
    colour = [row for row in rows if row["kind"] == "color"]
    colour.sort(key=lambda r: (*_stream_of(r), r["t_ns"] or 0, r["sequence"]))
    frames = list(_spread([*_take_every(colour, sampling.every)], sampling.limit))
    if not frames:
        raise ValueError(
            f'no colour frame is left of {len(rows)}: `daguerre query "select session, sensor, count(*) '
            'from frames group by all"` lists what there is'
        )
    return Sampled(cast(list[FrameRow], frames), len(rows) - len(colour))


def read_labels(catalog: Catalog, frames: Sequence[FrameRow]) -> Labelled:
    """What is said of these frames now: objects with a box, classes of whole frames, and of their pixels."""
    found: dict[str, list[LabelRow]] = defaultdict(list)
    for (frame_id, task), said in read_said(catalog, frames).items():
        found[frame_id] += [
            label
            for label in said.labels
            if task != "detection" or label["x_min"] is not None
        ]
    return Labelled(found)


def list_classes(
    catalog: Catalog, form: str, frames: Sequence[FrameRow], named: Sequence[str] = ()
) -> list[str]:
    """The names of the classes that a form lists: those of any label of the sessions of these frames, and `named`.

    Raises ValueError for names where the form lists none.
    """
    require_form(form)
    tasks = FORMATS[form].tasks
    if named and not tasks:
        raise ValueError(f"format '{form}' lists no classes: leave them out")
    sessions = sorted({frame["session"] for frame in frames})
    of_sessions = is_in("session", sessions)
    ids = catalog.read_latest("frames", ["frame_id"], of_sessions)["frame_id"]
    # a label may stand in a session of its own
    labels = catalog.read_latest(
        "labels", ["frame_id", "class_name"], is_in("task", tasks)
    )
    is_theirs = pc.is_in(labels["frame_id"], ids.combine_chunks())
    found = labels.filter(is_theirs)["class_name"].unique().to_pylist()
    where = f"{of_sessions} AND {is_in('task', tasks)}"
    said = catalog.read_latest("label_versions", ["class_names"], where).to_pylist()
    answered = {name for version in said for name in version["class_names"]}
    return sorted({*found, *answered, *named})


@dataclass(frozen=True)
class Order:
    """What is written: the form of the label files, and which labels they begin with."""

    form: str  # of `FORMATS`
    classes: Sequence[str] = ()
    labels: Labelled | None = None  # None: the pictures are to be labelled from nothing

    def __post_init__(self) -> None:
        require_form(self.form)


@dataclass
class Written:
    """What was written."""

    num_bytes: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    # labels and parts of labels that the form cannot hold
    left_out: Counter[str] = field(default_factory=Counter)


def export_frames(
    catalog: Catalog,
    frames: Sequence[FrameRow],
    out: Path,
    order: Order,
    on_picture: OnPicture | None = None,
) -> Written:
    """Write pictures, their list and the files of the labelling tool into folder `out`, all of it or nothing.

    Raises ValueError for a frame that does not decode, and as `writing_folder` does.
    """
    with writing_folder(out) as partial:
        return _write(catalog, frames, partial, order, on_picture)


def _write(
    catalog: Catalog,
    frames: Sequence[FrameRow],
    folder: Path,
    order: Order,
    on_picture: OnPicture | None,
) -> Written:
    pictures, num_bytes = write_pictures(catalog, frames, folder, on_picture)
    written = Written(num_bytes, Counter(images=len(pictures)))
    form = FORMATS[order.form]
    album = Album(pictures, order.classes, order.labels)
    label_files = write_label_files(folder, form, album)
    write_manifest(folder / MANIFEST, pictures, label_files)
    if order.labels is not None:
        written.counts["labels"] = order.labels.count(form.tasks)
        for task in sorted(set(_LABEL_TASKS) - set(form.tasks)):
            written.left_out[f"labels of {task}"] = order.labels.count([task])
        written.left_out += order.labels.left_out
    return written


def write_pictures(
    catalog: Catalog,
    frames: Sequence[FrameRow],
    folder: Path,
    on_picture: OnPicture | None = None,
) -> tuple[list[Picture], int]:
    """Frames as files below `images` of a folder, and how many bytes these are. Raises ValueError for a frame that does
    not decode, and one that is gone meanwhile."""
    pictures = []
    num_bytes = 0
    (folder / "images").mkdir()
    for frame, _, image in read_images(catalog, frames):
        payload, suffix = write_picture(frame, image, keeps_orientation=False)
        name = f"images/{name_picture(frame, suffix)}"
        (folder / name).write_bytes(payload)
        pictures.append(Picture(name, frame, hashlib.sha256(payload).hexdigest()))
        num_bytes += len(payload)
        if on_picture:
            on_picture(len(pictures), len(frames), num_bytes)
    return pictures, num_bytes


def estimate_bytes(
    catalog: Catalog, frames: Sequence[FrameRow], version: int | None = None
) -> int:
    """About how many bytes frames are as pictures that are written: by some of them, spread evenly. Raises as
    `read_images`."""
    some = _spread(frames, _TELLING)
    stored = read_images(catalog, some, version)
    sizes = [
        len(write_picture(frame, image, keeps_orientation=False)[0])
        for frame, _, image in stored
    ]
    return sum(sizes) * len(frames) // max(1, len(some))


def write_label_files(folder: Path, form: Form, album: Album) -> list[tuple[str, str]]:
    """Write a form's files; their names, and the sha256 of their bytes."""
    written = []
    for name, content in form.write(album):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        written.append((name, hashlib.sha256(content).hexdigest()))
    return written


def write_manifest(
    path: Path, pictures: Sequence[Picture], label_files: Sequence[tuple[str, str]] = ()
) -> None:
    """Which file is which frame. Of label files, name and sha256 alone: intake knows by it that one came back as it was
    written."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("file", *_FACTS[:-1], "sha256_of_frame", "sha256_of_file"))
        for picture in pictures:
            frame = cast(Mapping[str, object], picture.frame)
            facts = (frame[name] for name in _FACTS)
            writer.writerow((picture.name, *facts, picture.sha256))
        for name, sha256 in label_files:
            writer.writerow((name, *("" for _ in _FACTS), sha256))


def read_images(
    catalog: Catalog, frames: Sequence[FrameRow], version: int | None = None
) -> Iterator[tuple[FrameRow, bytes, Payload]]:
    """Frames with their stored bytes and their images, of the newest version of the table or of one.

    Some at a time: they may be more than memory holds. Raises ValueError for a frame that is gone meanwhile.
    """
    read = (
        catalog.read_latest
        if version is None
        else partial(catalog.read, version=version)
    )
    for start in range(0, len(frames), _BATCH_FRAMES):
        batch = frames[start : start + _BATCH_FRAMES]
        ids = [frame["frame_id"] for frame in batch]
        rows = read(
            "frames", ["frame_id", "payload"], is_in("frame_id", ids)
        ).to_pylist()
        payloads = {row["frame_id"]: row["payload"] for row in rows}
        gone = [i for i in ids if i not in payloads]
        if gone:
            raise ValueError(f"frame {gone[0]} is gone meanwhile: export again")
        stored = [payloads[i] for i in ids]
        yield from zip(batch, stored, unpack(catalog, stored), strict=True)


def _match_sessions(catalog: Catalog, patterns: Sequence[str]) -> list[str]:
    there = sorted(
        set(catalog.read_latest("frames", ["session"])["session"].to_pylist())
    )
    for pattern in patterns:
        if not any(fnmatchcase(session, pattern) for session in there):
            raise ValueError(
                f"session '{pattern}' has no frames: `daguerre status` lists the sessions"
            )
    return [s for s in there if any(fnmatchcase(s, pattern) for pattern in patterns)]


def _stream_of(row: Mapping[str, object]) -> tuple[object, ...]:
    return row["session"], row["capture_id"], row["sensor"]


def _take_every(
    rows: Sequence[dict[str, object]], every: int
) -> Iterator[dict[str, object]]:
    """The first frame of each sensor of a capture, and each that is so many on."""
    seen: Counter[tuple[object, ...]] = Counter()
    for row in rows:
        if seen[_stream_of(row)] % every == 0:
            yield row
        seen[_stream_of(row)] += 1


def _spread(rows: Sequence[Row], limit: int | None) -> Sequence[Row]:
    if limit is None or limit >= len(rows):
        return rows
    return [rows[index * len(rows) // limit] for index in range(limit)]
