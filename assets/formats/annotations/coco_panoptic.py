"""Read the segments of COCO's panoptic files: a PNG a picture, in which every pixel has the id of its segment.

An id is red + 256 green + 65536 blue; 0 is no segment. `segments_info` gives each id a category. Of things a segment is
one object, with its mask and the box around it. All pixels of a category, of things and of stuff, are a label of
segmentation. Crowds stand for no single object, and their pixels show their category all the same. Where another file
has the objects of a picture (`instances_*`), the panoptic one gives it the classes of pixels alone: its objects are cut
where others lie before them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.formats.annotations.coco_ids import as_id
from assets.formats.annotations.image_labels import ImageLabels, cover
from assets.formats.annotations.label_book import LabelBook
from assets.formats.annotations.label_images import read_colours
from assets.formats.annotations.orientation import Box, Placement
from assets.formats.layout import (
    folder_of,
    is_mask_path,
    name_of,
    stem_of,
    suffix_of,
)
from assets.formats.observations import LabelObservation, Source
from assets.formats.protocol import (
    MAX_LABELS,
    Opener,
    UnreadableBytes,
    read_bytes,
    read_ends,
    whole_file,
)
from assets.storage import SessionFile
from models.masks import encode_mask

_SIGN = b'"segments_info"'
_LOOK_BYTES = 1 << 16
_DETECTION = "detection"
_SEGMENTATION = "segmentation"
_REMEDY = "copy the label images into a folder of the file's name: `panoptic_val/` beside `panoptic_val.json`"
# of the windows around a picture's segments together
MAX_SEGMENT_PIXELS = 1 << 30


@dataclass(frozen=True)
class Category:
    """What segments of one id show."""

    name: str
    is_thing: bool


@dataclass(frozen=True)
class Segment:
    """An object, or a crowd."""

    number: int  # in `segments_info`
    class_name: str
    is_crowd: bool
    box: Box  # stored px
    mask: str


@dataclass(frozen=True)
class Segments:
    """What the label image of one picture shows."""

    things: list[Segment]
    classes: dict[str, str]  # class -> compressed counts of all its pixels


@dataclass(frozen=True)
class Annotation:
    """What a panoptic file says of one picture that is here."""

    number: int  # in the file
    image: SessionFile
    said: dict[str, Any]


def is_panoptic(file: SessionFile, opener: Opener) -> bool:
    """Whether a COCO file speaks of segments, by its first and last part."""
    try:
        return _SIGN in read_ends(file, opener, _LOOK_BYTES)
    except UnreadableBytes:
        return False


@dataclass(frozen=True)
class SegmentReader:
    """Puts what the label images of one panoptic file show into the book."""

    document: SessionFile
    categories: Mapping[int | str, Category]
    label_images: Sequence[SessionFile]
    images: ImageLabels
    book: LabelBook

    def read(
        self, annotation: Annotation, boxed: Collection[str], opener: Opener
    ) -> Iterator[tuple[str, str]]:
        """Reason and remedy where it cannot be read. `boxed` are pictures whose objects another file has."""
        path = annotation.image.path
        tasks = [_SEGMENTATION] if path in boxed else [_SEGMENTATION, _DETECTION]
        try:
            label_image = find_segment_image(
                self.document, annotation.said.get("file_name"), self.label_images
            )
            ids = read_ids(read_bytes(label_image, opener))
            placement = self.images.place(
                annotation.image, (ids.shape[1], ids.shape[0])
            )
            found = read_segments(
                ids, annotation.said["segments_info"], self.categories, placement
            )
        except UnreadableBytes as error:
            reason, remedy = error.reason, error.remedy
        except LookupError as error:
            reason, remedy = str(error), _REMEDY
        except ValueError as error:
            reason, remedy = str(error), "export the file and its label images again"
        else:
            self._add(annotation.image, whole_file(label_image), found, tasks)
            return
        for task in tasks:
            self.book.miss(path, task, whole_file(self.document))
        yield f"annotation {annotation.number}, of {path}: {reason}", remedy

    def _add(
        self, image: SessionFile, source: Source, found: Segments, tasks: Sequence[str]
    ) -> None:
        sensor = self.images.name_sensor(image)
        for task in tasks:
            self.book.look(image.path, task, source)
        for number, (name, mask) in enumerate(found.classes.items()):
            self.book.add(
                LabelObservation(
                    image.path,
                    _SEGMENTATION,
                    name,
                    source,
                    sensor,
                    mask_rle=mask,
                    index=number,
                )
            )
        for thing in found.things if _DETECTION in tasks else ():
            if thing.is_crowd:
                self.book.ignore(image.path, _DETECTION, source)
                continue
            self.book.add(
                LabelObservation(
                    image.path,
                    _DETECTION,
                    thing.class_name,
                    source,
                    sensor,
                    box_xyxy=thing.box,
                    mask_rle=thing.mask,
                    index=thing.number,
                )
            )


def find_segment_images(
    documents: Sequence[SessionFile], files: Sequence[SessionFile]
) -> list[SessionFile]:
    """The label images of panoptic files: PNGs in a folder of such a file's name, otherwise in folders of masks."""
    pngs = [f for f in files if suffix_of(f.path) == ".png"]
    found = []
    for document in documents:
        name = stem_of(document.path)
        own = [f for f in pngs if name_of(folder_of(f.path)) == name]
        found += own or [f for f in pngs if is_mask_path(f.path)]
    return list({f.path: f for f in found}.values())


def find_segment_image(
    document: SessionFile, name: Any, images: Sequence[SessionFile]
) -> SessionFile:
    """The label image of that name. Raises LookupError."""
    if not isinstance(name, str) or not name:
        raise LookupError("an annotation names no label image")
    fits = [f for f in images if f.path == name or f.path.endswith(f"/{name}")]
    own = [f for f in fits if stem_of(document.path) in f.path.split("/")]
    found = own or fits
    if len(found) != 1:
        many = f"{len(found)} of" if found else "no"
        raise LookupError(f"there is {many} label image {name[:200]!r}")
    return found[0]


def read_ids(payload: bytes) -> NDArray[np.uint32]:
    """(H, W) ids of segments. Raises ValueError."""
    return read_colours(payload).astype(np.uint32) @ np.array(
        [1, 256, 65536], np.uint32
    )


def read_segments(
    ids: NDArray[np.uint32],
    stated: Any,
    categories: Mapping[int | str, Category],
    placement: Placement,
) -> Segments:
    """The segments in the (h, w) `ids` of the picture as drawn. Raises ValueError where file and image disagree."""
    from scipy import ndimage

    infos = _index_infos(stated, categories)
    present, places = np.unique(ids, return_inverse=True)
    unlisted = [int(i) for i in present if i and int(i) not in infos]
    if unlisted:
        raise ValueError(
            f"pixels of {len(unlisted)} segments that segments_info does not list: {unlisted[:5]}"
        )
    unseen = [i for i in infos if i not in set(map(int, present))]
    if unseen:
        raise ValueError(f"segments that have no pixel: {unseen[:5]}")
    places = places.reshape(ids.shape).astype(np.int32)
    windows = ndimage.find_objects(places + 1)
    if sum(_measure(w) for w in windows) > MAX_SEGMENT_PIXELS:
        raise ValueError(
            f"segments whose windows have more than {MAX_SEGMENT_PIXELS} px together"
        )
    things = []
    of_class: dict[str, list[int]] = defaultdict(list)
    for place, segment_id in enumerate(map(int, present)):
        if not segment_id:
            continue
        number, category, is_crowd = infos[segment_id]
        of_class[category.name].append(place)
        if category.is_thing:
            rows, columns = windows[place]
            window = places[rows, columns] == place
            box, mask = cover(window, columns.start, rows.start, placement)
            things.append(Segment(number, category.name, is_crowd, box, mask))
    stored = placement.place_mask(places)
    classes = {}
    for name, members in of_class.items():
        is_member = np.zeros(len(present), bool)
        is_member[members] = True
        classes[name] = encode_mask(is_member[stored])
    return Segments(sorted(things, key=lambda thing: thing.number), classes)


def read_categories(
    categories: Sequence[dict[str, Any]], names: Mapping[int | str, str]
) -> Iterator[tuple[int | str, Category]]:
    """What the categories of a panoptic file are, of those that have a name in `names`."""
    for category in categories:
        key = as_id(category.get("id"))
        if key is not None and key in names:
            yield key, Category(names[key], bool(category.get("isthing")))


def _index_infos(
    stated: Any, categories: Mapping[int | str, Category]
) -> dict[int, tuple[int, Category, bool]]:
    if not isinstance(stated, list) or not all(isinstance(i, dict) for i in stated):
        raise ValueError("segments_info is no list of objects")
    if len(stated) > MAX_LABELS:
        raise ValueError(f"more than {MAX_LABELS} segments of one picture")
    infos: dict[int, tuple[int, Category, bool]] = {}
    for number, info in enumerate(stated):
        key = as_id(info.get("id"))
        category_id = as_id(info.get("category_id"))
        category = None if category_id is None else categories.get(category_id)
        if not isinstance(key, int) or key in infos or not key:
            raise ValueError(
                f"segment {number} has the id {str(key)[:40]}: none, or one that is taken"
            )
        if category is None:
            raise ValueError(
                f"segment {number}: category_id {str(category_id)[:40]} is not among the categories"
            )
        infos[key] = number, category, bool(info.get("iscrowd"))
    return infos


def _measure(window: tuple[slice, slice] | None) -> int:
    if window is None:
        return 0
    rows, columns = window
    return int((rows.stop - rows.start) * (columns.stop - columns.start))
