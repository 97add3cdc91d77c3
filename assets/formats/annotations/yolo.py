"""Read YOLO datasets: `labels/.../x.txt` beside `images/.../x.jpg`, or label files beside their images (Darknet), with
class names in a YAML file or a list.

What the numbers of a row are is told in `yolo_labels.py`. Shares are of the picture turned upright by its EXIF
orientation, as the loaders of YOLO trainers show it; labels are turned into stored pixels and counted in the notes.
Several label trees may share the images, each with class ids and names of its own. A polygon is task "detection", with
the box around it and its mask, whatever stands beside it in its tree. Only where a tree is of polygons throughout, and
another has boxes on some of the same pictures, it is task "segmentation", so that no object counts twice for detection.
The notes say which. An empty label file names a picture without an object; an image without a label
file was looked at by nobody, and the notes count those. Trees that hold the same objects have to name most of them
alike; otherwise their class ids come from different lists, and the labels of the tree with polygons are refused.

Splits are those that `data.yaml`, `obj.data` or lists of images give, else those of the folders of the picture, else
those of its label files. A file with names that cannot be read refuses the labels: ids are names only where there is no
such file. So do files whose names differ (`yolo_config.py`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from assets.formats.annotations.coco import format_keypoints
from assets.formats.annotations.image_labels import ImageLabels, MaskBudget, outline
from assets.formats.annotations.label_book import LabelBook
from assets.formats.annotations.orientation import Placement, order_corners
from assets.formats.annotations.pairing import find_folder
from assets.formats.annotations.yolo_agreement import compare_names
from assets.formats.annotations.yolo_config import (
    DatasetConfig,
    may_describe,
    parse_config,
    settle_names,
)
from assets.formats.annotations.yolo_labels import (
    Layout,
    Row,
    RowError,
    find_layout,
    parse_rows,
)
from assets.formats.annotations.yolo_trees import (
    MAX_CONFIG_BYTES,
    MAX_LIST_BYTES,
    find_images,
    find_label_trees,
    find_list,
    find_root,
    find_stated_lists,
    is_description,
    is_image_list,
    is_tree_of_its_own,
    list_lines,
    places_of_descriptions,
)
from assets.formats.layout import (
    IMAGE_SUFFIXES,
    folder_of,
    is_below,
    is_image,
    is_mask_path,
    list_paths,
    order_naturally,
    split_of,
    split_of_path,
    stem_of,
    suffix_of,
)
from assets.formats.observations import LabelObservation, Observation, Problem, Source
from assets.formats.protocol import (
    CapturePlan,
    Opener,
    UnreadableBytes,
    explain_pointer,
    read_bytes,
    whole_file,
)
from assets.storage import SessionFile

_MAX_LABEL_BYTES = 16 << 20
_REMEDY = "export the labels again"
_NAMES_REMEDY = "write `names: [a, b, ...]`"
_ONE_LIST_REMEDY = "keep the file that is right, and take the other away"


class YoloReader:
    name = "yolo"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        trees = find_label_trees(files, opener)
        if not trees:
            return []
        images = [f for f in files if is_image(f, opener) and not is_mask_path(f.path)]
        descriptions = [f for f in files if is_description(f, opener)]
        members: dict[str, dict[str, SessionFile]] = defaultdict(dict)
        taken: set[str] = set()
        for tree, labels in sorted(trees.items()):
            found = find_images(tree, images, {stem_of(f.path) for f in labels})
            if found is None:
                continue
            base, its_images = found
            root = find_root(base, (f.path for f in descriptions))
            fresh = {
                f.path: f
                for f in (*its_images, *labels)
                if f.path not in taken or f.path in members[root]
            }
            members[root].update(fresh)
            taken.update(fresh)
        lists = (
            [f for f in files if f.path not in taken and is_image_list(f, opener)]
            if members
            else []
        )
        for root, group in sorted(
            members.items(), key=lambda item: -item[0].count("/")
        ):
            near = {
                place
                for path in group
                for place in places_of_descriptions(folder_of(path), root)
            }
            fitting = [f for f in descriptions if folder_of(f.path) in near]
            free = [
                f
                for f in files
                if f.path not in taken
                and suffix_of(f.path) not in IMAGE_SUFFIXES
                and fitting
            ]
            stated = find_stated_lists(fitting, free, root, opener)
            for file in (
                *fitting,
                *stated,
                *(f for f in lists if is_below(f.path, root)),
            ):
                if file.path not in taken:
                    group[file.path] = file
                    taken.add(file.path)
        return [
            CapturePlan(self.name, root, tuple(group.values()), is_container=False)
            for root, group in members.items()
            if group
        ]

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        dataset = _Dataset(plan, opener)
        yield from dataset.open()
        dataset.open_trees()
        yield from dataset.images.read_frames(dataset.find_split)
        yield from dataset.read_trees()


@dataclass
class _Dataset:
    """One capture under reading."""

    plan: CapturePlan
    opener: Opener

    def __post_init__(self) -> None:
        self.label_files = find_label_trees(self.plan.files, self.opener)
        labels = {f.path for tree in self.label_files.values() for f in tree}
        others = [f for f in self.plan.files if f.path not in labels]
        self.lists = [
            f
            for f in others
            if not may_describe(f.path) and not is_image(f, self.opener)
        ]
        listed = {f.path for f in self.lists}
        self.pictures = [
            f for f in others if not may_describe(f.path) and f.path not in listed
        ]
        self.images = ImageLabels(
            YoloReader.name, self.plan.root, self.pictures, self.opener
        )
        self.configs: dict[str, list[tuple[SessionFile, DatasetConfig | None]]] = (
            defaultdict(list)
        )  # by folder
        # image path -> split that a description gives, "" where two claim it
        self.splits: dict[str, str] = {}
        # image path -> split of the folders of its labels, "" likewise
        self.label_splits: dict[str, str] = {}
        self.stated_lists: set[str] = set()  # paths of those that a description names
        self.trees: list[_Tree] = []
        self.book = LabelBook(self.plan)

    def open(self) -> Iterator[Problem]:
        """Read what describes the data set."""
        for file in (f for f in self.plan.files if may_describe(f.path)):
            config = None
            try:
                config = parse_config(
                    file.path, read_bytes(file, self.opener, MAX_CONFIG_BYTES)
                )
            except (UnreadableBytes, ValueError) as error:
                yield _refuse(
                    whole_file(file),
                    f"class names cannot be read: {error}",
                    _NAMES_REMEDY,
                )
            self.configs[folder_of(file.path)].append((file, config))
            for split, places in (config.splits if config else {}).items():
                for place in places:
                    self._assign(split, place, file)
        for file in self.lists:
            if file.path not in self.stated_lists and (
                listed := split_of(stem_of(file.path))
            ):
                self._assign_list(listed, file)

    def find_split(self, image: SessionFile) -> str | None:
        if image.path in self.splits:
            return self.splits[image.path] or None
        return split_of_path(image.path) or self.label_splits.get(image.path) or None

    def open_trees(self) -> None:
        """Parse all rows and find their images, of which the folders of the labels may tell the split."""
        for name, files in self.label_files.items():
            tree = _Tree(self, name)
            tree.open(files)
            self.trees.append(tree)
            for label, image in tree.pairs():
                split = split_of_path(label)
                if split:
                    _give(self.label_splits, split, [image])

    def read_trees(self) -> Iterator[Observation]:
        trees = self.trees
        readings: dict[str, list[Observation]] = {}
        for tree in sorted(trees, key=lambda t: (t.has_polygons, t.name)):
            boxed = next((t.name for t in trees if tree.is_drawn_again_by(t)), None)
            tree.task = "segmentation" if boxed is not None else "detection"
            if tree.num_polygons:
                self.plan.notes[f"polygons in {tree.name}"] = tree.tell_polygons(boxed)
            files = self.label_files[tree.name]
            readings[tree.name] = _compare_with(
                readings, tree.name, list(tree.read()), files, self.plan.notes
            )
            for observation in readings[tree.name]:
                if isinstance(observation, LabelObservation):
                    self.book.add(observation)
                else:
                    yield observation
            bare = {i.path for i in self.pictures} - tree.looked_at
            unused = {tree.names[i] for i in tree.names.keys() - tree.used_ids}
            if unused:
                self.plan.notes[f"classes without an object in {tree.name}"] = (
                    list_paths(unused, most=20)
                )
            if bare:
                self.plan.notes[f"images without a label file in {tree.name}"] = (
                    list_paths(bare)
                )
        yield from self.book.close()
        self.images.tell(self.plan.notes)

    def _assign(self, split: str, place: str, file: SessionFile) -> None:
        """Give a split to the images of a folder, or of a list, that a description names."""
        listed = find_list(place, self.lists, self.plan.root)
        if listed:
            self.stated_lists.add(listed.path)
            self._assign_list(split, listed)
            return
        folder = find_folder(
            place, {folder_of(i.path) for i in self.pictures}, self.plan.root
        )
        stated = split_of_path(f"{place}/")
        if folder is None or (
            stated and stated != (split_of_path(f"{folder}/") or stated)
        ):
            self.plan.notes[f"{split} of {file.path}"] = (
                f"{place[:200]}: there is no such folder or list here"
            )
            return
        _give(
            self.splits,
            split,
            (i.path for i in self.pictures if is_below(i.path, folder)),
        )

    def _assign_list(self, split: str, file: SessionFile) -> None:
        try:
            lines = list(list_lines(read_bytes(file, self.opener, MAX_LIST_BYTES)))
        except UnreadableBytes as error:
            self.plan.notes[f"{split} of {file.path}"] = error.reason
            return
        found = []
        absent = 0
        for line in lines:
            try:
                found.append(self.images.look_up(line))
            except LookupError:
                absent += 1
        if absent:
            self.plan.notes[f"{split} of {file.path}"] = (
                f"{absent} of {len(lines)} images are not here"
            )
        _give(self.splits, split, found)


@dataclass(frozen=True)
class _LabelFile:
    """One label file: its image and rows, or why it is refused."""

    file: SessionFile
    image: SessionFile | None = None
    rows: Sequence[Row | RowError] = ()
    refusal: Problem | None = None


@dataclass
class _Tree:
    """One label tree under reading."""

    dataset: _Dataset
    name: str
    task: str = "detection"
    names: Mapping[int, str] = field(default_factory=dict)
    has_broken_names: bool = False
    names_refusal: Problem | None = None
    layout: Layout = field(default_factory=Layout)
    num_boxes: int = 0
    num_polygons: int = 0
    used_ids: set[int] = field(default_factory=set)
    looked_at: set[str] = field(default_factory=set)
    _files: list[_LabelFile] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)

    def open(self, files: Sequence[SessionFile]) -> None:
        """Parse all rows, and find their images."""
        self.dataset.images.announce(map(self._refer, files), self.name.split("/"))
        self._files = [self._open_file(file) for file in order_naturally(files)]
        self.looked_at = {f.image.path for f in self._files if f.image}
        rows = [
            row for found in self._files for row in found.rows if isinstance(row, Row)
        ]
        configs = self._list_configs(files)
        self.used_ids = {row.class_id for row in rows}
        self._settle_names(configs, self.used_ids)
        self.layout = find_layout(
            rows, next((c.keypoints for _, c in configs if c and c.keypoints), None)
        )
        self.num_boxes = sum(map(self.layout.is_box, rows))
        self.num_polygons = sum(map(self.layout.is_polygon, rows))

    @property
    def has_polygons(self) -> bool:
        """Whether every object is one."""
        return self.num_polygons > 0 == self.num_boxes

    def is_drawn_again_by(self, other: _Tree) -> bool:
        """Whether another tree has boxes on pictures of this one, which is of polygons."""
        shared = self.looked_at & other.looked_at
        return self.has_polygons and other.num_boxes > 0 and bool(shared)

    def tell_polygons(self, boxed: str | None) -> str:
        """What they are read as, and why. `boxed`: the tree that has boxes on the same pictures."""
        count = f"{self.num_polygons} of {self.num_polygons + self.num_boxes} objects"
        if boxed is None:
            return f"{count}: detection, with the box around each and its mask"
        return f"{count}: segmentation, for {boxed} has boxes on the same pictures"

    def pairs(self) -> Iterator[tuple[str, str]]:
        """The paths of each label file and of its image."""
        yield from ((f.file.path, f.image.path) for f in self._files if f.image)

    def read(self) -> Iterator[LabelObservation | Problem]:
        """Every row as a label, or as a problem."""
        if self.names_refusal:
            yield self.names_refusal
        for found in self._files:
            if found.refusal:
                yield found.refusal
                continue
            file = found.file
            image = found.image
            rows = found.rows
            assert image is not None
            source = whole_file(file)
            self.dataset.book.look(image.path, self.task, source)
            budget = MaskBudget(file.size_bytes)
            try:
                placement = self.dataset.images.place(image, None) if rows else None
            except ValueError as error:
                self.dataset.book.miss(image.path, self.task, source)
                yield _refuse(source, str(error), "repair the image")
                continue
            for row in rows if placement else ():
                assert placement is not None
                try:
                    if isinstance(row, RowError):
                        raise ValueError(row.reason)
                    yield self._read_row(row, file, image, placement, budget)
                except ValueError as error:
                    self.dataset.book.miss(image.path, self.task, source)
                    if not self.has_broken_names:
                        yield _refuse(
                            Source(file.path, row.offset, row.length),
                            str(error),
                            _REMEDY,
                        )
        self.dataset.plan.notes.update(
            {f"{what} in {self.name}": str(n) for what, n in self._counts.items()}
        )

    def _refer(self, file: SessionFile) -> str:
        """What the path of a label file says of its image."""
        return file.path[len(self.name) :].lstrip("/")

    def _open_file(self, file: SessionFile) -> _LabelFile:
        images = self.dataset.images
        reference = self._refer(file)
        try:
            data = read_bytes(file, self.dataset.opener, _MAX_LABEL_BYTES)
            image = images.find(reference, self.name.split("/"))
            above = folder_of(self.name)[len(self.dataset.plan.root) :].strip("/")
            if is_tree_of_its_own(self.name) and images.contradicts(
                image, f"{above}/{reference}"
            ):
                raise LookupError(
                    f"there is no image {reference[:200]!r} beside {self.name}"
                )
            pointer = explain_pointer(data) if data else None
            if pointer:
                raise UnreadableBytes(*pointer)
        except UnreadableBytes as error:
            return _LabelFile(
                file, refusal=_refuse(whole_file(file), error.reason, error.remedy)
            )
        except LookupError as error:
            refusal = _refuse(
                whole_file(file), str(error), "copy the image to its place"
            )
            return _LabelFile(file, refusal=refusal)
        return _LabelFile(file, image, list(parse_rows(data)))

    def _list_configs(
        self, files: Sequence[SessionFile]
    ) -> list[tuple[SessionFile, DatasetConfig | None]]:
        """What describes this tree, from the folders of its label files up, the nearest first."""
        folders = {folder_of(f.path) for f in files} | {self.name}
        places = {
            place
            for folder in folders
            for place in places_of_descriptions(folder, self.dataset.plan.root)
        }
        nearest_first = sorted(
            places, key=lambda place: (-place.count("/") - bool(place), place)
        )
        return [
            found
            for place in nearest_first
            for found in self.dataset.configs.get(place, ())
        ]

    def _settle_names(
        self, configs: Sequence[tuple[SessionFile, DatasetConfig | None]], ids: set[int]
    ) -> None:
        stated = [
            (file.path, config.names)
            for file, config in configs
            if config and config.names
        ]
        self.has_broken_names = not stated and any(
            config is None for _, config in configs
        )
        note = f"class names of {self.name}"
        try:
            settled = settle_names(stated, ids)
        except ValueError as error:
            self.has_broken_names = True
            reason = f"{error}: the labels in {self.name} are refused"
            source = next(
                whole_file(file)
                for file, _ in configs
                if str(error).startswith(f"{file.path} calls ")
            )
            self.names_refusal = _refuse(source, reason, _ONE_LIST_REMEDY)
            return
        self.names = settled.names
        if not self.names and not self.has_broken_names:
            self.dataset.plan.notes[note] = "none given: the class ids are the names"
        if self.names:
            listed = list_paths(self.names.values(), most=20)
            others = "".join(
                f"; {path} is passed over, it {how}"
                for path, how in settled.passed_over.items()
            )
            as_trainers = ", as trainers do" * bool(others)
            self.dataset.plan.notes[note] = (
                f"taken from {settled.origin}{as_trainers}, {listed}{others}"
            )

    def _name(self, row: Row) -> str:
        if self.has_broken_names:
            raise ValueError("the file with the class names cannot be read")
        name = self.names.get(row.class_id) if self.names else str(row.class_id)
        if name is None:
            raise ValueError(
                f"row {row.number}: class {row.class_id} has no name: add it to the file with names"
            )
        return name

    def _read_row(
        self,
        row: Row,
        file: SessionFile,
        image: SessionFile,
        placement: Placement,
        budget: MaskBudget,
    ) -> LabelObservation:
        """Raises ValueError."""
        name = self._name(row)
        shape = self.layout.read(row)
        width, height = placement.drawn_px
        corners = [
            (x * width, y * height)
            for x, y in zip(shape.corners[0::2], shape.corners[1::2], strict=True)
        ]
        mask = None
        attributes = []
        if shape.box:
            cx, cy, w, h = shape.box
            drawn = (
                (cx - w / 2) * width,
                (cy - h / 2) * height,
                (cx + w / 2) * width,
                (cy + h / 2) * height,
            )
            box = placement.place_box(order_corners(drawn))
        elif shape.is_filled:
            try:
                box, mask = outline(corners, placement, budget)
            except ValueError as error:
                raise ValueError(f"row {row.number}: {error}") from error
        else:
            placed = placement.place_points(corners)
            xs, ys = [x for x, _ in placed], [y for _, y in placed]
            box = min(xs), min(ys), max(xs), max(ys)
            attributes.append(
                (
                    "oriented_box",
                    " ".join(f"{v:.6g}" for point in placed for v in point),
                )
            )
            self._counts["oriented boxes, read as the box around and the corners"] += 1
        if shape.keypoints:
            numbers = zip(*(iter(shape.keypoints),) * 3, strict=True)
            points = [((x * width, y * height), seen) for x, y, seen in numbers]
            attributes.append(("keypoints", format_keypoints(points, placement)))
        return LabelObservation(
            image.path,
            self.task if self.has_polygons and mask is not None else "detection",
            name,
            Source(file.path, row.offset, row.length),
            self.dataset.images.name_sensor(image),
            None,
            box,
            mask,
            index=row.number,
            attributes=tuple(attributes),
        )


def _compare_with(
    readings: dict[str, list[Observation]],
    tree: str,
    observations: list[Observation],
    files: Sequence[SessionFile],
    notes: dict[str, str],
) -> list[Observation]:
    """What a tree says, or why it is refused: it names the objects of a tree read before otherwise."""
    labels = [o for o in observations if isinstance(o, LabelObservation)]
    for other, before in readings.items():
        found = compare_names(
            (o for o in before if isinstance(o, LabelObservation)), labels
        )
        if not found.num_objects:
            continue
        notes[f"names in {tree} and {other}"] = (
            f"{found.num_alike} of {found.num_objects} common objects named alike"
        )
        if found.is_doubtful and found.example:
            theirs, ours = found.example
            reason = (
                f"only {found.num_alike} of {found.num_objects} objects that {other} has too are named alike "
                f"({theirs!r} there is {ours!r} here): the class ids come from different lists"
            )
            remedy = f"put the names of its own ids beside {tree}"
            problems: list[Observation] = [
                o for o in observations if isinstance(o, Problem)
            ]
            return [*problems, *(_refuse(whole_file(f), reason, remedy) for f in files)]
    return observations


def _give(splits: dict[str, str], split: str, paths: Iterable[str]) -> None:
    """Give a split to images; "" to those that have another one."""
    for path in paths:
        splits[path] = split if splits.get(path, split) == split else ""


def _refuse(source: Source, reason: str, remedy: str) -> Problem:
    return Problem(source, YoloReader.name, reason[:500], remedy)
