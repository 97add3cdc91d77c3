"""Read MOT Challenge sequences: true tracks in `gt/gt.txt` beside the pictures of `img1/`, with `seqinfo.ini`.

A row is frame, track, left, top, width, height, and whether it counts, then in truths from 2016 on (9 fields) class and
visibility, in those of before (10) a place in the world, which is not read. Frames and pixels count from 1: here pixels
begin at the outer corner of the first, so left and top are one less. A picture's number is in its name. What does not
count is a region that stands for no single object. Every picture of a sequence was looked at.

`det/det.txt` holds what a detector found, which is no label. Times are those of `frameRate`, from 0, where that is
stated.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from assets.formats.images.frame_files import read_frame_file
from assets.formats.layout import (
    folder_of,
    is_image,
    join,
    list_paths,
    name_of,
    order_naturally,
    sensor_of,
    stem_of,
)
from assets.formats.observations import (
    AnnotationObservation,
    LabelObservation,
    Observation,
    Problem,
    Source,
)
from assets.formats.protocol import (
    CapturePlan,
    Opener,
    UnreadableBytes,
    read_head,
    whole_file,
)
from assets.formats.sequences.sequence_files import (
    Line,
    parse_numbers,
    read_lines,
    read_rows,
    split_row,
)
from assets.storage import SessionFile

_TRUTH = "gt/gt.txt"
_FOUND = "det/det.txt"
_INFO = "seqinfo.ini"
_PICTURES = "img1"
_TASK = "detection"
_NUM_FIELDS = (7, 9, 10)
_WITH_CLASS = 9
_FIRST_PX = 1.0
_MOST_NUMBER = 2**31
_MOST_RATE_HZ = 100_000.0
# from class 1 on, as the challenge names them
_CLASSES = (
    *("pedestrian", "person on vehicle", "car", "bicycle", "motorbike"),
    *("non motorized vehicle", "static person", "distractor", "occluder"),
    *("occluder on the ground", "occluder full", "reflection", "crowd"),
)
_REMEDY = "write rows of frame, track, left, top, width, height and 1, parted by commas"
_PICTURE_REMEDY = "copy the picture to its place: `img1/000007.jpg` for frame 7"


class MotReader:
    name = "mot"
    classes_from = "the class numbers of gt/gt.txt, or pedestrian where it has none"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        by_path = {file.path: file for file in files}
        plans = []
        for truth in files:
            root = _find_root(truth, opener)
            if root is None:
                continue
            info = by_path.get(join(root, _INFO))
            folder = join(root, _read_info(info, opener).get("imdir", _PICTURES))
            pictures = [
                f
                for f in files
                if folder_of(f.path) == folder
                and stem_of(f.path).isdecimal()
                and is_image(f, opener)
            ]
            if not pictures:
                continue  # told as leftovers
            beside = [f for f in (info, by_path.get(join(root, _FOUND))) if f]
            whole = (truth, *beside, *pictures)
            plans.append(CapturePlan(self.name, root, whole, is_container=False))
        return plans

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        truth = next(f for f in plan.files if name_of(f.path) == "gt.txt")
        texts = {name_of(f.path): f for f in plan.files if f.path.endswith(".txt")}
        info = next((f for f in plan.files if name_of(f.path) == _INFO), None)
        if "det.txt" in texts:
            plan.notes["not read: " + texts["det.txt"].path] = "what a detector found"
        rate_hz = _find_rate(_read_info(info, opener))
        if rate_hz:
            plan.notes["times"] = f"{rate_hz:g} pictures a second, as {_INFO} states"
        pictures = order_naturally(
            f for f in plan.files if f not in texts.values() and f is not info
        )
        frames: dict[int, str] = {}
        for sequence, picture in enumerate(pictures):
            number = int(stem_of(picture.path))
            t_ns = round((number - 1) / rate_hz * 1e9) if rate_hz else None
            sensor = sensor_of(picture.path, plan.root)
            yield read_frame_file(
                picture, opener, self.name, sensor, t_ns=t_ns, sequence=sequence
            )
            frames[number] = picture.path
        yield from _Truth(truth, frames).read(opener)


def _find_root(file: SessionFile, opener: Opener) -> str | None:
    """The folder of a sequence, of its file of true tracks; None of another file."""
    if file.path != _TRUTH and not file.path.endswith(f"/{_TRUTH}"):
        return None
    try:
        head = read_head(file, opener).decode(errors="replace")
    except UnreadableBytes:
        return None
    fields = next((split_row(text) for text in head.splitlines() if text.strip()), [])
    is_row = len(fields) in _NUM_FIELDS and all(map(_is_number, fields))
    return folder_of(folder_of(file.path)) if is_row else None


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[-+]?\d*\.?\d+([eE][-+]?\d+)?", text) is not None


def _read_info(file: SessionFile | None, opener: Opener) -> dict[str, str]:
    """`name=value` lines, by the name in small letters; nothing of a file that cannot be read."""
    try:
        lines = list(read_lines(file, opener)) if file else []
    except UnreadableBytes:
        return {}
    pairs = (line.text.partition("=") for line in lines)
    return {
        name.strip().lower(): value.strip() for name, is_pair, value in pairs if is_pair
    }


def _find_rate(info: dict[str, str]) -> float | None:
    """Pictures a second; None where that is not stated, or is none."""
    text = info.get("framerate", "")
    rate_hz = float(text) if _is_number(text) else 0.0
    return rate_hz if 0 < rate_hz <= _MOST_RATE_HZ else None


@dataclass
class _Truth:
    """The file of true tracks, and the paths of pictures by their number."""

    file: SessionFile
    frames: dict[int, str]
    labels: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    _lost: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    _seen: set[tuple[int, int]] = field(default_factory=set)

    def read(self, opener: Opener) -> Iterator[Observation]:
        """Labels, faults, and that each picture was looked at."""
        try:
            num_fields = 0
            for line, fields in read_rows(self.file, opener):
                try:
                    num_fields = num_fields or len(fields)
                    row = _Row.of(line, fields, num_fields)
                except ValueError as error:
                    yield self._refuse(line, fields, error)
                    continue
                yield from self._take(row)
        except UnreadableBytes as error:
            yield Problem(
                whole_file(self.file), MotReader.name, error.reason, error.remedy
            )
            return
        if self._lost:
            names = list_paths(map(str, sorted(self._lost)))
            reason = f"{sum(self._lost.values())} rows are of frames without a picture: {names}"
            yield Problem(
                whole_file(self.file), MotReader.name, reason[:500], _PICTURE_REMEDY
            )
        for path in self.frames.values():
            yield AnnotationObservation(
                path,
                _TASK,
                whole_file(self.file),
                num_labels=self.labels[path],
                num_missing=self.missing[path],
                num_ignored=self.ignored[path],
            )

    def _take(self, row: _Row) -> Iterator[LabelObservation | Problem]:
        path = self.frames.get(row.frame)
        if path is None:
            self._lost[row.frame] += 1
        elif not row.counts:
            self.ignored[path] += 1
        elif (row.frame, row.track) in self._seen:
            self.missing[path] += 1
            reason = f"track {row.track} has another box in frame {row.frame}"
            yield row.line.refuse(MotReader.name, reason, _REMEDY)
        else:
            self._seen.add((row.frame, row.track))
            self.labels[path] += 1
            yield replace(row.label, frame_path=path)

    def _refuse(self, line: Line, fields: Sequence[str], error: ValueError) -> Problem:
        """A row of a picture that is known counts there as an object that is no label."""
        number = fields[0] if fields and fields[0].isdecimal() else ""
        path = self.frames.get(int(number)) if 0 < len(number) < 10 else None
        if path:
            self.missing[path] += 1
        return line.refuse(MotReader.name, error, _REMEDY)


@dataclass(frozen=True)
class _Row:
    """One box of a track."""

    line: Line
    frame: int
    track: int
    counts: bool
    label: LabelObservation  # of no picture yet

    @classmethod
    def of(cls, line: Line, fields: Sequence[str], num_fields: int) -> _Row:
        """Raises ValueError, also where it has other fields than the first row: it may be cut."""
        if len(fields) != num_fields:
            raise ValueError(f"{len(fields)} fields, the first row has {num_fields}")
        frame, track, left, top, width, height, counts, *more = parse_numbers(
            fields, len(fields)
        )
        if not all(n.is_integer() and 0 <= n <= _MOST_NUMBER for n in (frame, track)):
            raise ValueError(f"frame {frame:g} and track {track:g} are no numbers")
        if width <= 0 or height <= 0:
            raise ValueError(f"a box of {width:g} x {height:g} px has no area")
        has_class = len(fields) == _WITH_CLASS
        x, y = left - _FIRST_PX, top - _FIRST_PX
        label = LabelObservation(
            None,
            _TASK,
            _name_class(more[0]) if has_class else _CLASSES[0],
            Source(line.file.path, line.offset, line.length),
            box_xyxy=(x, y, x + width, y + height),
            track_id=int(track),
            index=line.number,
            attributes=(("visibility", fields[8]),) if has_class else (),
        )
        return cls(line, int(frame), int(track), counts != 0, label)


def _name_class(number: float) -> str:
    if not number.is_integer() or not 1 <= number <= len(_CLASSES):
        raise ValueError(f"class {number:g} is none of 1 to {len(_CLASSES)}")
    return _CLASSES[int(number) - 1]
