"""Read the JSON of LabelMe: one file a picture, with its shapes.

Rectangles are boxes; polygons, circles and masks are objects with a mask. Shapes of one label and `group_id` are one
object, as LabelMe's converter joins them. Points and lines stand for no single object. Flags of the picture are labels
of the whole image. A file without a shape is a negative, unless no file of the data set has one and flags are what it
is about.

The picture is that of `imagePath`, from the folder of the file; where it is not there, the one beside the file that has
its name. `imageHeight` and `imageWidth` are those of the picture that the labels were drawn on: LabelMe turns it
upright by its EXIF orientation. A picture that is only inside the file (`imageData`) is not taken.
"""

from __future__ import annotations

import base64
import binascii
import math
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assets.formats.annotations.documents import read_documents
from assets.formats.annotations.ellipses import outline_ellipse
from assets.formats.annotations.image_labels import (
    PIXELS_A_COLUMN,
    ImageLabels,
    MaskBudget,
    cover,
    outline,
)
from assets.formats.annotations.label_book import LabelBook
from assets.formats.annotations.label_images import read_numbers
from assets.formats.annotations.mask_runs import join_runs
from assets.formats.annotations.orientation import (
    Box,
    Placement,
    Point,
    Size,
    order_corners,
)
from assets.formats.annotations.pairing import hints_of, plan_label_files
from assets.formats.annotations.picture_json import (
    DETECTION,
    Form,
    Habits,
    PictureJson,
)
from assets.formats.layout import folder_of, is_hidden, join, stem_of, suffix_of
from assets.formats.observations import Observation, Problem
from assets.formats.protocol import (
    CapturePlan,
    Opener,
    UnreadableBytes,
    read_ends,
)
from assets.storage import SessionFile

_LOOK_BYTES = 1 << 16
_FOLDERS = frozenset({"annotations", "annotation", "labels", "json", "jsons"})


class LabelMeReader:
    name = "labelme"
    classes_from = "`label` of the shapes"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        plans = plan_label_files(
            self.name, files, opener, lambda file: _is_labelme(file, opener), _FOLDERS
        )
        return [
            plan
            for plan in plans
            if not all(suffix_of(f.path) == ".json" for f in plan.files)
        ]

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        jsons = [f for f in plan.files if suffix_of(f.path) == ".json"]
        pictures = {f.path: f for f in plan.files if suffix_of(f.path) != ".json"}
        images = ImageLabels(self.name, plan.root, list(pictures.values()), opener)
        book = LabelBook(plan)
        habits = Habits()
        documents = [
            _Document(_FORM, file, images, pictures, book, habits) for file in jsons
        ]
        yield from read_documents(documents, images, book, opener)
        plan.notes.update({what: str(count) for what, count in habits.counts.items()})


def _is_labelme(file: SessionFile, opener: Opener) -> bool:
    if suffix_of(file.path) != ".json" or is_hidden(file.path):
        return False
    try:
        text = read_ends(file, opener, _LOOK_BYTES)
    except UnreadableBytes:
        return False
    signs = (b'"imagePath"', b'"imageData"', b'"shape_type"')
    return b'"shapes"' in text and any(sign in text for sign in signs)


@dataclass
class _Document(PictureJson):
    """One file of LabelMe. Shapes of one group are one object."""

    _objects: dict[object, list[_Part]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def _list_tags(self) -> Iterable[tuple[int, str]]:
        return enumerate(_list_flags(self._said))

    def _has_tags(self) -> bool:
        return bool(_list_flags(self._said))

    def open(self, opener: Opener) -> Iterator[Problem]:
        yield from super().open(opener)
        if self._said and self._exact() is None:
            self.images.announce([self._reference], hints_of(self.file))

    def read(self) -> Iterator[Problem]:
        yield from super().read()
        for parts in self._objects.values():
            self._add(parts)
        self._objects.clear()

    def _read_size(self) -> Size | None:
        return _read_size(self._said)

    def _name_kind(self, item: dict[str, Any]) -> str:
        return str(item.get("shape_type") or "polygon")

    def _take(
        self,
        number: int,
        kind: str,
        item: dict[str, Any],
        placement: Placement,
        budget: MaskBudget,
    ) -> None:
        part = _read_part(number, kind, item, placement, budget)
        self._objects[part.key].append(part)

    def _add(self, parts: Sequence[_Part]) -> None:
        """One object of the parts that its group has."""
        boxes = np.array([part.box for part in parts])
        masks = [part.mask for part in parts if part.mask is not None]
        x0, y0 = boxes[:, :2].min(axis=0)
        x1, y1 = boxes[:, 2:].max(axis=0)
        assert self._image is not None
        self.book.add(
            self._label(
                self._image,
                DETECTION,
                parts[0].class_name,
                box_xyxy=(float(x0), float(y0), float(x1), float(y1)),
                # a part without a mask leaves pixels of the object unknown
                mask_rle=join_runs(masks, parts[0].size_px)
                if len(masks) == len(parts)
                else None,
                index=parts[0].number,
                attributes=tuple(
                    dict.fromkeys(pair for part in parts for pair in part.attributes)
                ),
            )
        )

    @property
    def _reference(self) -> str:
        path = self._said.get("imagePath")
        stated = path.replace("\\", "/") if isinstance(path, str) else ""
        return stated or stem_of(self.file.path)

    def _exact(self) -> SessionFile | None:
        """The picture at the place that the file states."""
        place = join(folder_of(self.file.path), self._reference)
        return self.pictures.get(posixpath.normpath(place))

    def _find_image(self) -> SessionFile:
        beside = [
            f
            for f in self.pictures.values()
            if folder_of(f.path) == folder_of(self.file.path)
            and stem_of(f.path) == stem_of(self.file.path)
        ]
        exact = self._exact()
        try:
            image = (
                self.images.take(exact)
                if exact
                else self.images.find(self._reference, hints_of(self.file))
            )
        except LookupError:
            if len(beside) != 1:
                raise
            self.habits.counts[
                "images found by the name of their file, as imagePath is not there"
            ] += 1
            return self.images.take(beside[0])
        if beside and image not in beside:
            raise LookupError(
                f"it is named like {beside[0].path!r} and says that it is of {image.path!r}: which of the two?"
            )
        return image


@dataclass(frozen=True)
class _Part:
    """A shape that is an object, or a part of one."""

    number: int
    key: object  # equal for the parts of an object
    class_name: str
    box: Box
    mask: str | None
    size_px: Size  # of the picture as it is stored
    attributes: tuple[tuple[str, str], ...]


def _read_part(
    number: int,
    kind: str,
    shape: dict[str, Any],
    placement: Placement,
    budget: MaskBudget,
) -> _Part:
    """Raises ValueError."""
    name = shape.get("label")
    if not isinstance(name, str) or not name.strip():
        raise ValueError("has no label")
    box, mask = _DRAWERS[kind](shape, _read_points(shape), placement, budget)
    group = shape.get("group_id")
    attributes = [(flag, "1") for flag in _list_flags(shape)]
    description = shape.get("description")
    if isinstance(description, str) and description.strip():
        attributes.append(("description", description.strip()))
    if group is not None:
        attributes.append(("group_id", str(group)))
    key = number if group is None else (name, str(group))
    return _Part(number, key, name, box, mask, placement.size_px, tuple(attributes))


def _read_points(shape: dict[str, Any]) -> list[Point]:
    points = shape.get("points")
    if not isinstance(points, list) or not all(
        isinstance(point, list)
        and len(point) == 2
        and all(type(v) in (int, float) and math.isfinite(v) for v in point)
        for point in points
    ):
        raise ValueError("its points are no list of x and y")
    return [(float(x), float(y)) for x, y in points]


def _take_two(points: list[Point], kind: str) -> tuple[Point, Point]:
    if len(points) != 2:
        raise ValueError(f"a {kind} of {len(points)} points, not 2")
    return points[0], points[1]


def _draw_rectangle(
    shape: dict[str, Any], points: list[Point], placement: Placement, budget: MaskBudget
) -> tuple[Box, str | None]:
    """Two corners, or four."""
    if len(points) not in (2, 4):
        raise ValueError(f"a rectangle of {len(points)} points, not 2")
    xs, ys = zip(*points, strict=True)
    return placement.place_box(
        order_corners((min(xs), min(ys), max(xs), max(ys)))
    ), None


def _draw_polygon(
    shape: dict[str, Any], points: list[Point], placement: Placement, budget: MaskBudget
) -> tuple[Box, str | None]:
    return outline(points, placement, budget)


def _draw_circle(
    shape: dict[str, Any], points: list[Point], placement: Placement, budget: MaskBudget
) -> tuple[Box, str | None]:
    """The centre, and a point on the circle."""
    centre, edge = _take_two(points, "circle")
    radius = math.dist(centre, edge)
    return outline_ellipse(centre, (radius, radius), 0.0, placement, budget)


def _draw_mask(
    shape: dict[str, Any], points: list[Point], placement: Placement, budget: MaskBudget
) -> tuple[Box, str | None]:
    """The first and the last pixel of a window, and the window as PNG."""
    corners = _take_two(points, "mask")
    (x0, y0), (x1, y1) = ((round(x), round(y)) for x, y in corners)
    try:
        window = (
            read_numbers(base64.b64decode(shape.get("mask") or "", validate=True)) > 0
        )
    except (binascii.Error, TypeError) as error:
        raise ValueError(f"its mask is no base64: {error}") from error
    budget.spend(window.size / PIXELS_A_COLUMN)
    width, height = placement.drawn_px
    if window.shape != (y1 - y0 + 1, x1 - x0 + 1):
        size = f"{window.shape[1]}x{window.shape[0]}"
        raise ValueError(
            f"a mask of {size} px for a window of {x1 - x0 + 1}x{y1 - y0 + 1}"
        )
    if min(x0, y0) < 0 or x1 >= width or y1 >= height:
        raise ValueError(f"a mask that leaves the {width}x{height} image")
    return cover(window, x0, y0, placement)


_DRAWERS = {
    "rectangle": _draw_rectangle,
    "polygon": _draw_polygon,
    "circle": _draw_circle,
    "mask": _draw_mask,
}
_FORM = Form(
    reader=LabelMeReader.name,
    tool="LabelMe",
    items="shapes",
    remedy="save the picture's labels again in LabelMe",
    image_remedy=(
        "copy the image beside its file; `labelme_export_json FILE` writes one that is inside the file"
    ),
    kinds=frozenset(_DRAWERS),
    no_objects=frozenset({"point", "points", "line", "linestrip"}),
)


def _list_flags(said: dict[str, Any]) -> list[str]:
    """The names of the flags that are set."""
    flags = said.get("flags")
    if not isinstance(flags, dict):
        return []
    return [name for name, value in flags.items() if value is True and name.strip()]


def _read_size(said: dict[str, Any]) -> Size | None:
    """None where the file states none."""
    width, height = said.get("imageWidth"), said.get("imageHeight")
    if type(width) is not int or type(height) is not int or min(width, height) < 1:
        return None
    return width, height
