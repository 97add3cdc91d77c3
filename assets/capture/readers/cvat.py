"""Read CVAT XML 1.1 ("CVAT for images", "CVAT for video") beside the images that it names.

Boxes keep their numbers; a turned box and a polygon become the box around them and a mask; masks become COCO run
lengths; tags are labels of the whole image. Attributes, and `occluded`, stay with their label. A track has one label
for each listed frame that is not `outside`; boxes in frames between two listed ones are interpolated linearly, as CVAT
shows them, and counted in the notes, as is what is not read (points, lines, cuboids, skeletons, ellipses). Frame n of a
video task is the image whose name ends with that number (`frame_000012.PNG`, as CVAT exports them).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

import numpy as np

from assets.capture.observations import CapturePlan, LabelObservation, Observation, Problem
from assets.capture.readers.image_labels import PIXELS_A_COLUMN, Box, ImageLabels, MaskBudget, cover, outline, turn
from assets.capture.readers.layout import is_hidden, list_paths, suffix_of
from assets.capture.readers.pairing import plan_label_files
from assets.capture.readers.protocol import Opener, UnreadableBytes, read_bytes, read_head, whole_file
from assets.capture.readers.strict_xml import parse_xml, read_number
from assets.storage import SessionFile

_MAX_XML_BYTES = 128 << 20
_FOLDERS = frozenset({"annotations", "annotation", "labels", "xml"})
_REMEDY = "export the task again as 'CVAT for images 1.1' or 'CVAT for video 1.1'"
_IMAGE_REMEDY = "export the task with its images, and copy them beside the XML file"
_PARTS = frozenset({"attribute"})

Shape = tuple[Box | None, str | None]  # box px, mask


class CvatReader:
    name = "cvat"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        return plan_label_files(self.name, files, opener, lambda file: _is_cvat(file, opener), _FOLDERS)

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        xmls = [f for f in plan.files if suffix_of(f.path) == ".xml"]
        images = ImageLabels(self.name, plan.root, [f for f in plan.files if suffix_of(f.path) != ".xml"], opener)
        yield from images.read_frames()
        for xml in xmls:
            yield from _Document(xml, images, plan.notes).read(opener)
        images.note_unnamed(plan.notes)


def _is_cvat(file: SessionFile, opener: Opener) -> bool:
    if suffix_of(file.path) != ".xml" or is_hidden(file.path):
        return False
    try:
        return b"<annotations" in read_head(file, opener)
    except UnreadableBytes:
        return False


@dataclass
class _Document:
    """One XML file."""

    file: SessionFile
    images: ImageLabels
    notes: dict[str, str]
    _next: int = 0
    _counts: Counter[str] = field(default_factory=Counter)
    _absent: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._budget = MaskBudget(self.file.size_bytes)

    def read(self, opener: Opener) -> Iterator[Observation]:
        try:
            tree = parse_xml(read_bytes(self.file, opener, _MAX_XML_BYTES), "annotations")
        except UnreadableBytes as error:
            yield self._refuse(error.reason, error.remedy)
            return
        except ValueError as error:
            yield self._refuse(str(error), _REMEDY)
            return
        for image in tree.findall("image"):
            yield from self._read_image(image)
        size_px = _find_task_size(tree)
        for track in tree.findall("track"):
            yield from self._read_track(track, size_px)
        if self._absent:
            frames = list_paths(f"frame {number}" for number in self._absent)
            reason = f"tracks speak of frames that have no image here, {frames}"
            yield self._refuse(reason, _IMAGE_REMEDY)
        for what, count in sorted(self._counts.items()):
            self.notes[f"{self.file.path}: {what}"] = str(count)

    def _read_image(self, item: Element) -> Iterator[Observation]:
        name = item.get("name", "")
        try:
            image = self.images.find(name, (item.get("subset", ""),))
            stated_px = int(read_number(item, "width")), int(read_number(item, "height"))
            size_px = self.images.check_size(image, stated_px)
        except (LookupError, ValueError) as error:
            is_absent = isinstance(error, LookupError)
            yield self._refuse(str(error) if is_absent else f"image {name[:80]!r}: {error}", _IMAGE_REMEDY)
            return
        for shape in item:
            yield from self._read_shape(shape, shape.get("label", ""), image, size_px)

    def _read_shape(
        self, item: Element, label: str, image: SessionFile, size_px: tuple[int, int], track_id: int | None = None
    ) -> Iterator[LabelObservation | Problem]:
        read = _SHAPES.get(item.tag)
        if read is None:
            if item.tag not in _PARTS:
                self._counts[f"not read: {item.tag}"] += 1
            return
        number, self._next = self._next, self._next + 1
        try:
            if not label:
                raise ValueError("has no label")
            box, mask = read(item, size_px, self._budget)
        except ValueError as error:
            yield self._refuse(f"{item.tag} {number} of {image.path}: {error}", _REMEDY)
            return
        yield LabelObservation(
            image.path, "recognition" if box is None else "detection", label, whole_file(self.file),
            self.images.name_sensor(image), None, box, mask, track_id, index=number, attributes=_read_attributes(item),
        )  # fmt: skip

    # ---- video -------------------------------------------------------------------------------------------------------

    def _read_track(self, track: Element, stated_px: tuple[int, int] | None) -> Iterator[Observation]:
        label = track.get("label", "")
        try:
            track_id = int(read_number(track, "id"))
            shapes = sorted(((int(read_number(s, "frame")), s) for s in track if s.get("frame")), key=lambda s: s[0])
        except ValueError as error:
            yield self._refuse(f"track {track.get('id')!r}: {error}", _REMEDY)
            return
        for (frame, shape), following in zip(shapes, [*shapes[1:], None], strict=True):
            if shape.get("outside") == "1":
                continue
            yield from self._read_at(frame, shape, label, stated_px, track_id)
            if following is not None and shape.tag == following[1].tag:
                yield from self._fill(frame, shape, *following, label, stated_px, track_id)

    def _fill(
        self, first: int, before: Element, last: int, after: Element, label: str, stated_px: tuple[int, int] | None,
        track_id: int,
    ) -> Iterator[Observation]:  # fmt: skip
        """The frames between two listed ones, as far as they have images."""
        for frame in (n for n in self.images.numbers() if first < n < last):
            if before.tag != "box":
                self._counts[f"not read: {before.tag} between listed frames"] += 1
                continue
            self._counts["boxes interpolated between listed frames"] += 1
            share = (frame - first) / (last - first)
            try:
                corners = {c: (1 - share) * read_number(before, c) + share * read_number(after, c) for c in _CORNERS}
            except ValueError as error:
                yield self._refuse(f"track {track_id} between frames {first} and {last}: {error}", _REMEDY)
                return
            between = Element("box", {**before.attrib, **{corner: repr(value) for corner, value in corners.items()}})
            between.extend(before.findall("attribute"))
            yield from self._read_at(frame, between, label, stated_px, track_id)

    def _read_at(
        self, frame: int, shape: Element, label: str, stated_px: tuple[int, int] | None, track_id: int
    ) -> Iterator[Observation]:
        try:
            image = self.images.find_by_number(frame)
        except LookupError:
            self._absent.add(frame)
            return
        try:
            size_px = self.images.check_size(image, stated_px)
        except ValueError as error:
            yield self._refuse(str(error), _IMAGE_REMEDY)
            return
        yield from self._read_shape(shape, label, image, size_px, track_id)

    def _refuse(self, reason: str, remedy: str) -> Problem:
        return Problem(whole_file(self.file), CvatReader.name, reason[:500], remedy)


_CORNERS = ("xtl", "ytl", "xbr", "ybr")


def _read_box(item: Element, size_px: tuple[int, int], budget: MaskBudget) -> Shape:
    left, top, right, bottom = (read_number(item, corner) for corner in _CORNERS)
    angle_deg = read_number(item, "rotation") if item.get("rotation") else 0.0
    if not angle_deg:
        return (left, top, right, bottom), None
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return outline(turn(corners, ((left + right) / 2, (top + bottom) / 2), angle_deg), size_px, budget)


def _read_polygon(item: Element, size_px: tuple[int, int], budget: MaskBudget) -> Shape:
    try:
        points = [(float(x), float(y)) for x, y in (p.split(",") for p in item.get("points", "").split(";"))]
    except ValueError:
        raise ValueError(f"points {item.get('points', '')[:40]!r} are not x,y;x,y;...") from None
    if not all(math.isfinite(value) for point in points for value in point):
        raise ValueError("points that are not finite")
    return outline(points, size_px, budget)


def _read_mask(item: Element, size_px: tuple[int, int], budget: MaskBudget) -> Shape:
    """Run lengths along the rows of a window, background first."""
    left, top, width, height = (int(read_number(item, name)) for name in ("left", "top", "width", "height"))
    if left < 0 or top < 0 or width < 1 or height < 1 or left + width > size_px[0] or top + height > size_px[1]:
        raise ValueError(f"a window {width}x{height} at {left},{top} that leaves the {size_px[0]}x{size_px[1]} image")
    try:
        runs = [int(run) for run in item.get("rle", "").split(",")]
    except ValueError:
        raise ValueError("run lengths that are no whole numbers") from None
    if min(runs) < 0 or sum(runs) != width * height:
        raise ValueError(f"run lengths that do not fill their window of {width}x{height} pixels")
    budget.spend(width * height / PIXELS_A_COLUMN)
    return cover(np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width), left, top, size_px)


_SHAPES: dict[str, Callable[[Element, tuple[int, int], MaskBudget], Shape]] = {
    "box": _read_box,
    "polygon": _read_polygon,
    "mask": _read_mask,
    "tag": lambda item, size_px, budget: (None, None),
}


def _read_attributes(item: Element) -> tuple[tuple[str, str], ...]:
    stated = [(a.get("name", ""), (a.text or "").strip()) for a in item.findall("attribute")]
    return tuple(stated + ([("occluded", "1")] if item.get("occluded") == "1" else []))


def _find_task_size(tree: Element) -> tuple[int, int] | None:
    """The size of a video task's frames, where the file states it."""
    width, height = (tree.findtext(f"meta//original_size/{name}", "").strip() for name in ("width", "height"))
    return (int(width), int(height)) if width.isdecimal() and height.isdecimal() else None
