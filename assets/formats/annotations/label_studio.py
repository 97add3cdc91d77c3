"""Read Label Studio JSON exports beside the images that they name.

Regions are in per cent of the image, shown upright, and become px: rectangles (one that is turned, about its first
corner, becomes the box around it and a mask), polygons, ellipses, brush masks (what is more than half opaque), each
with a label of its own or one that shares its id. Choices and texts of a region are attributes of its box; choices of
no region are labels of the whole image. Keypoints that belong to a region stay with it; others have no area.

Of several annotations of one task the one marked as ground truth counts, otherwise the newest, so that no object counts
twice. A task whose annotation is empty is a negative, where the project marks regions; one without an annotation says
nothing. An image is found by its path, without what the server puts before an uploaded file.

`image_rotation` is how the image was seen while it was annotated: the numbers are of the image as it is.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from assets.formats.annotations.brush_runs import decode_brush
from assets.formats.annotations.coco import format_keypoints
from assets.formats.annotations.documents import read_documents
from assets.formats.annotations.ellipses import outline_ellipse
from assets.formats.annotations.image_labels import (
    ImageLabels,
    MaskBudget,
    cover,
    outline,
    turn,
)
from assets.formats.annotations.label_book import LabelBook
from assets.formats.annotations.label_studio_regions import (
    Region,
    Results,
    join_results,
    type_of,
    value_of,
)
from assets.formats.annotations.label_studio_tasks import (
    Export,
    Task,
    list_names_of_upload,
    list_paths_of,
    name_upload,
    read_export,
)
from assets.formats.annotations.orientation import (
    Box,
    Placement,
    Point,
    Size,
    order_corners,
)
from assets.formats.annotations.pairing import hints_of, plan_label_files
from assets.formats.layout import is_hidden, list_paths, name_of, suffix_of
from assets.formats.observations import LabelObservation, Observation, Problem
from assets.formats.protocol import (
    LABELS_NOT_READ,
    MAX_LABELS,
    CapturePlan,
    Opener,
    UnreadableBytes,
    read_bytes,
    read_ends,
    read_head,
    whole_file,
)
from assets.formats.strict_json import MAX_JSON_BYTES, parse_json
from assets.storage import SessionFile

_FOLDERS = frozenset({"annotations", "annotation", "labels"})
_LOOKS_LIKE = re.compile(
    rb"\s*\[\s*\{.*\"(annotations|completions|data|file_upload|drafts|predictions|annotator|annotation_id"
    rb"|original_width|rle|(rectangle|polygon|brush|ellipse|keypoint)labels)\"",
    re.DOTALL,
)
_LOOKS_LIKE_ONE = re.compile(rb"\s*\{")
_LOOK_BYTES = 1 << 16
# of an image that is unpacked, most of it empty: see `MaskBudget`
_BRUSH_PIXELS_A_COLUMN = 200
_REMEDY = "export the project again in the format 'JSON'"
_IMAGE_REMEDY = "copy the image beside the export"
_DETECTION = "detection"
_RECOGNITION = "recognition"
_AREAS = frozenset({"rectangle", "polygon", "ellipse", "brush"})
_NOT_IN_IMAGES = re.compile(
    r"(video|timeseries|timeline|hypertext|paragraph|audio|relation|pairwise|ranker)"
)


class LabelStudioReader:
    name = "label_studio"
    classes_from = "the labels that regions of the export have"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        return plan_label_files(
            self.name, files, opener, lambda file: _is_export(file, opener), _FOLDERS
        )

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        jsons = [f for f in plan.files if suffix_of(f.path) == ".json"]
        pictures = [f for f in plan.files if suffix_of(f.path) != ".json"]
        images = ImageLabels(self.name, plan.root, pictures, opener)
        book = LabelBook(plan)
        names = [name_of(picture.path) for picture in pictures]
        documents = [_Document(file, images, names, book, plan.notes) for file in jsons]
        yield from read_documents(documents, images, book, opener)


def _is_export(file: SessionFile, opener: Opener) -> bool:
    if suffix_of(file.path) != ".json" or is_hidden(file.path):
        return False
    try:
        head = read_head(file, opener).removeprefix(b"\xef\xbb\xbf")
        if not _LOOKS_LIKE_ONE.match(head):
            return _LOOKS_LIKE.match(head) is not None
        text = read_ends(file, opener, _LOOK_BYTES)
    except UnreadableBytes:
        return False
    return (
        b'"data"' in text
        and b'"result"' in text
        and (b'"annotations"' in text or b'"completions"' in text)
    )


@dataclass
class _Document:
    """One JSON file."""

    file: SessionFile
    images: ImageLabels
    names: Sequence[str]  # of all pictures
    book: LabelBook
    notes: dict[str, str]
    _export: Export = field(default_factory=Export)
    _found: list[tuple[Task, list[SessionFile | None], Results]] = field(
        default_factory=list
    )  # with the pages
    _next: int = 0
    _num_regions: Counter[str] = field(default_factory=Counter)  # by image path

    def __post_init__(self) -> None:
        self._budget = MaskBudget(self.file.size_bytes)
        self._hints = hints_of(self.file)
        self._by_upload: dict[str, list[str]] = defaultdict(list)
        for name in self.names:
            if name_upload(name) != name:
                self._by_upload[name_upload(name)].append(name)

    def open(self, opener: Opener) -> Iterator[Problem]:
        """Parse the file and make known which images it names."""
        try:
            self._export = read_export(
                parse_json(read_bytes(self.file, opener, MAX_JSON_BYTES))
            )
        except UnreadableBytes as error:
            yield self._refuse(error.reason, error.remedy)
        except ValueError as error:
            yield self._refuse(f"not an export of Label Studio: {error}", _REMEDY)
        for task in self._export.tasks:
            if task.results is not None:
                self.images.announce(
                    (path for paths in self._list_paths(task) for path in paths),
                    self._hints,
                )

    def find_pictures(self) -> Iterator[Problem]:
        """Find the images of the tasks that somebody looked at, and see which sizes they state."""
        uploads: dict[str, set[str]] = defaultdict(set)
        for task in self._export.tasks:
            if task.results is None:
                continue
            try:
                pages = self._find_pages(task, uploads)
            except LookupError as error:
                yield self._refuse(f"task {task.name}: {error}", _IMAGE_REMEDY)
                continue
            self._found.append((task, pages, join_results(task.results)))
        twice = {path for path, addresses in uploads.items() if len(addresses) > 1}
        for path in sorted(twice):
            reason = f"{list_paths(uploads[path])} were uploads of one name, and {path} may be any of them"
            yield self._refuse(reason, _IMAGE_REMEDY)
        self._found = [
            f
            for f in self._found
            if not any(page and page.path in twice for page in f[1])
        ]
        for _, pages, results in self._found:
            for region in results.regions:
                page = _page_of(region.result, pages)
                if page is not None:
                    self.images.learn_habit(page, _read_size(region.result))

    def read(self) -> Iterator[Problem]:
        """Put the labels into the book."""
        has_choices = any(
            type_of(word) == "choices"
            for _, _, results in self._found
            for word in results.words
        )
        task_of_project = (
            _DETECTION
            if self._export.has_regions
            else _RECOGNITION
            if has_choices
            else None
        )
        for task, pages, results in self._found:
            for page in pages:
                if page is not None and task_of_project:
                    self.book.look(page.path, task_of_project, whole_file(self.file))
            for region in results.regions:
                yield from self._read_region(region, pages, task)
            for word in results.words:
                yield from self._read_word(word, pages, task)
            for result in results.others:
                self._leave(result, pages)
        for what, count in sorted((+self._export.skipped).items()):
            self.notes[f"{self.file.path}: {what}"] = str(count)
        for what, count in sorted(self._export.unread.items()):
            self.notes[f"{LABELS_NOT_READ} from {self.file.path}: {what}"] = str(count)

    # ---- which images ------------------------------------------------------------------------------------------------

    def _list_paths(self, task: Task) -> list[list[str]]:
        """Of every address of a task the paths that it may mean."""
        upload = list_names_of_upload(task.upload) if task.upload else []
        return [
            self._list_paths_of(address) for field_ in task.fields for address in field_
        ] + [upload]

    def _list_paths_of(self, address: str) -> list[str]:
        paths = list_paths_of(address)
        return [
            *paths,
            *(name for path in paths[1:] for name in self._by_upload.get(path, ())),
        ]

    def _find_pages(
        self, task: Task, uploads: dict[str, set[str]]
    ) -> list[SessionFile | None]:
        """The images of a task. Raises LookupError where there is none, or more than one field names some."""
        found = []
        reasons = []
        for addresses in task.fields:
            pages: list[SessionFile | None] = []
            for address in addresses:
                image, reason = self._find_image(
                    address, self._list_paths_of(address), uploads
                )
                pages.append(image)
                reasons += [reason] if reason else []
            if any(pages):
                found.append(pages)
        if not found and task.upload:
            image, _ = self._find_image(
                task.upload, list_names_of_upload(task.upload), uploads
            )
            found += [[image]] if image else []
        if (
            len(found) > 1
            and len({tuple(page and page.path for page in pages) for pages in found})
            > 1
        ):
            raise LookupError(f"its data name {len(found)} images")
        if not found:
            raise LookupError((reasons or ["it names no image"])[0])
        return found[0]

    def _find_image(
        self, address: str, paths: Sequence[str], uploads: dict[str, set[str]]
    ) -> tuple[SessionFile | None, str]:
        """The image of an address, or None and a reason."""
        reason = ""
        for number, path in enumerate(paths):
            try:
                image = self.images.find(path, self._hints)
            except LookupError as error:
                reason = reason or str(error).replace(
                    repr(path[:200]), repr(address[:200]), 1
                )
                continue
            if number and path in list_names_of_upload(paths[0])[
                1:
            ] + self._by_upload.get(path, []):
                uploads[image.path].add(paths[0])
            return image, ""
        return None, reason

    # ---- regions -----------------------------------------------------------------------------------------------------

    def _read_region(
        self, region: Region, pages: Sequence[SessionFile | None], task: Task
    ) -> Iterator[Problem]:
        image = _page_of(region.result, pages)
        what = f"task {task.name}, region {str(region.result.get('id'))[:40]}"
        if image is None:
            yield self._refuse(
                f"{what}: its page {region.result.get('item_index')!r} is not here",
                _IMAGE_REMEDY,
            )
            return
        if region.kind not in _AREAS or not region.names:
            self._leave_region(region, image)
            return
        self._num_regions[image.path] += 1
        number = self._num_regions[image.path]
        if number > MAX_LABELS:
            self.book.miss(image.path, _DETECTION, whole_file(self.file))
            if number == MAX_LABELS + 1:
                yield self._refuse(
                    f"{what}: more than {MAX_LABELS} of one image, the others are not read",
                    _REMEDY,
                )
            return
        try:
            labels = list(self._label(region, image))
        except (ValueError, TypeError, KeyError) as error:
            why = f"has no {error}" if isinstance(error, KeyError) else str(error)
            self.book.miss(image.path, _DETECTION, whole_file(self.file))
            yield self._refuse(f"{what}: {why}", _REMEDY)
            return
        for label in labels:
            self.book.add(label)

    def _label(self, region: Region, image: SessionFile) -> Iterator[LabelObservation]:
        """A label for each name of a region. Raises ValueError, TypeError and KeyError."""
        placement = self.images.place(image, _read_size(region.result))
        box, mask = self._read_shape(region, placement)
        names = _check_names(region.names, type_of(region.result))
        attributes = tuple(region.attributes) + _read_points(region, placement)
        for name in names:
            number = self._next
            self._next = self._next + 1
            yield LabelObservation(
                image.path,
                _DETECTION,
                name,
                whole_file(self.file),
                self.images.name_sensor(image),
                None,
                box,
                mask,
                index=number,
                attributes=attributes,
            )

    def _read_shape(
        self, region: Region, placement: Placement
    ) -> tuple[Box, str | None]:
        value = region.value
        size_px = placement.drawn_px
        if region.kind == "brush":
            if value.get("format", "rle") != "rle":
                raise ValueError(
                    f"a brush mask in format {str(value.get('format'))[:20]!r}, not 'rle'"
                )
            self._budget.spend(size_px[0] * size_px[1] / _BRUSH_PIXELS_A_COLUMN)
            return cover(decode_brush(value.get("rle"), size_px), 0, 0, placement)
        if region.kind == "polygon":
            return outline(
                [_to_px(point, size_px) for point in value["points"]],
                placement,
                self._budget,
            )
        angle_deg = _as_number(value.get("rotation") or 0) % 360
        if angle_deg and region.result.get("image_rotation"):
            raise ValueError(
                "it is turned in a view that is turned: versions of the tool say that in two ways"
            )
        if region.kind == "ellipse":
            centre, radii = (
                _to_px((value[a], value[b]), size_px)
                for a, b in ("xy", ("radiusX", "radiusY"))
            )
            return outline_ellipse(centre, radii, angle_deg, placement, self._budget)
        (left, top), (width, height) = (
            _to_px((value[a], value[b]), size_px)
            for a, b in ("xy", ("width", "height"))
        )
        if angle_deg:
            corners = [
                (left, top),
                (left + width, top),
                (left + width, top + height),
                (left, top + height),
            ]
            return outline(
                turn(corners, (left, top), angle_deg), placement, self._budget
            )
        return placement.place_box(
            order_corners((left, top, left + width, top + height))
        ), None

    def _leave_region(self, region: Region, image: SessionFile) -> None:
        """A region that is no label: of a kind without an area, or that is not read, or without a label."""
        has_area = region.kind not in ("keypoint", "vector") or bool(
            region.value.get("closed")
        )
        if has_area:
            self.book.miss(image.path, _DETECTION, whole_file(self.file))
        else:
            self.book.ignore(image.path, _DETECTION, whole_file(self.file))
        what = (
            type_of(region.result)
            if region.names or not has_area
            else f"{region.kind} without a label"
        )
        self._export.unread[what] += 1

    def _read_word(
        self, word: dict[str, Any], pages: Sequence[SessionFile | None], task: Task
    ) -> Iterator[Problem]:
        """What is said of a whole image: choices are its labels."""
        image = _page_of(word, pages)
        kind = type_of(word)
        if kind != "choices" or image is None:
            self._export.unread[kind] += 1
            return
        try:
            names = _check_names(value_of(word)["choices"], kind)
        except (ValueError, KeyError) as error:
            self.book.miss(image.path, _RECOGNITION, whole_file(self.file))
            yield self._refuse(
                f"task {task.name}, {str(word.get('from_name'))[:40]}: {error}", _REMEDY
            )
            return
        for name in names:
            number = self._next
            self._next = self._next + 1
            self.book.add(
                LabelObservation(
                    image.path,
                    _RECOGNITION,
                    name,
                    whole_file(self.file),
                    self.images.name_sensor(image),
                    index=number,
                )
            )

    def _leave(
        self, result: dict[str, Any], pages: Sequence[SessionFile | None]
    ) -> None:
        """A result of a kind that is not read, which may mark an object."""
        kind = type_of(result)
        image = _page_of(result, pages)
        self._export.unread[kind or "results without a type"] += 1
        if (
            image is not None
            and not _NOT_IN_IMAGES.match(kind)
            and not {"start", "end"} & set(value_of(result))
        ):
            self.book.miss(image.path, _DETECTION, whole_file(self.file))

    def _refuse(self, reason: str, remedy: str) -> Problem:
        return Problem(
            whole_file(self.file), LabelStudioReader.name, reason[:500], remedy
        )


def _page_of(
    result: dict[str, Any], pages: Sequence[SessionFile | None]
) -> SessionFile | None:
    """The image of a task that a result is of."""
    index = result.get("item_index", value_of(result).get("item_index"))
    if index is None:
        return pages[0] if len(pages) == 1 else None
    return pages[index] if type(index) is int and 0 <= index < len(pages) else None


def _read_size(result: dict[str, Any]) -> Size | None:
    """The size of the image that a result was drawn on; None where none is stated."""
    sizes = [result.get(name) for name in ("original_width", "original_height")]
    try:
        width, height = (_as_number(size) for size in sizes)
    except ValueError:
        return None
    return (
        (int(width), int(height))
        if width > 0 < height and width.is_integer() and height.is_integer()
        else None
    )


def _check_names(names: Any, kind: str) -> list[str]:
    """Raises ValueError for what is no list of names."""
    names = [names] if isinstance(names, str) else names
    if (
        not isinstance(names, list)
        or not names
        or not all(isinstance(n, str) and n.strip() for n in names)
    ):
        raise ValueError(f"{kind} are {str(names)[:40]!r}, not a list of names")
    return [name.strip() for name in names]


def _read_points(region: Region, placement: Placement) -> tuple[tuple[str, str], ...]:
    """Its keypoints, as `x y visibility` in stored pixels, and their names."""
    if not region.points:
        return ()
    points = [
        (_to_px((p.value.get("x"), p.value.get("y")), placement.drawn_px), 2.0)
        for p in region.points
    ]
    names = [
        "_".join(map(str, p.names)).replace(" ", "_") or str(n)
        for n, p in enumerate(region.points, 1)
    ]
    return ("keypoints", format_keypoints(points, placement)), (
        "keypoint_names",
        " ".join(names),
    )


def _to_px(per_cent: Sequence[Any], size_px: Size) -> Point:
    try:
        x, y = (_as_number(value) for value in per_cent)
    except (TypeError, ValueError):
        raise ValueError(f"{str(per_cent)[:40]} are not two numbers") from None
    return x * size_px[0] / 100, y * size_px[1] / 100


def _as_number(value: Any) -> float:
    """A finite number, also as text. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{str(value)[:40]!r} is no number")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not finite")
    return number
