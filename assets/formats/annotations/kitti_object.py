"""Read KITTI object data: `label_2/<name>.txt` beside `image_2/<name>.png`, with `calib/<name>.txt`; also label files
of that form in any folder, as NVIDIA's trainers have them.

A row is the class, truncation, occlusion, viewing angle, the box as `xyxy` px, and the 3D box in the rectified camera
0: height, width, length (m), the place x, y, z of its bottom's centre (m), the turn about y (rad) (Geiger et al., CVPR
2012). The 2D box is the label; what is stated of the others stays as attributes. `DontCare` is a region that stands for
no single object. A 16th column is a score: the row is a prediction, no label.

`training/` and `testing/` say whose labels are published and are no splits; lists in `ImageSets/` are. Pictures have a
calibration each; those that differ are kept once, with the file that said it first. The rig is the IMU where the file
places it, otherwise camera 0, rectified.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from assets.formats.annotations.image_labels import ImageLabels
from assets.formats.annotations.label_book import LabelBook
from assets.formats.annotations.orientation import order_corners
from assets.formats.annotations.pairing import plan_label_files
from assets.formats.layout import (
    folder_of,
    is_document,
    is_hidden,
    join,
    list_paths,
    name_of,
    order_naturally,
    split_of,
    stem_of,
    suffix_of,
)
from assets.formats.observations import (
    CalibrationObservation,
    LabelObservation,
    Observation,
    Problem,
    Source,
)
from assets.formats.protocol import (
    MAX_LABELS,
    CapturePlan,
    Opener,
    UnreadableBytes,
    read_head,
    whole_file,
)
from assets.formats.sequences.kitti_calibration import (
    has_place_of_imu,
    read_entries,
    read_projection,
)
from assets.formats.sequences.sequence_files import Line, parse_numbers, read_lines
from assets.storage import SessionFile

_LABEL_FOLDER = re.compile(r"label_(\d)")
_CAMERA_FOLDER = re.compile(r"image_(\d)")
_CALIBRATIONS = "calib"
_LISTS = "ImageSets"
_BESIDE = (_CALIBRATIONS, _LISTS)
_NUM_FIELDS = 15
_LOOKED_AT = 3  # files of a folder, before it is none of labels
_TASK = "detection"
_NO_OBJECT = "DontCare"
# name of the attribute, place in the row, and what stands there where nothing is stated
_ATTRIBUTES = (
    ("truncated", slice(1, 2), -1.0),
    ("occluded", slice(2, 3), -1.0),
    ("alpha_rad", slice(3, 4), -10.0),
    ("height_width_length_m", slice(8, 11), -1.0),
    ("bottom_centre_xyz_m", slice(11, 14), -1000.0),
    ("rotation_y_rad", slice(14, 15), -10.0),
)
_REMEDY = "write rows of 15 fields: class, truncated, occluded, alpha, box, and seven of the 3D box"
_IMAGE_REMEDY = (
    "copy the image to its place: `image_2/000007.png` for `label_2/000007.txt`"
)
_CALIBRATION_REMEDY = "copy the calibration again"


class KittiObjectReader:
    name = "kitti_object"
    classes_from = "the first word of each line of label files"
    carries = frozenset({"calibration"})

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        labels = _find_label_folders(files, opener)
        if not labels:
            return []
        folders = frozenset(name_of(folder).lower() for folder in labels)
        plans = plan_label_files(
            self.name,
            files,
            opener,
            lambda file: folder_of(file.path) in labels and _is_text(file),
            folders,
        )
        whole = list[CapturePlan]()
        for plan in plans:
            if all(_is_text(file) for file in plan.files):
                continue  # labels alone: they are told as leftovers
            above = {folder_of(folder_of(f.path)) for f in plan.files if _is_text(f)}
            places = {join(folder, _CALIBRATIONS) for folder in above}
            places |= {join(plan.root, _LISTS)}
            taken = {f.path for f in plan.files}
            beside = [
                f
                for f in files
                if folder_of(f.path) in places and _is_text(f) and f.path not in taken
            ]
            whole.append(replace(plan, files=(*plan.files, *beside)))
        return whole

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        texts: dict[str, list[SessionFile]] = defaultdict(list)
        for file in plan.files:
            if _is_text(file):
                folder = name_of(folder_of(file.path))
                texts[folder if folder in _BESIDE else ""].append(file)
        pictures = [f for f in plan.files if not _is_text(f)]
        images = ImageLabels(self.name, plan.root, pictures, opener)
        images.announce(map(_refer, texts[""]))
        splits: dict[str, str] = {}
        yield from _read_lists(texts[_LISTS], texts[""], images, splits, plan, opener)
        yield from images.read_frames(lambda f: splits.get(f.path))
        yield from _read_calibrations(
            texts[_CALIBRATIONS], pictures, images, plan, opener
        )
        book = LabelBook(plan)
        for file in texts[""]:
            yield from _Sheet(file, images, book).read(opener)
        yield from book.close()
        images.tell(plan.notes, book.labelled)


def _read_lists(
    lists: Sequence[SessionFile],
    sheets: Sequence[SessionFile],
    images: ImageLabels,
    splits: dict[str, str],
    plan: CapturePlan,
    opener: Opener,
) -> Iterator[Problem]:
    """Fill `splits`, image path -> split. `test.txt` lists pictures of `testing`, of equal names and without labels."""
    by_name = {stem_of(sheet.path): sheet for sheet in sheets}
    for file in lists:
        split = split_of(stem_of(file.path))
        if split not in ("train", "val"):
            plan.notes[f"no split: {file.path}"] = (
                "only train.txt and val.txt are followed"
            )
            continue
        try:
            names = {line.text for line in read_lines(file, opener)}
        except UnreadableBytes as error:
            yield Problem(
                whole_file(file), KittiObjectReader.name, error.reason, error.remedy
            )
            continue
        absent = names - by_name.keys()
        if absent:
            yield Problem(
                whole_file(file),
                KittiObjectReader.name,
                f"lists pictures without labels, {list_paths(absent)}",
                "copy the missing labels, or take them off the list",
            )
        for name in names & by_name.keys():
            with suppress(LookupError):
                path = images.look_up(_refer(by_name[name]))
                splits[path] = split if splits.get(path, split) == split else ""
    if not lists and any(
        split_of(part) for f in images.files for part in f.path.split("/")[:-1]
    ):
        plan.notes["no splits"] = (
            "training and testing say whose labels are published; ImageSets/train.txt and val.txt make splits"
        )


def _read_calibrations(
    sheets: Sequence[SessionFile],
    pictures: Sequence[SessionFile],
    images: ImageLabels,
    plan: CapturePlan,
    opener: Opener,
) -> Iterator[CalibrationObservation | Problem]:
    """The calibrations of the cameras whose pictures are here, each that differs once."""
    sizes: dict[tuple[str, str], dict[str, tuple[int, int]]] = defaultdict(dict)
    for picture in pictures:
        folder = folder_of(picture.path)
        if _CAMERA_FOLDER.fullmatch(name_of(folder)) and (
            size := images.size_of(picture.path)
        ):
            sizes[name_of(folder_of(folder)), stem_of(picture.path)][
                name_of(folder)
            ] = size
    said: dict[str, set[CalibrationObservation]] = defaultdict(set)
    for sheet in sheets:
        cameras = sizes[name_of(folder_of(folder_of(sheet.path))), stem_of(sheet.path)]
        if not cameras:
            reason = "is the calibration of a picture that is not here"
            yield Problem(
                whole_file(sheet), KittiObjectReader.name, reason, _IMAGE_REMEDY
            )
            continue
        try:
            entries = read_entries(sheet, opener)
            found = [
                read_projection(entries, sensor, size, sheet)
                for sensor, size in sorted(cameras.items())
            ]
        except UnreadableBytes as error:
            yield Problem(
                whole_file(sheet), KittiObjectReader.name, error.reason, error.remedy
            )
            continue
        except ValueError as error:
            yield Problem(
                whole_file(sheet),
                KittiObjectReader.name,
                f"is no calibration: {error}",
                _CALIBRATION_REMEDY,
            )
            continue
        plan.notes["rig"] = (
            "the IMU" if has_place_of_imu(entries) else "camera 0, rectified"
        )
        for calibration in found:
            nowhere = replace(calibration, source=Source(""))
            if nowhere not in said[calibration.sensor]:
                said[calibration.sensor].add(nowhere)
                yield calibration
    for sensor, different in said.items():
        if len(different) > 1:
            plan.notes[f"calibrations of {sensor}"] = (
                f"{len(different)} that differ, each once, with its first file"
            )


def _is_text(file: SessionFile) -> bool:
    return suffix_of(file.path) == ".txt" and not is_hidden(file.path)


def _find_label_folders(files: Sequence[SessionFile], opener: Opener) -> set[str]:
    """Folders of texts of which one of the first begins with a row of this form, and none with another."""
    folders: dict[str, list[SessionFile]] = defaultdict(list)
    for file in files:
        if _is_text(file) and not is_document(file.path) and file.size_bytes:
            folders[folder_of(file.path)].append(file)
    return {
        folder
        for folder, group in folders.items()
        if all(
            _begins_with_label(f, opener) for f in order_naturally(group)[:_LOOKED_AT]
        )
    }


def _begins_with_label(file: SessionFile, opener: Opener) -> bool:
    try:
        head = read_head(file, opener).decode("utf-8-sig", errors="replace")
    except UnreadableBytes:
        return False
    fields = next((line.split() for line in head.splitlines() if line.strip()), [])
    if len(fields) not in (_NUM_FIELDS, _NUM_FIELDS + 1):
        return False
    try:
        [float(field) for field in fields[1:]]
    except ValueError:
        return False
    return not re.fullmatch(r"[-+.\deE]+", fields[0])


def _refer(sheet: SessionFile) -> str:
    """What the path of a text says of its picture: `training/label_2/1.txt` is of `training/image_2/1`, and a text of
    `calib/` is looked for with the camera's folder in its place. Other folders of labels say nothing.
    """
    folder = folder_of(sheet.path)
    match = _LABEL_FOLDER.fullmatch(name_of(folder))
    if not match:
        return stem_of(sheet.path)
    return join(name_of(folder_of(folder)), f"image_{match[1]}/{stem_of(sheet.path)}")


@dataclass
class _Sheet:
    """One label file."""

    file: SessionFile
    images: ImageLabels
    book: LabelBook

    def read(self, opener: Opener) -> Iterator[Problem]:
        """Put the labels into the book."""
        source = whole_file(self.file)
        try:
            image = self.images.find(
                _refer(self.file), folder_of(self.file.path).split("/")
            )
        except LookupError as error:
            yield Problem(source, KittiObjectReader.name, str(error), _IMAGE_REMEDY)
            return
        self.book.look(image.path, _TASK, source)
        try:
            lines = list(read_lines(self.file, opener)) if self.file.size_bytes else []
            placement = self.images.place(image, None)
        except UnreadableBytes as error:
            self.book.miss(image.path, _TASK, source)
            yield Problem(source, KittiObjectReader.name, error.reason, error.remedy)
            return
        except ValueError as error:
            self.book.miss(image.path, _TASK, source)
            yield Problem(
                source, KittiObjectReader.name, str(error), "export the image again"
            )
            return
        sensor = self.images.name_sensor(image)
        for number, line in enumerate(lines):
            if number >= MAX_LABELS:
                self.book.miss(image.path, _TASK, source)
                yield line.refuse(
                    KittiObjectReader.name,
                    f"more than {MAX_LABELS} rows, not read on",
                    _REMEDY,
                    sensor,
                )
                return
            try:
                row = _Row.of(line)
            except ValueError as error:
                self.book.miss(image.path, _TASK, source)
                yield line.refuse(KittiObjectReader.name, error, _REMEDY, sensor)
                continue
            if row.class_name == _NO_OBJECT:
                self.book.ignore(image.path, _TASK, source)
                continue
            self.book.add(
                LabelObservation(
                    image.path,
                    _TASK,
                    row.class_name,
                    line.source,
                    sensor,
                    box_xyxy=placement.place_box(order_corners(row.box_xyxy)),
                    index=number,
                    attributes=row.attributes,
                )
            )


@dataclass(frozen=True)
class _Row:
    """One object."""

    class_name: str
    box_xyxy: tuple[float, float, float, float]  # px
    attributes: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, line: Line) -> _Row:
        """Raises ValueError."""
        fields = line.text.split()
        if len(fields) == _NUM_FIELDS + 1:
            raise ValueError(
                "16 fields: the last is a score, so this is a prediction, no label"
            )
        if len(fields) != _NUM_FIELDS:
            raise ValueError(f"{len(fields)} fields where {_NUM_FIELDS} are needed")
        numbers = (0.0, *parse_numbers(fields[1:], _NUM_FIELDS - 1))
        attributes = tuple(
            (name, " ".join(fields[place]))
            for name, place, nothing in _ATTRIBUTES
            if any(value != nothing for value in numbers[place])
        )
        x0, y0, x1, y1 = numbers[4:8]
        return cls(fields[0], (x0, y0, x1, y1), attributes)
