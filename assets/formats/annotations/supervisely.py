"""Read projects of Supervisely: `meta.json`, and in each data set `ann/<picture>.json` beside `img/<picture>`.

Rectangles are boxes: corners of whole numbers are pixels, of which the last is within, as the SDK writes them; others
are edges, as the labelling tool draws them. Numbers of polygons and graphs stay as written. Polygons, with their holes,
and bitmaps are objects with a mask; graphs are objects with keypoints, in the order that `meta.json` gives the nodes of
the class. Points and lines stand for no single object. Tags of an object are its attributes; tags of a picture that
have no value are labels of the whole image. A picture without an object is a negative, unless no picture of the project
has one and tags are what it is about.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assets.formats.annotations.coco import format_keypoints
from assets.formats.annotations.documents import read_documents
from assets.formats.annotations.image_labels import (
    PIXELS_A_COLUMN,
    ImageLabels,
    MaskBudget,
    cover,
    outline,
)
from assets.formats.annotations.label_book import LabelBook
from assets.formats.annotations.label_images import MAX_LABEL_PIXELS
from assets.formats.annotations.orientation import (
    Box,
    Placement,
    Point,
    Size,
    order_corners,
)
from assets.formats.annotations.picture_json import (
    DETECTION,
    Form,
    Habits,
    PictureJson,
    are_objects,
)
from assets.formats.images.image_headers import read_header
from assets.formats.layout import folder_of, is_hidden, is_image, join, name_of, stem_of
from assets.formats.observations import Observation, Problem
from assets.formats.protocol import (
    LABELS_NOT_READ,
    NOT_READ,
    CapturePlan,
    Opener,
    UnreadableBytes,
    read_bytes,
    read_ends,
    whole_file,
)
from assets.formats.strict_json import MAX_JSON_BYTES, parse_json
from assets.sandbox.tiff_process import decode_mask
from assets.storage import SessionFile
from models.masks import decode_mask as decode_runs

META = "meta.json"
_ANN = "ann"
_IMG = "img"
# beside `ann`, and made from it, or of the server alone
_BESIDE = frozenset({"seg", "img_info", "meta", "blobs"})
_LOOK_BYTES = 1 << 14
_MAX_BITMAP_BYTES = 64 << 20  # of a PNG, expanded
_REMEDY = "export the project again in Supervisely's own format"
Attributes = tuple[tuple[str, str], ...]


class SuperviselyReader:
    name = "supervisely"
    classes_from = "`classTitle` of the objects"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        here = {f.path: f for f in files if not is_hidden(f.path)}
        members: dict[str, list[SessionFile]] = defaultdict(list)
        data_sets: dict[str, str] = {}  # folder of a data set -> that of its project
        for file in here.values():
            if not _is_annotation(file, opener):
                continue
            data_set = folder_of(folder_of(file.path))
            root = data_sets.setdefault(data_set, _find_project(data_set, here))
            members[root].append(file)
        for file in here.values():
            folder = name_of(folder_of(file.path))
            root_of = data_sets.get(folder_of(folder_of(file.path)))
            is_picture = folder == _IMG and is_image(file, opener)
            if root_of is not None and (is_picture or folder in _BESIDE):
                members[root_of].append(file)
        for root in members:
            members[root] += [f for n in _ROOT_FILES if (f := here.get(join(root, n)))]
        return [
            CapturePlan(self.name, root, tuple(mine), is_container=False)
            for root, mine in sorted(members.items())
        ]

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        folders: dict[str, list[SessionFile]] = defaultdict(list)
        for file in plan.files:
            folders[name_of(folder_of(file.path))].append(file)
        for name in sorted(_BESIDE & folders.keys()):
            plan.notes[f"{NOT_READ}: {name}/"] = f"{len(folders[name])} files"
        images = ImageLabels(self.name, plan.root, folders[_IMG], opener)
        pictures = {file.path: file for file in folders[_IMG]}
        book = LabelBook(plan)
        habits = _Habits()
        meta = next((f for f in plan.files if name_of(f.path) == META), None)
        if meta:
            yield from habits.read_meta(meta, opener)
        documents = [
            _Document(_FORM, file, images, pictures, book, habits)
            for file in folders[_ANN]
        ]
        yield from read_documents(documents, images, book, opener)
        plan.notes.update({what: str(count) for what, count in habits.counts.items()})


_ROOT_FILES = (META, "key_id_map.json", "obj_class_to_machine_color.json")


def _is_annotation(file: SessionFile, opener: Opener) -> bool:
    """A JSON in a folder `ann` that has objects and a size, and is of no video."""
    if name_of(folder_of(file.path)) != _ANN or not file.path.endswith(".json"):
        return False
    try:
        text = read_ends(file, opener, _LOOK_BYTES)
    except UnreadableBytes:
        return True
    has = [sign in text for sign in (b'"objects"', b'"size"', b'"framesCount"')]
    return has == [True, True, False] or text.startswith(b"version https://git-lfs")


def _find_project(data_set: str, here: dict[str, SessionFile]) -> str:
    """The innermost folder from a data set up that has the classes of a project; without one the data set."""
    folder = data_set
    while join(folder, META) not in here:
        if not folder:
            return data_set
        folder = folder_of(folder)
    return folder


@dataclass
class _Habits(Habits):
    """Of a project, with what it says of its classes."""

    # class -> its nodes in order: id and name
    nodes: dict[str, dict[str, str]] = field(default_factory=dict)

    def read_meta(self, file: SessionFile, opener: Opener) -> Iterator[Problem]:
        """The nodes of the classes that are graphs."""
        try:
            said = parse_json(read_bytes(file, opener, MAX_JSON_BYTES))
            classes = said["classes"] if isinstance(said, dict) else None
            if classes is None or not are_objects(classes):
                raise ValueError("it has no list 'classes'")
            self.nodes = {str(c.get("title")): _list_nodes(c) for c in classes}
        except UnreadableBytes as error:
            yield Problem(
                whole_file(file), SuperviselyReader.name, error.reason, error.remedy
            )
        except (ValueError, KeyError) as error:
            reason = f"not a description of a project: {error}"[:500]
            yield Problem(whole_file(file), SuperviselyReader.name, reason, _REMEDY)


def _list_nodes(said: dict[str, Any]) -> dict[str, str]:
    config = said.get("geometry_config")
    nodes = config.get("nodes") if isinstance(config, dict) else None
    if not isinstance(nodes, dict):
        return {}
    return {
        str(key): str(node.get("label") or key).strip().replace(" ", "_")
        for key, node in nodes.items()
        if isinstance(node, dict)
    }


@dataclass
class _Document(PictureJson):
    """One file of Supervisely."""

    habits: _Habits

    def _list_tags(self) -> Iterable[tuple[int, str]]:
        for number, (name, value) in enumerate(_list_tags(self._said)):
            if value:
                self.habits.counts[f"{LABELS_NOT_READ}: tags with a value"] += 1
            else:
                yield number, name

    def _has_tags(self) -> bool:
        return bool(_list_tags(self._said))

    def _find_image(self) -> SessionFile:
        data_set = folder_of(folder_of(self.file.path))
        path = join(join(data_set, _IMG), stem_of(self.file.path))
        if path not in self.pictures:
            raise LookupError(f"there is no image {path[:200]!r}")
        return self.images.take(self.pictures[path])

    def _read_size(self) -> Size | None:
        return _read_size(self._said)

    def _name_kind(self, item: dict[str, Any]) -> str:
        return str(item.get("geometryType") or _guess_kind(item))

    def _take(
        self,
        number: int,
        kind: str,
        item: dict[str, Any],
        placement: Placement,
        budget: MaskBudget,
    ) -> None:
        name = item.get("classTitle")
        if not isinstance(name, str) or not name.strip():
            raise ValueError("has no classTitle")
        nodes = self.habits.nodes.get(name, {})
        shape = _DRAWERS[kind](item, nodes, placement, budget)
        assert self._image is not None
        self.book.add(
            self._label(
                self._image,
                DETECTION,
                name,
                box_xyxy=shape.box,
                mask_rle=shape.mask,
                index=number,
                attributes=(
                    *shape.attributes,
                    *((tag, value or "1") for tag, value in _list_tags(item)),
                ),
            )
        )


@dataclass(frozen=True)
class _Shape:
    box: Box
    mask: str | None = None
    attributes: Attributes = ()


_Draw = Callable[[dict[str, Any], dict[str, str], Placement, MaskBudget], _Shape]


def _draw_rectangle(
    item: dict[str, Any],
    nodes: dict[str, str],
    placement: Placement,
    budget: MaskBudget,
) -> _Shape:
    corners = _read_points(_map_of(item, "points").get("exterior"))
    if len(corners) != 2:
        raise ValueError(f"a rectangle of {len(corners)} points, not 2")
    left, top, right, bottom = order_corners((*corners[0], *corners[1]))
    if all(value.is_integer() for value in (left, top, right, bottom)):
        right, bottom = right + 1, bottom + 1
    return _Shape(placement.place_box((left, top, right, bottom)))


def _draw_polygon(
    item: dict[str, Any],
    nodes: dict[str, str],
    placement: Placement,
    budget: MaskBudget,
) -> _Shape:
    points = _map_of(item, "points")
    box, mask = outline(_read_points(points.get("exterior")), placement, budget)
    holes = points.get("interior") or []
    if not isinstance(holes, list):
        raise ValueError("its holes are no list")
    if not holes:
        return _Shape(box, mask)
    width, height = placement.size_px
    budget.spend(width * height * (1 + len(holes)) / PIXELS_A_COLUMN)
    pixels = decode_runs(mask, height, width).astype(bool)
    for hole in holes:
        _, cut = outline(_read_points(hole), placement, budget)
        pixels &= ~decode_runs(cut, height, width).astype(bool)
    _, mask = cover(pixels, 0, 0, Placement(placement.size_px))
    return _Shape(box, mask)


def _draw_bitmap(
    item: dict[str, Any],
    nodes: dict[str, str],
    placement: Placement,
    budget: MaskBudget,
) -> _Shape:
    """A window as PNG, compressed once more, and its place."""
    bitmap = _map_of(item, "bitmap")
    ((x, y),) = _read_points([bitmap.get("origin")])
    png = _expand(bitmap.get("data"))
    header = read_header(png)
    if header is None or header.encoding != "png":
        raise ValueError(f"a bitmap that is no PNG but begins with {png[:8]!r}")
    width, height = placement.drawn_px
    num_pixels = header.width_px * header.height_px
    if num_pixels > MAX_LABEL_PIXELS:
        raise ValueError(f"a bitmap of {num_pixels} px, more than {MAX_LABEL_PIXELS}")
    left, top = round(x), round(y)
    if (
        min(left, top) < 0
        or left + header.width_px > width
        or top + header.height_px > height
    ):
        raise ValueError(f"a bitmap that leaves the {width}x{height} image")
    budget.spend(num_pixels / PIXELS_A_COLUMN)
    return _Shape(*cover(np.asarray(decode_mask(png), bool), left, top, placement))


def _expand(text: Any) -> bytes:
    """The PNG in the data of a bitmap. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError("a bitmap without data")
    try:
        data = base64.b64decode(text, validate=True)
        expander = zlib.decompressobj()
        png = expander.decompress(data, _MAX_BITMAP_BYTES)
    except (binascii.Error, zlib.error) as error:
        raise ValueError(f"data of a bitmap that do not expand: {error}") from error
    if expander.unconsumed_tail or not expander.eof:
        raise ValueError(
            f"data of a bitmap that are cut, or expand to more than {_MAX_BITMAP_BYTES} bytes"
        )
    return png


def _draw_graph(
    item: dict[str, Any],
    nodes: dict[str, str],
    placement: Placement,
    budget: MaskBudget,
) -> _Shape:
    """The box around the nodes that are there; those of the class that are not are points without a place."""
    said = _map_of(item, "nodes")
    names = nodes or {key: key for key in said}
    strange = said.keys() - names.keys()
    if strange:
        raise ValueError(f"a node {min(strange)[:40]!r} that its class does not have")
    points = list[tuple[Point, float]]()
    for key in names:
        node = said.get(key)
        if not isinstance(node, dict):
            points.append(((0.0, 0.0), 0))
            continue
        (point,) = _read_points([node.get("loc")])
        points.append((point, 1 if node.get("disabled") else 2))
    placed = placement.place_points([point for point, seen in points if seen])
    if not placed:
        raise ValueError("a graph without a node")
    xs, ys = zip(*placed, strict=True)
    box = (min(xs), min(ys), max(xs), max(ys))
    if box[0] == box[2] or box[1] == box[3]:
        raise ValueError(f"a graph whose {len(placed)} nodes enclose no area")
    named = (
        ("keypoints", format_keypoints(points, placement)),
        ("keypoint_names", " ".join(names.values())),
    )
    return _Shape(box, None, named)


_DRAWERS: dict[str, _Draw] = {
    "rectangle": _draw_rectangle,
    "polygon": _draw_polygon,
    "bitmap": _draw_bitmap,
    "graph": _draw_graph,
}
_FORM = Form(
    reader=SuperviselyReader.name,
    tool="Supervisely",
    items="objects",
    remedy=_REMEDY,
    image_remedy="export the project with its images",
    kinds=frozenset(_DRAWERS),
    no_objects=frozenset({"point", "polyline"}),
)


def _guess_kind(item: dict[str, Any]) -> str:
    """Of exports that do not say it."""
    return "bitmap" if isinstance(item.get("bitmap"), dict) else "unknown"


def _list_tags(said: dict[str, Any]) -> Attributes:
    """Name and value of each tag; "" of one without a value."""
    tags = said.get("tags")
    if tags is None or not are_objects(tags):
        return ()
    return tuple(
        (str(tag["name"]), "" if tag.get("value") is None else str(tag["value"]))
        for tag in tags
        if isinstance(tag.get("name"), str) and tag["name"].strip()
    )


def _map_of(item: dict[str, Any], name: str) -> dict[str, Any]:
    value = item.get(name)
    if not isinstance(value, dict):
        raise ValueError(f"it has no {name}")
    return value


def _read_points(value: Any) -> list[Point]:
    if not isinstance(value, list) or not all(
        isinstance(point, list)
        and len(point) == 2
        and all(type(v) in (int, float) and math.isfinite(v) for v in point)
        for point in value
    ):
        raise ValueError("its points are no list of x and y")
    return [(float(x), float(y)) for x, y in value]


def _read_size(said: dict[str, Any]) -> Size | None:
    """None where the file states none."""
    size = said.get("size")
    if not isinstance(size, dict):
        return None
    width, height = size.get("width"), size.get("height")
    if type(width) is not int or type(height) is not int or min(width, height) < 1:
        return None
    return width, height
