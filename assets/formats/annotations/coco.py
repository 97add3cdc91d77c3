"""Read COCO datasets: JSON with `images`, `annotations` and `categories`, beside the images it names.

Boxes become `xyxy` by adding width and height, in whichever order their corners stand. Polygons and run lengths become
compressed run-length masks; where there is no box, the one around the mask is taken. An annotation with neither is a
label of the whole image. Keypoints stay with their object, as an attribute. A listed image without an annotation is a
negative. Regions marked `iscrowd` stand for many objects: they are counted, not read as objects. Files with captions
are named in the notes. Of panoptic files the label images are read (`coco_panoptic.py`).

Several files may speak of one object (`instances_*`, `person_keypoints_*`): it is one label. `width` and `height` of an
image tell whether the labels were drawn on the picture turned upright by its EXIF orientation.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from assets.formats.annotations.coco_ids import as_id
from assets.formats.annotations.coco_panoptic import (
    Annotation,
    Category,
    SegmentReader,
    find_segment_images,
    is_panoptic,
    read_categories,
)
from assets.formats.annotations.image_labels import ImageLabels
from assets.formats.annotations.label_book import LabelBook
from assets.formats.annotations.mask_runs import encode_segmentation, place_runs
from assets.formats.annotations.orientation import (
    Box,
    Placement,
    Point,
    Size,
    order_corners,
)
from assets.formats.annotations.pairing import hints_of, plan_label_files
from assets.formats.layout import (
    is_below,
    is_hidden,
    list_paths,
    name_of,
    split_of,
    split_of_path,
    stem_of,
    suffix_of,
)
from assets.formats.observations import LabelObservation, Observation, Problem
from assets.formats.protocol import (
    LABELS_NOT_READ,
    MAX_LABELS,
    CapturePlan,
    Opener,
    UnreadableBytes,
    read_bytes,
    read_ends,
    whole_file,
)
from assets.formats.strict_json import MAX_JSON_BYTES, parse_json
from assets.storage import SessionFile
from models.masks import decode_mask, find_box

_LOOK_BYTES = 1 << 16
_KEYS = (b'"images"', b'"annotations"', b'"categories"')
_FOLDERS = frozenset({"annotations", "annotation", "labels"})
_REMEDY = "export the COCO file again"
_ABSENT_REMEDY = "copy the image to its place; an archive is read by itself: unpack it beside its labels"
_SIZE_REMEDY = "export the labels for the images as they are"
# of pixels, in all masks of a file: what they cost to encode
_FREE_COLUMNS = 10_000_000
_COLUMNS_A_BYTE = 2
_TASK = "detection"
UNLABELLED = "pictures to be labelled"  # what an export of frames says of itself


class CocoReader:
    name = "coco"
    classes_from = "`categories` of the COCO file"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        documents = [file for file in files if _is_coco(file, opener)]
        panoptic = [file for file in documents if is_panoptic(file, opener)]
        segments = find_segment_images(panoptic, files) if panoptic else []
        known = {file.path for file in documents}
        others = {file.path for file in segments}
        plans = plan_label_files(
            self.name,
            [file for file in files if file.path not in others],
            opener,
            lambda file: file.path in known,
            _FOLDERS,
        )
        return list(_add_segments(plans, {f.path for f in panoptic}, segments))

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        jsons = [f for f in plan.files if suffix_of(f.path) == ".json"]
        segments = find_segment_images(
            [f for f in jsons if is_panoptic(f, opener)], plan.files
        )
        others = {f.path for f in (*jsons, *segments)}
        pictures = [f for f in plan.files if f.path not in others]
        images = ImageLabels(self.name, plan.root, pictures, opener)
        book = LabelBook(plan)
        documents = [_Document(file, images, book, plan, segments) for file in jsons]
        problems = [
            problem for document in documents for problem in document.open(opener)
        ]
        splits: dict[str, str] = {}
        problems += [p for document in documents for p in document.share_out(splits)]
        yield from images.read_frames(
            lambda f: splits.get(f.path) or split_of_path(f.path, plan.root)
        )
        yield from problems
        for document in documents:
            document.learn_habit()
        boxed = {path for document in documents for path in document.boxed}
        for document in documents:
            yield from (
                document.read_segments(boxed, opener)
                if document.is_panoptic
                else document.read()
            )
        yield from book.close()
        images.tell(plan.notes, book.labelled)


def _is_coco(file: SessionFile, opener: Opener) -> bool:
    if suffix_of(file.path) != ".json" or is_hidden(file.path):
        return False
    if name_of(file.path).lower().startswith(("instances_", "_annotations.coco")):
        return True
    try:
        ends = read_ends(file, opener, _LOOK_BYTES)
    except UnreadableBytes:
        return False
    return sum(key in ends for key in _KEYS) >= 2


def _add_segments(
    plans: Sequence[CapturePlan], panoptic: set[str], segments: Sequence[SessionFile]
) -> Iterator[CapturePlan]:
    """The plans, with the label images of their panoptic files: the innermost takes them first."""
    taken: set[str] = set()
    for plan in plans:
        documents = [f for f in plan.files if f.path in panoptic]
        mine = [
            f
            for f in find_segment_images(documents, segments)
            if is_below(f.path, plan.root) and f.path not in taken
        ]
        taken.update(f.path for f in mine)
        yield replace(plan, files=(*plan.files, *mine))


@dataclass(frozen=True)
class _Picture:
    """An image of the file that is here."""

    file: SessionFile
    stated_px: Size | None  # of the picture that the labels were drawn on


@dataclass
class _Document:
    """One COCO file."""

    file: SessionFile
    images: ImageLabels
    book: LabelBook
    plan: CapturePlan
    segments: Sequence[SessionFile] = ()  # label images of panoptic files
    is_panoptic: bool = False
    # image path -> split that the name of the file says
    splits: dict[str, str] = field(default_factory=dict)
    columns_px: int = 0  # of the masks so far
    _pictures: dict[int | str, _Picture] = field(default_factory=dict)
    _absent: set[int | str] = field(default_factory=set)
    # ids of several images -> the paths of those here
    _shared: dict[int | str, set[str]] = field(default_factory=dict)
    _names: dict[int | str, str] = field(default_factory=dict)  # of the categories
    # names of a category's keypoints
    _points: dict[int | str, list[str]] = field(default_factory=dict)
    _categories: dict[int | str, Category] = field(default_factory=dict)  # of segments
    _annotations: list[dict[str, Any]] = field(default_factory=list)
    _num_labels: Counter[int | str] = field(default_factory=Counter)  # by image
    _task: str = _TASK  # that its pictures were looked at for

    def open(self, opener: Opener) -> Iterator[Problem]:
        """Parse the file and find its images."""
        try:
            document = parse_json(read_bytes(self.file, opener, MAX_JSON_BYTES))
            images = _list_of(document, "images")
            if "annotations" not in document and document.get("categories"):
                self.plan.notes[self.file.path] = (
                    f"lists {len(images)} images, and says nothing of what they show"
                )
                return
            annotations = _list_of(document, "annotations")
            if not annotations and _is_to_be_labelled(document):
                self.plan.notes[self.file.path] = (
                    f"lists {len(images)} images that nobody has labelled yet"
                )
                return
            unread = _name_unread(document, annotations)
            if unread:
                self.plan.notes[f"{LABELS_NOT_READ}: {self.file.path}"] = unread
                return
            categories = _list_of(document, "categories")
        except UnreadableBytes as error:
            yield self._refuse(error.reason, error.remedy)
            return
        except ValueError as error:
            yield self._refuse(f"not a COCO file: {error}", _REMEDY)
            return
        self._annotations = annotations
        self.is_panoptic = bool(annotations) and all(
            "segments_info" in a for a in annotations
        )
        if (
            annotations
            and not self.is_panoptic
            and not any(a.get("bbox") or a.get("segmentation") for a in annotations)
        ):
            self._task = "recognition"
        yield from self._read_categories(categories)
        self._categories = dict(read_categories(categories, self._names))
        yield from self._find_images(images, _find_mask_sizes(annotations))

    def share_out(self, splits: dict[str, str]) -> Iterator[Problem]:
        """Add the splits that this file gives; an image that two files give to two splits has none."""
        twice = {
            path
            for path, split in self.splits.items()
            if splits.get(path, split) != split
        }
        splits.update(
            {
                path: "" if path in twice else split
                for path, split in self.splits.items()
            }
        )
        if twice:
            reason = f"lists images that a file of another split lists too, {list_paths(twice)}"
            yield self._refuse(reason, "keep every image in one of train, val, test")

    @property
    def boxed(self) -> set[str]:
        """The pictures of which this file has the objects, one by one."""
        if self.is_panoptic or self._task != _TASK:
            return set()
        return {picture.file.path for picture in self._pictures.values()}

    def learn_habit(self) -> None:
        for picture in self._pictures.values():
            self.images.learn_habit(picture.file, picture.stated_px)

    def read(self) -> Iterator[Problem]:
        """Put the labels into the book."""
        source = whole_file(self.file)
        placements: dict[int | str, Placement | None] = {}
        for image_key, found in self._pictures.items():
            self.book.look(found.file.path, self._task, source)
            try:
                placements[image_key] = self.images.place(found.file, found.stated_px)
            except ValueError as error:
                placements[image_key] = None
                self.book.miss(found.file.path, self._task, source)
                yield self._refuse(
                    f"image {str(image_key)[:40]}: {error}", _SIZE_REMEDY
                )
        for shared in self._shared.values():
            for path in shared:
                self.book.miss(path, self._task, source)
        if self._are_shares():
            yield self._refuse(
                "all boxes lie between 0 and 1: shares of the image, where COCO has pixels",
                _REMEDY,
            )
            for found in self._pictures.values():
                self.book.miss(found.file.path, self._task, source)
            return
        dropped: Counter[str] = Counter()
        for number, annotation in enumerate(self._annotations):
            image_id = as_id(annotation.get("image_id"))
            key = "" if image_id is None else image_id
            picture = self._pictures.get(key)
            if key in self._absent:
                dropped["annotations of images that are not here"] += 1
            elif key in self._shared:
                dropped["annotations of an id that several images have"] += 1
            elif picture is None:
                reason = (
                    f"image_id {annotation.get('image_id')!r} is not among the images"
                )
                yield self._refuse(f"annotation {number}: {reason}", _REMEDY)
            elif annotation.get("iscrowd"):
                dropped["crowd regions"] += 1
                self.book.ignore(picture.file.path, self._task, source)
            elif self._is_one_too_many(key):
                self.book.miss(picture.file.path, self._task, source)
                yield self._refuse(
                    f"annotation {number}: more than {MAX_LABELS} of one image, not read on",
                    _REMEDY,
                )
                return
            elif (placement := placements[key]) is not None:
                try:
                    self.book.add(
                        self._read_annotation(number, annotation, picture, placement)
                    )
                except ValueError as error:
                    self.book.miss(picture.file.path, self._task, source)
                    yield self._refuse(f"annotation {number}: {error}", _REMEDY)
        for what, count in dropped.items():
            self.plan.notes[f"not read from {self.file.path}: {what}"] = str(count)

    def read_segments(self, boxed: set[str], opener: Opener) -> Iterator[Problem]:
        """Put what label images show into the book; of pictures in `boxed` the classes of pixels alone."""
        told = []
        for number, annotation in enumerate(self._annotations):
            key = as_id(annotation.get("image_id"))
            if key is not None and (picture := self._pictures.get(key)):
                told.append(Annotation(number, picture.file, annotation))
        absent = len(self._annotations) - len(told)
        if absent:
            what = f"not read from {self.file.path}: annotations of images that are not here"
            self.plan.notes[what] = str(absent)
        reader = SegmentReader(
            self.file, self._categories, self.segments, self.images, self.book
        )
        for one in told:
            for reason, remedy in reader.read(one, boxed, opener):
                yield self._refuse(reason, remedy)

    def _are_shares(self) -> bool:
        boxes = [
            a["bbox"]
            for a in self._annotations
            if isinstance(a.get("bbox"), list) and a["bbox"]
        ]
        numbers = [v for box in boxes for v in box if isinstance(v, int | float)]
        return (
            bool(numbers)
            and max(map(abs, numbers)) <= 1
            and any(v != int(v) for v in numbers)
        )

    def _is_one_too_many(self, key: int | str) -> bool:
        self._num_labels[key] += 1
        return self._num_labels[key] > MAX_LABELS

    def _read_categories(
        self, categories: Sequence[dict[str, Any]]
    ) -> Iterator[Problem]:
        twice = set()
        for category in categories:
            key = as_id(category.get("id"))
            name = category.get("name")
            name = _as_text(name) if isinstance(name, int | float) else name
            if key is None or not isinstance(name, str) or not name.strip():
                continue
            if self._names.setdefault(key, name) != name:
                twice.add(key)
            if isinstance(points := category.get("keypoints"), list):
                self._points[key] = [str(point) for point in points]
        for key in sorted(twice, key=str):
            del self._names[key]
            yield self._refuse(
                f"category {key!r} has two names, so nobody knows what it is", _REMEDY
            )

    def _find_images(
        self, images: Sequence[dict[str, Any]], mask_sizes: Mapping[int | str, Size]
    ) -> Iterator[Problem]:
        tokens = [t for t in re.split(r"[_.]", stem_of(self.file.path)) if split_of(t)]
        hints = (*tokens, *hints_of(self.file))
        self.images.announce(
            (i["file_name"] for i in images if isinstance(i.get("file_name"), str)),
            hints,
        )
        taken: set[int | str] = set()
        for number, image in enumerate(images):
            key = as_id(image.get("id"))
            name = image.get("file_name")
            if key is None or not isinstance(name, str) or key in taken:
                if key in self._pictures and self._is_same_image(key, name, hints):
                    continue
                if key is not None and isinstance(name, str):
                    self._share(key, name, hints)
                what = f"id {image.get('id')!r} and file_name {name!r}"
                yield self._refuse(
                    f"image {number} has {what}: none, or one that is taken", _REMEDY
                )
                continue
            taken.add(key)
            try:
                file = self.images.find(name, hints)
            except LookupError as error:
                self._absent.add(key)
                yield self._refuse(str(error), _ABSENT_REMEDY)
                continue
            self._pictures[key] = _Picture(
                file, _read_size(image) or mask_sizes.get(key)
            )
            if tokens:
                self.splits[file.path] = split_of(tokens[0]) or ""

    def _share(self, key: int | str, name: str, hints: Sequence[str]) -> None:
        """Nobody knows which image annotations mean whose id two have: they go on neither."""
        mine = self._shared.setdefault(key, set())
        first = self._pictures.pop(key, None)
        if first:
            mine.add(first.file.path)
        with suppress(LookupError):
            mine.add(self.images.find(name, hints).path)

    def _is_same_image(
        self, key: int | str | None, name: Any, hints: Sequence[str]
    ) -> bool:
        """Whether an entry with an id that is taken says again what the first said."""
        try:
            return (
                key is not None
                and self.images.find(str(name), hints) == self._pictures[key].file
            )
        except LookupError:
            return False

    def _read_annotation(
        self,
        number: int,
        annotation: dict[str, Any],
        picture: _Picture,
        placement: Placement,
    ) -> LabelObservation:
        """Raises ValueError."""
        category = as_id(annotation.get("category_id"))
        if category is None or category not in self._names:
            raise ValueError(
                f"category_id {annotation.get('category_id')!r} is not among the categories"
            )
        box = _read_box(annotation.get("bbox"))
        mask = self._read_mask(annotation.get("segmentation"), placement)
        if box is not None:
            box = placement.place_box(box)
        elif mask is not None:
            box = _find_box(annotation["segmentation"], mask, placement)
        elif annotation.get("bbox") or annotation.get("segmentation"):
            raise ValueError("it has neither a box nor a mask that can be read")
        attributes = _read_attributes(
            annotation, self._points.get(category, ()), placement
        )
        track = as_id(annotation.get("track_id", dict(attributes).get("track_id")))
        sensor = self.images.name_sensor(picture.file)
        return LabelObservation(
            picture.file.path,
            "recognition" if box is None else _TASK,
            self._names[category],
            whole_file(self.file),
            sensor,
            None,
            box,
            mask,
            track if isinstance(track, int) else None,
            index=number,
            attributes=attributes,
        )

    def _read_mask(self, segmentation: Any, placement: Placement) -> str | None:
        width, height = placement.drawn_px
        self.columns_px += width if segmentation else 0
        if self.columns_px > _FREE_COLUMNS + _COLUMNS_A_BYTE * self.file.size_bytes:
            raise ValueError(
                f"a mask of {width}x{height} pixels, with which masks are more than the file may hold"
            )
        if isinstance(segmentation, list):  # corners are turned before they are drawn
            return encode_segmentation(
                _place_polygons(segmentation, placement), placement.size_px
            )
        mask = encode_segmentation(segmentation, (width, height))
        return None if mask is None else place_runs(mask, placement)

    def _refuse(self, reason: str, remedy: str) -> Problem:
        return Problem(whole_file(self.file), CocoReader.name, reason[:500], remedy)


def _is_to_be_labelled(document: dict[str, Any]) -> bool:
    """Whether it is as the export of frames wrote it."""
    info = document.get("info")
    return isinstance(info, dict) and info.get("description") == UNLABELLED


def _name_unread(document: Any, annotations: Sequence[dict[str, Any]]) -> str | None:
    """What a file in COCO's frame holds that is no object; None for objects."""
    if annotations and all("caption" in a for a in annotations):
        return f"{len(annotations)} captions"
    return None


def _list_of(document: Any, key: str) -> list[dict[str, Any]]:
    value = document.get(key) if isinstance(document, dict) else None
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError(f"it has no list of objects {key!r}")
    return value


def _find_mask_sizes(annotations: Sequence[dict[str, Any]]) -> dict[int | str, Size]:
    """image id -> the size that its run-length masks state."""
    found: dict[int | str, Size] = {}
    for annotation in annotations:
        mask = annotation.get("segmentation")
        key = as_id(annotation.get("image_id"))
        size = mask.get("size") if isinstance(mask, dict) else None
        stated = (
            _read_size(dict(zip(("height", "width"), size, strict=False)))
            if isinstance(size, list)
            else None
        )
        if key is not None and stated:
            found.setdefault(key, stated)
    return found


def _read_size(image: dict[str, Any]) -> Size | None:
    """The size that the labels were drawn on; None where the file does not state one."""
    width = as_id(image.get("width"))
    height = as_id(image.get("height"))
    return (
        (width, height)
        if isinstance(width, int) and isinstance(height, int) and width > 0 < height
        else None
    )


def _read_box(value: Any) -> Box | None:
    """[x, y, width, height] as xyxy, corners in order; None where there is none: an empty list, or zeros in all places.

    A box of zero width or height is passed on: a check reports it. Raises ValueError.
    """
    if value is None or value == [] or value == [0, 0, 0, 0]:
        return None
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError(f"bbox {str(value)[:80]} is not four numbers")
    x, y, width, height = (_as_number(v, "bbox") for v in value)
    if not all(map(math.isfinite, (x, y, x + width, y + height))):
        raise ValueError(f"bbox {value} is not finite")
    return order_corners((x, y, x + width, y + height))


def _find_box(segmentation: Any, mask: str, placement: Placement) -> Box:
    """The box around the corners of polygons, or the pixels of run lengths, in stored pixels."""
    if not isinstance(segmentation, list):
        return find_box(decode_mask(mask, placement.size_px[1], placement.size_px[0]))
    numbers = [
        value
        for polygon in _place_polygons(segmentation, placement)
        for value in polygon
    ]
    return (
        min(numbers[0::2]),
        min(numbers[1::2]),
        max(numbers[0::2]),
        max(numbers[1::2]),
    )


def _as_number(value: Any, what: str) -> float:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{what} holds {str(value)[:40]!r}, which is no number")
    return float(value)


def _place_polygons(polygons: Sequence[Any], placement: Placement) -> list[list[float]]:
    """Corners x0, y0, x1, ... in stored px; those with fewer than three corners cover nothing and are left out."""
    found = []
    for polygon in polygons:
        if not isinstance(polygon, list) or len(polygon) % 2:
            raise ValueError("a segmentation that is no list of polygons")
        numbers = [_as_number(v, "a polygon") for v in polygon]
        placed = placement.place_points(
            list(zip(numbers[0::2], numbers[1::2], strict=True))
        )
        if len(placed) > 2:
            found.append([value for point in placed for value in point])
    return found


def _read_attributes(
    annotation: dict[str, Any], point_names: Sequence[str], placement: Placement
) -> tuple[tuple[str, str], ...]:
    """What else is said of an object: keypoints as `x y visibility` in stored pixels, and plain attributes."""
    found = []
    if (
        isinstance(keypoints := annotation.get("keypoints"), list)
        and len(keypoints) % 3 == 0
        and keypoints
    ):
        numbers = [_as_number(v, "keypoints") for v in keypoints]
        points = zip(numbers[0::3], numbers[1::3], numbers[2::3], strict=True)
        found.append(
            (
                "keypoints",
                format_keypoints([((x, y), v) for x, y, v in points], placement),
            )
        )
        if point_names:
            found.append(
                (
                    "keypoint_names",
                    " ".join(name.replace(" ", "_") for name in point_names),
                )
            )
    stated = annotation.get("attributes")
    if isinstance(stated, dict):
        found += [
            (str(k), _as_text(v))
            for k, v in stated.items()
            if isinstance(v, str | int | float | bool)
        ]
    return tuple(found)


def format_keypoints(
    points: Sequence[tuple[Point, float]], placement: Placement
) -> str:
    """`x y visibility` of each point, in stored pixels; an unmarked point (visibility 0) has no place."""
    placed = [
        (placement.place_point(point) if seen else (0.0, 0.0), seen)
        for point, seen in points
    ]
    return " ".join(f"{x:.6g} {y:.6g} {seen:g}" for (x, y), seen in placed)


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
