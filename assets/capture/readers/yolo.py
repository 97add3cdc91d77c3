"""Read YOLO datasets: `labels/.../x.txt` beside `images/.../x.jpg`, names in a YAML file or a list.

A row is `class cx cy w h` or `class x0 y0 x1 y1 x2 y2 ...` (polygon), in shares of the image as stored (EXIF rotation
is not applied). Several label trees may share the images, each with class ids and names of its own. Where one tree has
boxes, polygons of another tree are task "segmentation", so that no object counts twice for detection; polygons alone
are task "detection" with the box around them. An image without a label file has no labels: the notes count those.
Trees that hold the same objects have to name most of them alike; otherwise their class ids come from different lists,
and the labels of the tree with polygons are refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from assets.capture.observations import CapturePlan, FrameObservation, LabelObservation, Observation, Problem, Source
from assets.capture.readers.frame_files import FrameFiles
from assets.capture.readers.image_headers import read_header
from assets.capture.readers.layout import (
    folder_of,
    is_image,
    list_paths,
    order_naturally,
    sensor_of,
    stem_of,
    suffix_of,
)
from assets.capture.readers.mask_runs import encode_polygons
from assets.capture.readers.pairing import ImageIndex
from assets.capture.readers.protocol import Opener, UnreadableBytes, explain_pointer, read_bytes, whole_file
from assets.capture.readers.yolo_agreement import compare_names
from assets.capture.readers.yolo_labels import Row, RowError, parse_names, parse_rows
from assets.capture.readers.yolo_trees import (
    MAX_NAMES_BYTES,
    find_images,
    find_label_trees,
    is_names_file,
    may_hold_names,
    places_of_names,
)
from assets.storage import SessionFile

_MAX_LABEL_BYTES = 16 << 20
_PROBE_FILES = 50  # label files looked into to tell whether a tree holds boxes or polygons
_REMEDY = "export the labels again"


class YoloReader:
    name = "yolo"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        trees = find_label_trees(files)
        images = [f for f in files if is_image(f, opener)] if trees else []
        members: dict[str, dict[str, SessionFile]] = defaultdict(dict)
        its_trees: dict[str, list[str]] = defaultdict(list)
        taken: set[str] = set()
        for tree, labels in sorted(trees.items()):
            found = find_images(tree, images, {stem_of(f.path) for f in labels})
            if found is None:
                continue
            root, its_images = found
            its_trees[root].append(tree)
            fresh = {f.path: f for f in (*its_images, *labels) if f.path not in taken or f.path in members[root]}
            members[root].update(fresh)
            taken.update(fresh)
        for root, names in its_trees.items():
            for file in files:
                if file.path not in taken and is_names_file(file, root, names, opener):
                    members[root][file.path] = file
                    taken.add(file.path)
        return [
            CapturePlan(self.name, r, tuple(group.values()), is_container=False)
            for r, group in members.items()
            if group
        ]

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        trees = find_label_trees(plan.files)
        labels = {f.path for tree in trees.values() for f in tree}
        images = [f for f in plan.files if f.path not in labels and not may_hold_names(f)]
        sizes_px: dict[str, tuple[int, int]] = {}
        for frame in FrameFiles(self.name, plan.root, opener).read(images):
            if isinstance(frame, FrameObservation) and (header := read_header(frame.payload)):
                sizes_px[frame.source.path] = (header.width_px, header.height_px)
            yield frame
        index = ImageIndex(images)
        have_polygons = {tree: _holds_polygons(files, opener) for tree, files in trees.items()}
        readings: dict[str, list[Observation]] = {}
        for tree, files in sorted(trees.items(), key=lambda item: (have_polygons[item[0]], item[0])):
            is_beside_boxes = have_polygons[tree] and not all(have_polygons.values())
            reading = _Tree(plan, tree, index, sizes_px, opener, "segmentation" if is_beside_boxes else "detection")
            readings[tree] = _compare_with(readings, tree, list(reading.read(files)), files, plan.notes)
            yield from readings[tree]
            if bare := {i.path for i in images} - reading.labelled:
                plan.notes[f"images without a label file in {tree}"] = list_paths(bare)


@dataclass
class _Tree:
    """One label tree under reading."""

    plan: CapturePlan
    tree: str
    index: ImageIndex
    sizes_px: dict[str, tuple[int, int]]
    opener: Opener
    polygon_task: str
    names: dict[int, str] = field(default_factory=dict)
    labelled: set[str] = field(default_factory=set)

    def read(self, files: Sequence[SessionFile]) -> Iterator[Observation]:
        yield from self._read_names()
        for file in order_naturally(files):
            yield from self._read_file(file)

    def _read_names(self) -> Iterator[Problem]:
        """The nearest file with names decides. Without one the ids themselves are the names."""
        candidates = [f for f in self.plan.files if may_hold_names(f)]
        for place in places_of_names(self.tree, self.plan.root):
            for file in (f for f in candidates if folder_of(f.path) == place):
                try:
                    data = read_bytes(file, self.opener, MAX_NAMES_BYTES)
                    self.names = parse_names(data, suffix_of(file.path) in (".yaml", ".yml"))
                    return
                except (UnreadableBytes, ValueError) as error:
                    yield _refuse(
                        whole_file(file), f"class names cannot be read: {error}", "write `names: [a, b, ...]`"
                    )
        self.plan.notes[f"class names of {self.tree}"] = "none given: the class ids are the names"

    def _read_file(self, file: SessionFile) -> Iterator[Observation]:
        try:
            data = read_bytes(file, self.opener, _MAX_LABEL_BYTES)
            image = self.index.find(file.path[len(self.tree) :].lstrip("/"), self.tree.split("/"))
        except UnreadableBytes as error:
            yield _refuse(whole_file(file), error.reason, error.remedy)
            return
        except LookupError as error:
            yield _refuse(whole_file(file), str(error), "copy the image to its place")
            return
        self.labelled.add(image.path)
        pointer = explain_pointer(data) if data else None
        if pointer:
            yield _refuse(whole_file(file), *pointer)
            return
        size_px = self.sizes_px.get(image.path)
        if size_px is None and data.strip():
            yield _refuse(
                whole_file(file), f"the size of {image.path} is unknown, so shares give no pixels", "repair the image"
            )
            return
        for row in parse_rows(data):
            yield self._read_row(row, file, image, size_px or (1, 1))

    def _read_row(
        self, row: Row | RowError, file: SessionFile, image: SessionFile, size_px: tuple[int, int]
    ) -> LabelObservation | Problem:
        source = Source(file.path, row.offset, row.length)
        if isinstance(row, RowError):
            return _refuse(source, row.reason, _REMEDY)
        name = self.names.get(row.class_id) if self.names else str(row.class_id)
        if name is None:
            return _refuse(
                source, f"row {row.number}: class {row.class_id} has no name", "add it to the file with names"
            )
        try:
            box, mask = _to_pixels(row, size_px)
        except ValueError as error:
            return _refuse(source, f"row {row.number}: {error}", _REMEDY)
        return LabelObservation(
            image.path, self.polygon_task if row.is_polygon else "detection", name, source,
            sensor_of(image.path, self.plan.root), None, box, mask, index=row.number,
        )  # fmt: skip


def _compare_with(
    readings: dict[str, list[Observation]], tree: str, observations: list[Observation], files: Sequence[SessionFile],
    notes: dict[str, str],
) -> list[Observation]:  # fmt: skip
    """What a tree says, or why it is refused: it names the objects of a tree read before otherwise."""
    labels = [o for o in observations if isinstance(o, LabelObservation)]
    for other, before in readings.items():
        found = compare_names((o for o in before if isinstance(o, LabelObservation)), labels)
        if not found.num_objects:
            continue
        notes[f"names in {tree} and {other}"] = f"{found.num_alike} of {found.num_objects} common objects named alike"
        if found.is_doubtful and found.example:
            theirs, ours = found.example
            reason = (
                f"only {found.num_alike} of {found.num_objects} objects that {other} has too are named alike "
                f"({theirs!r} there is {ours!r} here): the class ids come from different lists"
            )
            remedy = f"put the names of its own ids beside {tree}"
            problems: list[Observation] = [o for o in observations if isinstance(o, Problem)]
            return [*problems, *(_refuse(whole_file(f), reason, remedy) for f in files)]
    return observations


def _to_pixels(row: Row, size_px: tuple[int, int]) -> tuple[tuple[float, float, float, float], str | None]:
    """(box xyxy in px, mask) of a row."""
    width, height = size_px
    if not row.is_polygon:
        cx, cy, w, h = row.shares
        return ((cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height), None
    xs, ys = [x * width for x in row.shares[0::2]], [y * height for y in row.shares[1::2]]
    corners = [value for point in zip(xs, ys, strict=True) for value in point]
    return (min(xs), min(ys), max(xs), max(ys)), encode_polygons([corners], size_px)


def _holds_polygons(files: Sequence[SessionFile], opener: Opener) -> bool:
    """Whether the first row of a tree, in the first files that have one, is a polygon."""
    for file in order_naturally(files)[:_PROBE_FILES]:
        try:
            row = next((r for r in parse_rows(read_bytes(file, opener, _MAX_LABEL_BYTES)) if isinstance(r, Row)), None)
        except UnreadableBytes:
            continue
        if row is not None:
            return row.is_polygon
    return False


def _refuse(source: Source, reason: str, remedy: str) -> Problem:
    return Problem(source, YoloReader.name, reason[:500], remedy)
