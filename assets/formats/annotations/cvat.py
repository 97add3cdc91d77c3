"""Read CVAT XML 1.1 ("CVAT for images", "CVAT for video") beside the images that it names.

Boxes keep their numbers, with their corners in order. A turned box, a polygon, an ellipse and a mask become the box
around them and run lengths; a cuboid the box around its eight corners; a skeleton the box around its visible points,
which stay with it as keypoints. Tags are labels of the whole image. Attributes, `occluded`, `z_order` and `group_id`
stay with their label. Points and lines have no area: they are counted. An image without a shape is a negative.

A track has a label on each frame that it lists as visible. Boxes, cuboids, ellipses and skeletons between two listed
frames are interpolated as CVAT shows them; these, and those that are listed as no keyframe, are of the origin
"interpolated", since nobody drew them. Where a polygon or a mask goes between, or a track after its last frame when
it does not end as `outside`, nobody can say: the object is missing there. Frames that no `<image>` names are found by
the number at the end of a picture's name: see `cvat_frames`. A file with tracks has looked at all frames of its task.

CVAT shows images upright and states that size.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from assets.formats.annotations.cvat_frames import (
    FramePictures,
    Task,
    narrow_pictures,
    read_tasks,
)
from assets.formats.annotations.cvat_shapes import (
    LINES,
    interpolate,
    is_outside,
    is_shape,
    read_attributes,
    read_shape,
)
from assets.formats.annotations.documents import read_documents
from assets.formats.annotations.image_labels import ImageLabels, MaskBudget
from assets.formats.annotations.label_book import LabelBook
from assets.formats.annotations.orientation import Placement, Size
from assets.formats.annotations.pairing import hints_of, plan_label_files
from assets.formats.layout import is_hidden, list_paths, name_of, stem_of, suffix_of
from assets.formats.observations import (
    INTERPOLATED,
    LabelObservation,
    Observation,
    Problem,
)
from assets.formats.protocol import (
    LABELS_NOT_READ,
    MAX_LABELS,
    CapturePlan,
    Opener,
    UnreadableBytes,
    read_bytes,
    read_head,
    whole_file,
)
from assets.formats.strict_xml import parse_xml, read_number
from assets.storage import SessionFile

_MAX_XML_BYTES = 128 << 20
_FOLDERS = frozenset({"annotations", "annotation", "labels", "xml"})
_REMEDY = "export the task again as 'CVAT for images 1.1' or 'CVAT for video 1.1'"
_IMAGE_REMEDY = "export the task with its images, and copy them beside the XML file"
_FRAME_REMEDY = "export the task with its images, and leave their names as they are"
_SIZE_REMEDY = "export the labels for the images as they are"
# between listed ones: two lines of a file can ask for one on each picture
_FREE_SHAPES = 250_000
_BYTES_A_SHAPE = 4
_VIDEO_FRAME = re.compile(r"frame_(\d{6,18})", re.IGNORECASE)
_DETECTION = "detection"
_RECOGNITION = "recognition"


class CvatReader:
    name = "cvat"
    classes_from = "`<label>` of the CVAT file"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        return plan_label_files(
            self.name, files, opener, lambda file: _is_cvat(file, opener), _FOLDERS
        )

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        xmls = [f for f in plan.files if suffix_of(f.path) == ".xml"]
        pictures = [f for f in plan.files if suffix_of(f.path) != ".xml"]
        images = ImageLabels(self.name, plan.root, pictures, opener)
        book = LabelBook(plan)
        documents = [_Document(xml, images, pictures, book, plan.notes) for xml in xmls]
        yield from read_documents(documents, images, book, opener)


def _is_cvat(file: SessionFile, opener: Opener) -> bool:
    if suffix_of(file.path) != ".xml" or is_hidden(file.path):
        return False
    try:
        return b"<annotations" in read_head(file, opener)
    except UnreadableBytes:
        return False


@dataclass(frozen=True)
class _Picture:
    """An `<image>` that is here."""

    item: Element
    file: SessionFile


@dataclass(frozen=True)
class _Frames:
    """The pictures of the frames that some tracks are on."""

    tracks: list[Element]
    pictures: Mapping[int, list[SessionFile]]  # that may show a frame, by its number
    numbers: Mapping[int, int]  # that the tracks list -> of the frame
    shown: list[int]  # frames that the tool has shown and that have one picture
    size_px: Size | None

    def find(self, frame: int) -> SessionFile | None:
        """The one picture of a frame."""
        found = self.pictures.get(frame, [])
        return found[0] if len(found) == 1 else None


@dataclass
class _Document:
    """One XML file."""

    file: SessionFile
    images: ImageLabels
    files: Sequence[SessionFile]  # all pictures
    book: LabelBook
    notes: dict[str, str]
    _tree: Element = field(default_factory=lambda: Element("annotations"))
    _tasks: list[Task] = field(default_factory=list)
    _pictures: list[_Picture] = field(default_factory=list)
    _frames: list[_Frames] = field(default_factory=list)
    _stated_px: dict[str, Size] = field(default_factory=dict)  # by image path
    # by image path; None: refused
    _placements: dict[str, Placement | None] = field(default_factory=dict)
    _next: int = 0
    _counts: Counter[str] = field(default_factory=Counter)
    _absent: set[int] = field(default_factory=set)  # frames
    # frame -> its pictures, to show
    _doubtful: dict[int, str] = field(default_factory=dict)
    _num_filled: int = 0
    _num_items: Counter[str] = field(default_factory=Counter)  # by image path

    def __post_init__(self) -> None:
        self._budget = MaskBudget(self.file.size_bytes)

    def open(self, opener: Opener) -> Iterator[Problem]:
        """Parse the file and make known which images it names."""
        try:
            self._tree = parse_xml(
                read_bytes(self.file, opener, _MAX_XML_BYTES), "annotations"
            )
        except UnreadableBytes as error:
            yield self._refuse(error.reason, error.remedy)
        except ValueError as error:
            yield self._refuse(str(error), _REMEDY)
        self._tasks = read_tasks(self._tree)
        for item in self._tree.findall("image"):
            self.images.announce(
                [item.get("name", "")], (item.get("subset", ""), *hints_of(self.file))
            )

    def find_pictures(self) -> Iterator[Problem]:
        """Find the images, and the pictures of the frames of tracks."""
        tracks = self._tree.findall("track")
        items = self._tree.findall("image")
        by_id: dict[int, list[tuple[Element, SessionFile]]] = {}
        found: list[tuple[Element, SessionFile]] = []
        for item in items:
            try:
                found.append((item, self._find_image(item)))
            except LookupError as error:
                yield self._refuse(str(error), _IMAGE_REMEDY)
        claims: dict[str, set[tuple[str, str]]] = {}
        for item, file in found:
            claims.setdefault(file.path, set()).add(
                (item.get("task_id", ""), item.get("subset", ""))
            )
        for item, file in found:
            if len(claims[file.path]) > 1:
                self.book.miss(file.path, _DETECTION, whole_file(self.file))
                yield self._refuse(
                    f"images of several tasks or subsets are called {item.get('name', '')[:80]!r}, and "
                    f"{file.path} is the only one here",
                    _IMAGE_REMEDY,
                )
                continue
            self._pictures.append(_Picture(item, file))
            stated_px = _read_size(item)
            if stated_px:
                self._stated_px.setdefault(file.path, stated_px)
            self.images.learn_habit(file, stated_px)
            number = _read_whole(item, "id")
            if number is not None:
                by_id.setdefault(number, []).append((item, file))
        for group in _group_tracks(tracks):
            try:
                frames = self._find_frames(group, by_id, has_images=bool(items))
            except LookupError as error:
                yield self._refuse(f"{len(group)} tracks: {error}", _FRAME_REMEDY)
                continue
            for frame in frames.shown:
                shown = frames.find(frame)
                if shown:
                    self.images.learn_habit(shown, frames.size_px)
            self._frames.append(frames)

    def read(self) -> Iterator[Problem]:
        """Put the labels into the book."""
        shapes = {shape.tag for picture in self._pictures for shape in picture.item}
        task = (
            _RECOGNITION
            if "tag" in shapes and not any(map(_is_object, shapes))
            else _DETECTION
        )
        for picture in self._pictures:
            self.book.look(picture.file.path, task, whole_file(self.file))
            for shape in picture.item:
                yield from self._read_item(shape, shape.get("label", ""), picture.file)
        for frames in self._frames:
            yield from self._read_tracks(frames)
        if self._absent:
            named = list_paths(f"frame {number}" for number in self._absent)
            yield self._refuse(
                f"tracks speak of frames that have no image here, {named}",
                _IMAGE_REMEDY,
            )
        if self._doubtful:
            first, found = min(self._doubtful.items())
            reason = f"{len(self._doubtful)} frames of tracks have several pictures, frame {first} any of {found}"
            yield self._refuse(reason, _FRAME_REMEDY)
        for what, count in sorted(self._counts.items()):
            self.notes[what] = str(count)

    # ---- which pictures ----------------------------------------------------------------------------------------------

    def _find_image(self, item: Element) -> SessionFile:
        """By its name; that of a video's frame is a number, which pictures that are numbered anew do not bear."""
        name = item.get("name", "")
        subset = item.get("subset", "")
        tasks = self._tasks_of(item)
        match = _VIDEO_FRAME.fullmatch(stem_of(name_of(name.replace("\\", "/"))))
        is_numbered = match is not None and int(match[1]) == _read_whole(item, "id")
        if (
            match
            and is_numbered
            and any(task.is_video and (task.first or task.step > 1) for task in tasks)
        ):
            numbered = [
                f for f in self.files if _VIDEO_FRAME.fullmatch(stem_of(f.path))
            ]
            pictures = FramePictures(tasks, narrow_pictures(numbered, [subset]))
            if not pictures.bear_numbers_of_frames():
                return self.images.take(pictures.find(int(match[1])))
        return self.images.find(name, (subset, *hints_of(self.file)))

    def _find_frames(
        self,
        tracks: list[Element],
        by_id: Mapping[int, list[tuple[Element, SessionFile]]],
        has_images: bool,
    ) -> _Frames:
        """Raises LookupError where it is open which picture shows which frame."""
        tasks = self._tasks_of(tracks[0])
        task_id = tracks[0].get("task_id", "")
        subset = tracks[0].get("subset", "")
        size_px = _size_of([t for t in tasks if t.task_id == task_id] or tasks)
        listed = {
            n
            for track in tracks
            for shape in track
            if (n := _read_whole(shape, "frame")) is not None
        }
        if has_images:
            named = {
                n: {f.path: f for item, f in found if _is_of(item, tracks[0])}
                for n, found in by_id.items()
            }
            pictures = {n: list(found.values()) for n, found in named.items() if found}
            shown = sorted(n for n, found in pictures.items() if len(found) == 1)
            return _Frames(tracks, pictures, {n: n for n in listed}, shown, size_px)
        frames = FramePictures(tasks, self._pictures_of(subset, tasks))
        numbers = frames.place_listed(listed)
        pictures = frames.find_frames()
        if not frames.bear_numbers_of_frames():
            self.notes[
                f"{self.file.path}: pictures numbered anew from 0, of frames"
            ] = frames.say_frames()
        covered = frames.list_shown(numbers.values(), task_id)
        shown = sorted(
            n for n, found in pictures.items() if len(found) == 1 and n in covered
        )
        return _Frames(tracks, pictures, numbers, shown, size_px)

    def _tasks_of(self, item: Element) -> list[Task]:
        """The tasks that an image or a track may be of."""
        named = {name: item.get(name, "") for name in ("task_id", "subset")}
        found = [
            t
            for t in self._tasks
            if not named["subset"] or not t.subset or t.subset == named["subset"]
        ]
        of_subset = found or self._tasks
        if named["task_id"] and len({t.subset for t in of_subset}) > 1:
            return [t for t in of_subset if t.task_id == named["task_id"]] or of_subset
        return of_subset

    def _pictures_of(self, subset: str, tasks: Sequence[Task]) -> list[SessionFile]:
        """Raises LookupError where pictures of other subsets would have the same numbers."""
        if subset and len({t.subset for t in self._tasks}) > 1:
            pictures = narrow_pictures(self.files, [subset])
            if len(pictures) == len(self.files):
                raise LookupError(
                    f"no folder is named like the subset {subset[:40]!r}, and frames of all have numbers"
                )
            return pictures
        names = [name for task in tasks for name in task.folders]
        return narrow_pictures(self.files, [*names, stem_of(self.file.path)])

    # ---- tracks ------------------------------------------------------------------------------------------------------

    def _read_tracks(self, frames: _Frames) -> Iterator[Problem]:
        for frame in frames.shown:
            file = frames.find(frame)
            if file:
                self.book.look(
                    self.images.take(file).path, _DETECTION, whole_file(self.file)
                )
        for track in frames.tracks:
            if self._num_filled > _FREE_SHAPES + self.file.size_bytes // _BYTES_A_SHAPE:
                reason = f"{self._num_filled} shapes between listed frames, more than a file of this size may ask for"
                yield self._refuse(reason, _REMEDY)
                for frame in frames.shown:
                    self.book.miss(
                        frames.pictures[frame][0].path,
                        _DETECTION,
                        whole_file(self.file),
                    )
                return
            yield from self._read_track(track, frames)

    def _read_track(self, track: Element, frames: _Frames) -> Iterator[Problem]:
        label = track.get("label", "")
        track_id = _read_whole(track, "id")
        shapes = []
        for shape in track:
            number = _read_whole(shape, "frame")
            if number is not None:
                shapes.append((frames.numbers[number], shape))
            elif _is_object(shape.tag):
                reason = f"track {track_id}: a {shape.tag[:40]} with the frame {shape.get('frame')!r}"
                yield self._refuse(reason, _REMEDY)
        shapes.sort(key=lambda pair: pair[0])
        for (first, shape), following in zip(shapes, [*shapes[1:], None], strict=True):
            if is_outside(shape):
                continue
            file = frames.find(first)
            if file:
                yield from self._read_item(
                    shape, label, self.images.take(file), frames.size_px, track_id
                )
            elif found := frames.pictures.get(first):
                self._doubtful[first] = list_paths(file.path for file in found)
            else:
                self._absent.add(first)
            for frame in _list_between(
                frames.shown, first, following[0] if following else None
            ):
                yield from self._fill(
                    frame, (first, shape), following, label, frames, track_id
                )

    def _fill(
        self,
        frame: int,
        last: tuple[int, Element],
        following: tuple[int, Element] | None,
        label: str,
        frames: _Frames,
        track_id: int | None,
    ) -> Iterator[Problem]:
        """One frame after a listed one, and before the next where there is one."""
        first, shape = last
        file = frames.find(frame)
        if shape.tag in LINES or file is None:
            return
        self._num_filled += 1
        between = None
        why = "objects of tracks after the last frame that lists them as visible"
        if following is not None:
            why = f"{shape.tag[:40]} between listed frames"
            try:
                between = interpolate(
                    shape, following[1], (frame - first) / (following[0] - first)
                )
            except ValueError as error:
                yield self._refuse(
                    f"{shape.tag} between the frames {first} and {following[0]}: {error}",
                    _REMEDY,
                )
        if between is not None:
            self._counts[
                f"{self.file.path}: {_PLURALS[shape.tag]} interpolated between listed frames"
            ] += 1
            between.set("keyframe", "0")
            yield from self._read_item(between, label, file, frames.size_px, track_id)
            return
        self._counts[f"{LABELS_NOT_READ} from {self.file.path}: {why}"] += 1
        self.book.miss(file.path, _DETECTION, whole_file(self.file))

    # ---- shapes ------------------------------------------------------------------------------------------------------

    def _read_item(
        self,
        item: Element,
        label: str,
        image: SessionFile,
        size_px: Size | None = None,
        track_id: int | None = None,
    ) -> Iterator[Problem]:
        """Put a shape or a tag into the book."""
        source = whole_file(self.file)
        path = image.path
        if item.tag in LINES:
            self._counts[f"{LABELS_NOT_READ} from {self.file.path}: {item.tag}"] += 1
            self.book.ignore(path, _DETECTION, source)
            return
        if not is_shape(item) and item.tag != "tag":
            if _is_object(item.tag):
                self._counts[
                    f"{LABELS_NOT_READ} from {self.file.path}: {item.tag[:40]}"
                ] += 1
                self.book.miss(path, _DETECTION, source)
            return
        task = _RECOGNITION if item.tag == "tag" else _DETECTION
        self._num_items[path] += 1
        if self._num_items[path] > MAX_LABELS:
            self.book.miss(path, task, source)
            if self._num_items[path] == MAX_LABELS + 1:
                yield self._refuse(
                    f"more than {MAX_LABELS} shapes of {path}, the others are not read",
                    _REMEDY,
                )
            return
        number = self._next
        self._next = self._next + 1
        placement: Placement | None = None
        if task == _DETECTION:
            if path not in self._placements:
                yield from self._place(image, self._stated_px.get(path, size_px))
            placement = self._placements[path]
            if placement is None:
                self.book.miss(path, task, source)
                return
        try:
            if not label.strip():
                raise ValueError("has no label")
            shape = read_shape(item, placement, self._budget) if placement else None
        except ValueError as error:
            self.book.miss(path, task, source)
            yield self._refuse(f"{item.tag} {number} of {path}: {error}", _REMEDY)
            return
        attributes = read_attributes(item)
        is_made = item.get("keyframe") == "0" or INTERPOLATED in dict(attributes)
        self.book.add(
            LabelObservation(
                path,
                task,
                label.strip(),
                source,
                self.images.name_sensor(image),
                None,
                shape.box_xyxy if shape else None,
                shape.mask_rle if shape else None,
                track_id,
                origin=INTERPOLATED if is_made else "imported",
                index=number,
                attributes=attributes + (shape.attributes if shape else ()),
            )
        )

    def _place(self, image: SessionFile, stated_px: Size | None) -> Iterator[Problem]:
        try:
            self._placements[image.path] = self.images.place(image, stated_px)
        except ValueError as error:
            self._placements[image.path] = None
            yield self._refuse(str(error), _SIZE_REMEDY)

    def _refuse(self, reason: str, remedy: str) -> Problem:
        return Problem(whole_file(self.file), CvatReader.name, reason[:500], remedy)


_PLURALS = {
    "box": "boxes",
    "cuboid": "cuboids",
    "ellipse": "ellipses",
    "skeleton": "skeletons",
    "polygon": "polygons",
}


def _is_object(tag: str) -> bool:
    """Whether an element of an image or a track marks something in the picture."""
    return tag not in ("tag", "attribute")


def _group_tracks(tracks: Sequence[Element]) -> list[list[Element]]:
    """By the task and the subset that they say they are of."""
    groups: dict[tuple[str, str], list[Element]] = {}
    for track in tracks:
        groups.setdefault(
            (track.get("task_id", ""), track.get("subset", "")), []
        ).append(track)
    return list(groups.values())


def _is_of(image: Element, track: Element) -> bool:
    """Whether what an image says of its task and subset is what a track says, as far as both say it."""
    return all(
        image.get(n, "") in ("", track.get(n) or image.get(n, ""))
        for n in ("task_id", "subset")
    )


def _size_of(tasks: Sequence[Task]) -> Size | None:
    sizes = {task.size_px for task in tasks if task.size_px}
    return next(iter(sizes)) if len(sizes) == 1 else None


def _list_between(shown: Sequence[int], first: int, last: int | None) -> Sequence[int]:
    """What lies between two numbers in an ascending list."""
    return shown[
        bisect_right(shown, first) : len(shown)
        if last is None
        else bisect_left(shown, last)
    ]


def _read_size(item: Element) -> Size | None:
    """The stated size of an image; None where there is none."""
    width = _read_whole(item, "width")
    height = _read_whole(item, "height")
    return (width, height) if width and height else None


def _read_whole(item: Element, name: str) -> int | None:
    """A whole number of zero or more in an attribute, by its sense; None for what is none."""
    try:
        value = read_number(item, name)
    except ValueError:
        return None
    return int(value) if value >= 0 and value.is_integer() else None
