"""Read boxes of Open Images: tables `*annotations-bbox.csv`, beside pictures that are named by their `ImageID`.

A row is a box in shares of the picture turned upright, of a class that `class-descriptions*.csv` (or `classes.csv`)
gives a name; without one its id (`/m/01g317`) is the name. `IsGroupOf` marks a region that stands for no single object.
Tables list far more pictures than anybody takes: rows of those that are not here are counted. A picture without a row
was not looked at. The split is that of the table's name, else that of the picture's folder.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from assets.formats.annotations.image_labels import ImageLabels
from assets.formats.annotations.label_book import LabelBook
from assets.formats.annotations.orientation import Box, Placement, order_corners
from assets.formats.annotations.pairing import plan_label_files
from assets.formats.layout import (
    is_below,
    is_hidden,
    name_of,
    split_of,
    split_of_path,
    stem_of,
    suffix_of,
)
from assets.formats.observations import LabelObservation, Observation, Problem
from assets.formats.protocol import (
    MAX_LABELS,
    CapturePlan,
    Opener,
    UnreadableBytes,
    explain_pointer,
    read_bytes,
    read_head,
    whole_file,
)
from assets.formats.strict_xml import parse_number
from assets.storage import SessionFile

_FOLDERS = frozenset(
    {"annotations", "annotation", "labels", "metadata", "boxes", "bbox"}
)
_NEEDED = frozenset({"ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax"})
_FLAGS = {
    "IsOccluded": "occluded",
    "IsTruncated": "truncated",
    "IsDepiction": "depiction",
    "IsInside": "inside",
}
_DESCRIPTIONS = re.compile(r"(.*-)?class-descriptions.*\.csv|classes\.csv")
_MOST_SHARE = 2.0  # boxes reach over the edge by a little; larger numbers are pixels
_TASK = "detection"
_REMEDY = "write rows of ImageID, LabelName, XMin, XMax, YMin, YMax, the latter in shares of the image"
_NAMES_REMEDY = "write rows of `/m/01g317,Person`, in UTF-8"


class OpenImagesReader:
    name = "open_images"
    classes_from = "the names that the tables give to the classes"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        plans = plan_label_files(
            self.name, files, opener, lambda file: _is_table(file, opener), _FOLDERS
        )
        named = [f for f in files if _DESCRIPTIONS.fullmatch(name_of(f.path).lower())]
        taken = set[str]()
        whole = []
        for plan in plans:
            if all(suffix_of(f.path) == ".csv" for f in plan.files):
                continue  # no image: the table is told as a leftover
            mine = [
                f for f in named if is_below(f.path, plan.root) and f.path not in taken
            ]
            taken.update(f.path for f in mine)
            whole.append(replace(plan, files=(*plan.files, *mine)))
        return whole

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        csvs = [f for f in plan.files if suffix_of(f.path) == ".csv"]
        lists = [f for f in csvs if _DESCRIPTIONS.fullmatch(name_of(f.path).lower())]
        tables = [f for f in csvs if f not in lists]
        pictures = [f for f in plan.files if suffix_of(f.path) != ".csv"]
        images = ImageLabels(self.name, plan.root, pictures, opener)
        names: dict[str, str] = {}
        problems = [p for file in lists for p in _read_names(file, names, opener)]
        book = LabelBook(plan)
        sheets = [_Table(file, images, book, names, plan) for file in tables]
        problems += [p for sheet in sheets for p in sheet.open(opener)]
        splits = {
            path: sheet.split
            for sheet in sheets
            if sheet.split
            for path in sheet.pictures
        }
        yield from images.read_frames(
            lambda f: splits.get(f.path) or split_of_path(f.path, plan.root)
        )
        yield from problems
        for sheet in sheets:
            yield from sheet.read()
        yield from book.close()
        images.tell(plan.notes, book.labelled)


def _is_table(file: SessionFile, opener: Opener) -> bool:
    if suffix_of(file.path) != ".csv" or is_hidden(file.path):
        return False
    try:
        head = read_head(file, opener).decode("utf-8-sig", errors="replace")
    except UnreadableBytes:
        return False
    return _NEEDED.issubset(head.partition("\n")[0].strip().split(","))


def _read_text(file: SessionFile, opener: Opener) -> str:
    """Raises UnreadableBytes and ValueError."""
    data = read_bytes(file, opener)
    if pointer := explain_pointer(data[:64]):
        raise UnreadableBytes(*pointer)
    return data.decode("utf-8-sig")


def _read_names(
    file: SessionFile, names: dict[str, str], opener: Opener
) -> Iterator[Problem]:
    """Fill `names`, id -> name; an id with two names keeps the first, and is a problem."""
    try:
        rows = list(csv.reader(io.StringIO(_read_text(file, opener))))
    except UnreadableBytes as error:
        yield Problem(
            whole_file(file), OpenImagesReader.name, error.reason, error.remedy
        )
        return
    except (ValueError, csv.Error) as error:
        yield Problem(
            whole_file(file),
            OpenImagesReader.name,
            f"is no list of classes: {error}",
            _NAMES_REMEDY,
        )
        return
    for row in rows:
        if len(row) < 2 or row[0] == "LabelName":
            continue
        key, name = row[0].strip(), row[1].strip()
        if name and names.setdefault(key, name) != name:
            reason = f"gives {key[:40]!r} the name {name[:80]!r}, and it has another one: {names[key][:80]!r}"
            yield Problem(
                whole_file(file),
                OpenImagesReader.name,
                reason,
                "keep one list of classes",
            )


@dataclass(frozen=True)
class _Row:
    """One box of a picture that is here."""

    number: int  # in the table, without the header
    path: str
    fields: Mapping[str, str]


@dataclass
class _Table:
    """One table of boxes."""

    file: SessionFile
    images: ImageLabels
    book: LabelBook
    names: Mapping[str, str]
    plan: CapturePlan
    pictures: dict[str, SessionFile] = field(default_factory=dict)  # by path
    _rows: list[_Row] = field(default_factory=list)

    @property
    def split(self) -> str | None:
        """What the name of the table says."""
        tokens = re.split(r"[-_.]", stem_of(self.file.path))
        return next((split for token in tokens if (split := split_of(token))), None)

    def open(self, opener: Opener) -> Iterator[Problem]:
        """Keep the rows of pictures that are here, and count the others."""
        hints = (self.split,) if self.split else ()
        by_id: dict[str, SessionFile | None] = {}
        absent = 0
        try:
            for number, fields in enumerate(
                csv.DictReader(io.StringIO(_read_text(self.file, opener)))
            ):
                key = (fields.get("ImageID") or "").strip()
                if key not in by_id:
                    by_id[key] = self._find(key, hints)
                file = by_id[key]
                if file is None:
                    absent += 1
                    continue
                self.pictures[file.path] = file
                self._rows.append(_Row(number, file.path, fields))
        except UnreadableBytes as error:
            yield self._refuse(error.reason, error.remedy)
        except (ValueError, csv.Error) as error:
            yield self._refuse(f"is no table from here on: {error}", _REMEDY)
        if absent:
            self.plan.notes[
                f"not read from {self.file.path}: boxes of images that are not here"
            ] = str(absent)

    def read(self) -> Iterator[Problem]:
        """Put the boxes into the book."""
        source = whole_file(self.file)
        placements: dict[str, Placement] = {}
        counts = Counter[str]()
        for path, file in self.pictures.items():
            self.book.look(path, _TASK, source)
            try:
                placements[path] = self.images.place(file, None)
            except ValueError as error:
                self.book.miss(path, _TASK, source)
                yield self._refuse(str(error), "export the image again")
        for row in self._rows:
            if row.path not in placements:
                continue
            counts[row.path] += 1
            if row.fields.get("IsGroupOf") == "1":
                self.book.ignore(row.path, _TASK, source)
                continue
            try:
                if counts[row.path] > MAX_LABELS:
                    raise ValueError(f"more than {MAX_LABELS} of one image")
                label = self._read_row(row, placements[row.path])
            except ValueError as error:
                self.book.miss(row.path, _TASK, source)
                yield self._refuse(f"row {row.number}, of {row.path}: {error}", _REMEDY)
                continue
            self.book.add(label)

    def _read_row(self, row: _Row, placement: Placement) -> LabelObservation:
        """Raises ValueError."""
        key = (row.fields.get("LabelName") or "").strip()
        if not key:
            raise ValueError("has no LabelName")
        width, height = placement.drawn_px
        x0, x1, y0, y1 = (
            _read_share(row.fields, name) for name in ("XMin", "XMax", "YMin", "YMax")
        )
        box: Box = (x0 * width, y0 * height, x1 * width, y1 * height)
        return LabelObservation(
            row.path,
            _TASK,
            self.names.get(key, key),
            whole_file(self.file),
            self.images.name_sensor(self.pictures[row.path]),
            box_xyxy=placement.place_box(order_corners(box)),
            index=row.number,
            attributes=tuple(
                (name, "1")
                for flag, name in _FLAGS.items()
                if row.fields.get(flag) == "1"
            ),
        )

    def _find(self, key: str, hints: Sequence[str]) -> SessionFile | None:
        try:
            return self.images.find(key, hints) if key else None
        except LookupError:
            return None

    def _refuse(self, reason: str, remedy: str) -> Problem:
        return Problem(
            whole_file(self.file), OpenImagesReader.name, reason[:500], remedy
        )


def _read_share(fields: Mapping[str, str], name: str) -> float:
    """Raises ValueError."""
    value = parse_number(fields.get(name), name)
    if abs(value) > _MOST_SHARE:
        raise ValueError(f"{name} is {value:g}: shares of the image lie in 0 to 1")
    return value
