"""Read Label Studio JSON exports beside the images that they name.

Regions are in per cent of the image and become px: rectangles (one that is turned, about its first corner, becomes the
box around it and a mask), polygons, brush masks (what is more than half opaque); choices are labels of the whole image.
Of several annotations of one task the one marked as ground truth counts, otherwise the newest, so that no object counts
twice. What is left out (predictions, cancelled and other annotations, kinds of regions) is counted in the notes. An
image is found by its file name; the eight hex digits that an upload puts before it are ignored.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from assets.capture.observations import CapturePlan, LabelObservation, Observation, Problem
from assets.capture.readers.brush_runs import decode_brush
from assets.capture.readers.image_labels import Box, ImageLabels, MaskBudget, cover, outline, turn
from assets.capture.readers.layout import folder_of, is_hidden, join, name_of, suffix_of
from assets.capture.readers.pairing import plan_label_files
from assets.capture.readers.protocol import Opener, UnreadableBytes, read_bytes, read_head, whole_file
from assets.capture.readers.strict_json import MAX_JSON_BYTES, parse_json
from assets.storage import SessionFile

_FOLDERS = frozenset({"annotations", "annotation", "labels"})
_LOOKS_LIKE = re.compile(rb"\s*\[\s*\{.*\"(annotations|data|file_upload|drafts|predictions|annotator)\"", re.DOTALL)
_BRUSH_PIXELS_A_COLUMN = 200  # of an image that is unpacked, most of it empty: see `MaskBudget`
_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")
_REMEDY = "export the project again in the format 'JSON'"
_IMAGE_REMEDY = "copy the image beside the export"


class LabelStudioReader:
    name = "label_studio"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        return plan_label_files(self.name, files, opener, lambda file: _is_export(file, opener), _FOLDERS)

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        jsons = [f for f in plan.files if suffix_of(f.path) == ".json"]
        images = ImageLabels(self.name, plan.root, [f for f in plan.files if suffix_of(f.path) != ".json"], opener)
        yield from images.read_frames()
        for file in jsons:
            yield from _Export(file, images, plan.notes).read(opener)
        images.note_unnamed(plan.notes)


def _is_export(file: SessionFile, opener: Opener) -> bool:
    if suffix_of(file.path) != ".json" or is_hidden(file.path):
        return False
    try:
        return _LOOKS_LIKE.match(read_head(file, opener)) is not None
    except UnreadableBytes:
        return False


@dataclass
class _Export:
    """One JSON file."""

    file: SessionFile
    images: ImageLabels
    notes: dict[str, str]
    _next: int = 0
    _counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._budget = MaskBudget(self.file.size_bytes)

    def read(self, opener: Opener) -> Iterator[Observation]:
        try:
            tasks = parse_json(read_bytes(self.file, opener, MAX_JSON_BYTES))
        except UnreadableBytes as error:
            yield self._refuse(error.reason, error.remedy)
            return
        except ValueError as error:
            yield self._refuse(f"not an export of Label Studio: {error}", _REMEDY)
            return
        for number, task in enumerate(tasks):
            if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
                yield self._refuse(
                    f"entry {number} is no task with `data`: the short form (JSON_MIN) is not read", _REMEDY
                )
                return
            yield from self._read_task(task, task.get("id", number))
        for what, count in sorted((+self._counts).items()):
            self.notes[f"{self.file.path}: {what}"] = str(count)

    def _read_task(self, task: dict[str, Any], task_id: Any) -> Iterator[Observation]:
        try:
            image = self._find_image(task["data"])
        except LookupError as error:
            yield self._refuse(f"task {task_id}: {error}", _IMAGE_REMEDY)
            return
        self._counts["not read: predictions"] += len(_list_of(task, "predictions"))
        annotation = self._choose(_list_of(task, "annotations") or _list_of(task, "completions"))
        for region in _list_of(annotation, "result"):
            try:
                yield from self._read_region(region, image)
            except (ValueError, TypeError, KeyError) as error:
                why = f"has no {error}" if isinstance(error, KeyError) else str(error)
                yield self._refuse(f"task {task_id}, region {str(region.get('id'))[:40]}: {why}", _REMEDY)

    def _find_image(self, data: dict[str, Any]) -> SessionFile:
        found: dict[str, SessionFile] = {}
        reasons = []
        for value in data.values():
            for name in _names_of(value) if isinstance(value, str) else ():
                try:
                    image = self.images.find(name)
                    found[image.path] = image
                    break
                except LookupError as error:
                    reasons.append(str(error))
        if len(found) != 1:
            raise LookupError(f"its data name {len(found)} images" if found else (reasons or ["it names no image"])[0])
        return next(iter(found.values()))

    def _choose(self, annotations: list[dict[str, Any]]) -> dict[str, Any]:
        valid = [a for a in annotations if not a.get("was_cancelled")]
        self._counts["not read: cancelled annotations"] += len(annotations) - len(valid)
        if not valid:
            self._counts["tasks without an annotation"] += 1
            return {}
        self._counts["not read: other annotations of the same task"] += len(valid) - 1
        truths = [a for a in valid if a.get("ground_truth")]
        return max(truths or valid, key=lambda a: (str(a.get("updated_at") or ""), str(a.get("id")).zfill(20)))

    def _read_region(self, region: dict[str, Any], image: SessionFile) -> Iterator[LabelObservation]:
        kind, value = str(region["type"]), region["value"]
        if kind not in _SHAPES:
            self._counts[f"not read: {kind[:40]}"] += 1
            return
        box: Box | None = None
        mask: str | None = None
        if kind != "choices":
            box, mask = self._read_shape(kind, region, value, image)
        names = value[kind]
        if not isinstance(names, list) or not names or not all(isinstance(n, str) and n for n in names):
            raise ValueError(f"{kind} are {str(names)[:40]!r}, not a list of names")
        for name in names:
            number, self._next = self._next, self._next + 1
            yield LabelObservation(
                image.path, "recognition" if box is None else "detection", name, whole_file(self.file),
                self.images.name_sensor(image), None, box, mask, index=number,
            )  # fmt: skip

    def _read_shape(
        self, kind: str, region: dict[str, Any], value: dict[str, Any], image: SessionFile
    ) -> tuple[Box, str | None]:
        if region.get("image_rotation"):
            raise ValueError("it was drawn on a turned view of the image, and its per cents are of that")
        stated_px = region.get("original_width"), region.get("original_height")
        if not all(type(v) is int for v in stated_px):
            raise ValueError(f"original_width and original_height are {stated_px}, not whole numbers")
        size_px = self.images.check_size(image, (int(stated_px[0] or 0), int(stated_px[1] or 0)))
        if kind == "brushlabels":
            if value.get("format") != "rle":
                raise ValueError(f"a brush mask in format {str(value.get('format'))[:20]!r}, not 'rle'")
            self._budget.spend(size_px[0] * size_px[1] / _BRUSH_PIXELS_A_COLUMN)
            return cover(decode_brush(value.get("rle"), size_px), 0, 0, size_px)
        if kind == "polygonlabels":
            return outline([_to_px(point, size_px) for point in value["points"]], size_px, self._budget)
        (left, top), (width, height) = (_to_px((value[a], value[b]), size_px) for a, b in ("xy", ("width", "height")))
        corners = [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
        if angle_deg := float(value.get("rotation") or 0):
            return outline(turn(corners, (left, top), angle_deg), size_px, self._budget)
        return (left, top, left + width, top + height), None

    def _refuse(self, reason: str, remedy: str) -> Problem:
        return Problem(whole_file(self.file), LabelStudioReader.name, reason[:500], remedy)


_SHAPES = frozenset({"rectanglelabels", "polygonlabels", "brushlabels", "choices"})


def _to_px(per_cent: Sequence[Any], size_px: tuple[int, int]) -> tuple[float, float]:
    x, y = per_cent
    if type(x) not in (int, float) or type(y) not in (int, float) or not math.isfinite(x) or not math.isfinite(y):
        raise ValueError(f"{str(per_cent)[:40]} are not two numbers")
    return x * size_px[0] / 100, y * size_px[1] / 100


def _names_of(address: str) -> Iterator[str]:
    """The file names that an address may mean: `/data/upload/1/0a1b2c3d-a.jpg`, `s3://b/a.jpg`, `...?d=dir/a.jpg`."""
    parts = urlsplit(address)
    path = parse_qs(parts.query).get("d", [""])[0] or unquote(parts.path)
    yield path
    if _UPLOAD_PREFIX.match(name_of(path)):
        yield join(folder_of(path), _UPLOAD_PREFIX.sub("", name_of(path)))


def _list_of(value: dict[str, Any], key: str) -> list[dict[str, Any]]:
    items = value.get(key)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
