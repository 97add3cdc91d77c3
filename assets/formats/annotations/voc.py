"""Read Pascal VOC datasets: one XML a picture in `Annotations/`, pictures in `JPEGImages/`, lists in `ImageSets/Main/`.

Sub-folders of both, pictures and XML files in one folder, and `images/` beside `annotations/`, are read as well. Boxes
keep the numbers of the file, with their corners in order. VOC counts pixels from 1 and includes the last one; files in
the wild follow that or the 0-based exclusive way and do not say which, and an adjustment would turn boxes of zero area
into boxes of one pixel. So nothing is added or subtracted, and the difference to `xyxy` is at most one pixel. Difficult
objects are labels like the others, with the word as an attribute. A picture whose XML has no object is a negative.

`size` tells the picture that the boxes were drawn on: that of the file, or the one turned upright by its EXIF
orientation. 0 x 0 is no size.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from assets.formats.annotations.image_labels import ImageLabels
from assets.formats.annotations.label_book import LabelBook
from assets.formats.annotations.orientation import Box, Size, order_corners
from assets.formats.annotations.pairing import find_label_files, name_below
from assets.formats.layout import (
    folder_of,
    is_below,
    is_hidden,
    join,
    list_paths,
    name_of,
    split_of_path,
    stem_of,
    suffix_of,
)
from assets.formats.observations import LabelObservation, Observation, Problem
from assets.formats.protocol import (
    LABELS_NOT_READ,
    CapturePlan,
    Opener,
    UnreadableBytes,
    read_bytes,
    read_head,
    whole_file,
)
from assets.formats.strict_xml import parse_number, parse_xml
from assets.storage import SessionFile

_MAX_XML_BYTES = 16 << 20
_ANNOTATION_FOLDERS = frozenset({"annotations", "annotation", "xmls", "xml"})
# of the last those that no other names; class lists are not splits
_LISTS = ("train", "val", "test", "trainval")
_XML_REMEDY = "export the annotation again"
_FLAGS = ("difficult", "truncated", "occluded")
_TASK = "detection"
_FILENAME = re.compile(rb"<filename>([^<]{1,255})</filename>")


class VocReader:
    name = "voc"
    classes_from = "`<name>` of the objects in XML files"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        found = find_label_files(files, opener, _is_xml, _ANNOTATION_FOLDERS)
        plans = list[CapturePlan]()
        taken = set[str]()
        for root, group in found.groups:
            stems = {stem_of(f.path) for f in group}
            below = [
                i
                for i in found.images
                if is_below(i.path, root) and i.path not in taken
            ]
            folders = {folder_of(i.path) for i in below if stem_of(i.path) in stems}
            if not folders and below:  # sheets named otherwise than their images
                stems = {
                    stem_of(name) for f in group if (name := _peek_filename(f, opener))
                }
                folders = {folder_of(i.path) for i in below if stem_of(i.path) in stems}
            if not folders:
                continue  # XML of another kind
            members = group + [i for i in below if folder_of(i.path) in folders]
            members += [
                f
                for f in files
                if is_below(f.path, join(root, "ImageSets"))
                and suffix_of(f.path) == ".txt"
            ]
            taken.update(f.path for f in members)
            plans.append(
                CapturePlan(self.name, root, tuple(members), is_container=False)
            )
        return plans

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        by_suffix: dict[str, list[SessionFile]] = defaultdict(list)
        for file in plan.files:
            by_suffix[suffix_of(file.path)].append(file)
        xmls = by_suffix.pop(".xml", [])
        lists = by_suffix.pop(".txt", [])
        images = ImageLabels(
            self.name,
            plan.root,
            [f for group in by_suffix.values() for f in group],
            opener,
        )
        images.announce(
            name_below(xml.path, plan.root, _ANNOTATION_FOLDERS) for xml in xmls
        )
        splits: dict[str, str] = {}
        yield from _read_lists(lists, images, splits, opener)
        yield from images.read_frames(
            lambda f: splits.get(f.path) or split_of_path(f.path, plan.root)
        )
        book = LabelBook(plan)
        counts = Counter[str]()
        sheets = []
        for xml in xmls:
            sheet = _open_sheet(xml, images, plan.root, opener)
            if isinstance(sheet, Problem):
                yield sheet
                continue
            images.learn_habit(sheet.image, sheet.stated_px)
            sheets.append(sheet)
        for sheet in sheets:
            yield from sheet.read(images, book, counts)
        yield from book.close()
        images.tell(plan.notes, book.labelled)
        plan.notes.update({what: str(count) for what, count in counts.items()})


def _read_lists(
    lists: Sequence[SessionFile],
    images: ImageLabels,
    splits: dict[str, str],
    opener: Opener,
) -> Iterator[Problem]:
    """Fill `splits`, image path -> split, from ImageSets; an image in two lists has no split and is a problem."""
    folders = {name_of(folder_of(f.path)) for f in lists}
    chosen = next(
        (name for name in ("Main", "ImageSets", "Segmentation") if name in folders), ""
    )
    found = {stem_of(f.path): f for f in lists if name_of(folder_of(f.path)) == chosen}
    for split in _LISTS:
        file = found.get(split)
        if file is None:
            continue
        try:
            text = read_bytes(file, opener).decode("utf-8-sig")
        except (UnreadableBytes, UnicodeDecodeError) as error:
            yield Problem(
                whole_file(file),
                VocReader.name,
                f"list cannot be read: {error}",
                "write one name a line, in UTF-8",
            )
            continue
        paths = set()
        absent = set()
        for name in {line.split()[0] for line in text.splitlines() if line.split()}:
            try:
                paths.add(images.look_up(name))
            except LookupError:
                absent.add(name)
        if split == "trainval":
            splits.update({path: "train" for path in paths if path not in splits})
            continue
        if absent:
            reason = f"lists images that are not there, {list_paths(absent)}"
            yield Problem(
                whole_file(file),
                VocReader.name,
                reason,
                "copy the missing images, or take them off the list",
            )
        twice = {path for path in paths if splits.get(path, split) != split}
        if twice:
            reason = f"lists images that another split lists too, {list_paths(map(stem_of, twice))}"
            yield Problem(
                whole_file(file),
                VocReader.name,
                reason,
                "keep every image in one of train, val, test",
            )
        splits.update({path: ("" if path in twice else split) for path in paths})


@dataclass(frozen=True)
class _Sheet:
    """One XML file, and the picture that it speaks of."""

    file: SessionFile
    image: SessionFile
    stated_px: Size | None
    objects: list[Element]

    def read(
        self, images: ImageLabels, book: LabelBook, counts: Counter[str]
    ) -> Iterator[Problem]:
        """Put the labels into the book."""
        source = whole_file(self.file)
        path = self.image.path
        book.look(path, _TASK, source)
        try:
            placement = images.place(self.image, self.stated_px)
        except ValueError as error:
            book.miss(path, _TASK, source)
            yield Problem(
                source,
                VocReader.name,
                str(error),
                "export the labels for the images as they are",
            )
            return
        for number, item in enumerate(self.objects):
            try:
                name, drawn = _read_object(item)
            except ValueError as error:
                book.miss(path, _TASK, source)
                yield Problem(
                    source, VocReader.name, f"object {number}: {error}", _XML_REMEDY
                )
                continue
            box = order_corners(drawn)
            counts.update(_list_oddities(item, is_turned=box != drawn))
            flags = tuple(
                (flag, "1") for flag in _FLAGS if item.findtext(flag, "").strip() == "1"
            )
            book.add(
                LabelObservation(
                    path,
                    _TASK,
                    name,
                    source,
                    images.name_sensor(self.image),
                    box_xyxy=placement.place_box(box),
                    index=number,
                    attributes=flags,
                )
            )


def _peek_filename(xml: SessionFile, opener: Opener) -> str:
    """The name of its image as the first bytes of a sheet tell it; empty where they do not."""
    try:
        found = _FILENAME.search(read_head(xml, opener))
    except UnreadableBytes:
        return ""
    return found[1].decode("utf-8", "replace").strip() if found else ""


def _is_xml(file: SessionFile) -> bool:
    return suffix_of(file.path) == ".xml" and not is_hidden(file.path)


def _open_sheet(
    xml: SessionFile, images: ImageLabels, root: str, opener: Opener
) -> _Sheet | Problem:
    try:
        tree = parse_xml(read_bytes(xml, opener, _MAX_XML_BYTES), "annotation")
        image = _find_image(xml, tree, images, root)
        return _Sheet(xml, image, _read_size(tree), tree.findall("object"))
    except UnreadableBytes as error:
        return Problem(whole_file(xml), VocReader.name, error.reason, error.remedy)
    except (ValueError, LookupError) as error:
        remedy = (
            "copy the image to its place"
            if isinstance(error, LookupError)
            else _XML_REMEDY
        )
        return Problem(whole_file(xml), VocReader.name, str(error), remedy)


def _find_image(
    xml: SessionFile, tree: Element, images: ImageLabels, root: str
) -> SessionFile:
    """By the name of the file, else by the name in it. Raises LookupError, also when the two name different images."""
    by_path = name_below(xml.path, root, _ANNOTATION_FOLDERS)
    stated = tree.findtext("filename", "").strip()
    try:
        image = images.find(by_path)
    except LookupError:
        if not stated:
            raise
        return images.find(
            join(folder_of(by_path), stated)
            if "/" not in stated.replace("\\", "/")
            else stated
        )
    if stated and stem_of(stated) != stem_of(image.path) and images.has(stated):
        raise LookupError(
            f"it is named like {image.path!r} and says that it is of {stated[:200]!r}: which of the two?"
        )
    return image


def _read_size(tree: Element) -> Size | None:
    """The stated size; None where there is none, or zeros."""
    try:
        width, height = (
            parse_number(tree.findtext(f"size/{name}"), name)
            for name in ("width", "height")
        )
    except ValueError:
        return None
    return (int(width), int(height)) if width > 0 < height else None


def _list_oddities(item: Element, is_turned: bool) -> Iterator[str]:
    """What to count of an object."""
    if is_turned:
        yield "boxes whose corners stood in the other order"
    if item.find("polygon") is not None:
        yield f"{LABELS_NOT_READ}: polygons beside boxes"


def _read_object(item: Element) -> tuple[str, Box]:
    name = item.findtext("name", "").strip()
    if not name:
        raise ValueError("has no name")
    box = tuple(
        parse_number(item.findtext(path), path)
        for path in ("bndbox/xmin", "bndbox/ymin", "bndbox/xmax", "bndbox/ymax")
    )
    return name, (box[0], box[1], box[2], box[3])
