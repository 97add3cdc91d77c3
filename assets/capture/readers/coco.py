"""Read COCO datasets: JSON with `images`, `annotations` and `categories`, beside the images it names.

Boxes become `xyxy` by adding width and height, otherwise the numbers stay. Polygons and run lengths become compressed
run-length masks. Regions marked `iscrowd` stand for many objects: they are counted in the notes, not read as objects.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from assets.capture.observations import CapturePlan, LabelObservation, Observation, Problem
from assets.capture.readers.frame_files import FrameFiles
from assets.capture.readers.layout import (
    folder_of,
    is_hidden,
    list_paths,
    name_of,
    sensor_of,
    split_of,
    split_of_path,
    stem_of,
    suffix_of,
)
from assets.capture.readers.mask_runs import encode_segmentation
from assets.capture.readers.pairing import ImageIndex, plan_label_files
from assets.capture.readers.protocol import MAX_LABELS, Opener, UnreadableBytes, open_checked, read_bytes, whole_file
from assets.capture.readers.strict_json import MAX_JSON_BYTES, parse_json
from assets.storage import SessionFile

_LOOK_BYTES = 1 << 16
_KEYS = (b'"images"', b'"annotations"', b'"categories"')
_FOLDERS = frozenset({"annotations", "annotation", "labels"})
_REMEDY = "export the COCO file again"
_FREE_COLUMNS, _COLUMNS_A_BYTE = 10_000_000, 2  # of pixels, in all masks of a file: what they cost to encode


class CocoReader:
    name = "coco"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        return plan_label_files(self.name, files, opener, lambda file: _is_coco(file, opener), _FOLDERS)

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        jsons = [f for f in plan.files if suffix_of(f.path) == ".json"]
        images = [f for f in plan.files if suffix_of(f.path) != ".json"]
        index, splits = ImageIndex(images), dict[str, str]()
        labels: list[Observation] = []
        for file in jsons:
            labels += _Dataset(file, index, splits, plan.notes, plan.root).read(opener)
        frames = FrameFiles(self.name, plan.root, opener)
        yield from frames.read(images, lambda f: splits.get(f.path) or split_of_path(f.path, plan.root))
        yield from labels
        labelled = {label.frame_path for label in labels if isinstance(label, LabelObservation)}
        if bare := {i.path for i in images} - labelled:
            plan.notes["images without labels"] = list_paths(p for p in bare if p)


def _is_coco(file: SessionFile, opener: Opener) -> bool:
    if suffix_of(file.path) != ".json" or is_hidden(file.path):
        return False
    if name_of(file.path).lower().startswith(("instances_", "_annotations.coco")):
        return True
    try:
        with open_checked(file, opener) as stream:
            head = stream.read(_LOOK_BYTES)
            if file.size_bytes > _LOOK_BYTES:
                stream.seek(max(_LOOK_BYTES, file.size_bytes - _LOOK_BYTES))
                head += stream.read(_LOOK_BYTES)
    except UnreadableBytes:
        return False
    return sum(key in head for key in _KEYS) >= 2


@dataclass
class _Dataset:
    """One COCO file."""

    file: SessionFile
    index: ImageIndex
    splits: dict[str, str]  # filled: image path -> split named by this file
    notes: dict[str, str]
    root: str
    columns_px: int = 0  # of the masks so far
    num_labels: Counter[str] = field(default_factory=Counter)  # by image

    def read(self, opener: Opener) -> Iterator[Observation]:
        try:
            document = parse_json(read_bytes(self.file, opener, MAX_JSON_BYTES))
            images, annotations, categories = (
                _list_of(document, key) for key in ("images", "annotations", "categories")
            )
        except UnreadableBytes as error:
            yield self._refuse(error.reason, error.remedy)
            return
        except ValueError as error:
            yield self._refuse(f"not a COCO file: {error}", _REMEDY)
            return
        found: dict[Any, tuple[SessionFile, dict[str, Any]]] = {}
        absent: set[Any] = set()
        yield from self._find_images(images, found, absent)
        names = {
            c.get("id"): c.get("name") for c in categories if isinstance(c.get("name"), str) and _is_id(c.get("id"))
        }
        dropped: Counter[str] = Counter()
        for number, annotation in enumerate(annotations):
            if annotation.get("iscrowd"):
                dropped["crowd regions"] += 1
            elif _is_id(annotation.get("image_id")) and annotation["image_id"] in absent:
                dropped["annotations of images that are not there"] += 1
            elif self._is_one_too_many(annotation):
                yield self._refuse(f"annotation {number}: more than {MAX_LABELS} of one image, not read on", _REMEDY)
                return
            else:
                yield self._read_annotation(number, annotation, found, names)
        for what, count in dropped.items():
            self.notes[f"not read from {self.file.path}: {what}"] = str(count)

    def _is_one_too_many(self, annotation: dict[str, Any]) -> bool:
        key = str(annotation.get("image_id"))
        self.num_labels[key] += 1
        return self.num_labels[key] > MAX_LABELS

    def _find_images(
        self, images: list[dict[str, Any]], found: dict[Any, tuple[SessionFile, dict[str, Any]]], absent: set[Any]
    ) -> Iterator[Problem]:
        tokens = [t for t in re.split(r"[_.]", stem_of(self.file.path)) if split_of(t)]
        hints = (*tokens, *folder_of(self.file.path).split("/"))
        for number, image in enumerate(images):
            key, name = image.get("id"), image.get("file_name")
            if not _is_id(key) or not isinstance(name, str) or key in found:
                yield self._refuse(
                    f"image {number} has id {key!r} and file_name {name!r}: none, or one that is taken", _REMEDY
                )
                continue
            try:
                file = self.index.find(name, hints)
            except LookupError as error:
                absent.add(key)
                yield self._refuse(str(error), "copy the image to its place")
                continue
            found[key] = (file, image)
            if tokens:
                self.splits[file.path] = split_of(tokens[0]) or ""

    def _read_annotation(
        self,
        number: int,
        annotation: dict[str, Any],
        found: dict[Any, tuple[SessionFile, dict[str, Any]]],
        names: dict[Any, Any],
    ) -> LabelObservation | Problem:
        key, category = annotation.get("image_id"), annotation.get("category_id")
        if not _is_id(key) or key not in found:
            return self._refuse(f"annotation {number}: image_id {key!r} is not among the images", _REMEDY)
        if not _is_id(category) or category not in names:
            return self._refuse(f"annotation {number}: category_id {category!r} is not among the categories", _REMEDY)
        file, image = found[key]
        try:
            box = _read_box(annotation["bbox"]) if "bbox" in annotation else None
            mask = self._read_mask(annotation, image)
        except ValueError as error:
            return self._refuse(f"annotation {number}: {error}", _REMEDY)
        track = annotation.get("track_id")
        return LabelObservation(
            file.path, "recognition" if box is None else "detection", names[category], whole_file(self.file),
            sensor_of(file.path, self.root), None, box, mask, track if type(track) is int else None, index=number,
        )  # fmt: skip

    def _read_mask(self, annotation: dict[str, Any], image: dict[str, Any]) -> str | None:
        width, height = image.get("width"), image.get("height")
        if type(width) is not int or type(height) is not int:
            return None  # a mask without the size of its image has no place
        self.columns_px += width if annotation.get("segmentation") else 0
        if self.columns_px > _FREE_COLUMNS + _COLUMNS_A_BYTE * self.file.size_bytes:
            raise ValueError(f"a mask of {width}x{height} pixels, with which masks are more than the file may hold")
        return encode_segmentation(annotation.get("segmentation"), (width, height))

    def _refuse(self, reason: str, remedy: str) -> Problem:
        return Problem(whole_file(self.file), CocoReader.name, reason[:500], remedy)


def _list_of(document: Any, key: str) -> list[dict[str, Any]]:
    value = document.get(key) if isinstance(document, dict) else None
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError(f"it has no list of objects {key!r}")
    return value


def _is_id(value: Any) -> bool:
    return type(value) in (int, str)


def _read_box(value: Any) -> tuple[float, float, float, float]:
    """[x, y, width, height] as xyxy. A box of zero or negative size is passed on: a check reports it."""
    if not isinstance(value, list) or len(value) != 4 or not all(type(v) in (int, float) for v in value):
        raise ValueError(f"bbox {str(value)[:80]} is not four numbers")
    x, y, width, height = (float(v) for v in value)
    if not all(map(math.isfinite, (x, y, x + width, y + height))):
        raise ValueError(f"bbox {value} is not finite")
    return x, y, x + width, y + height
