"""Read Pascal VOC datasets: one XML a picture in `Annotations/`, pictures in `JPEGImages/`, lists in `ImageSets/Main/`.

Pictures and XML files in one folder, and `images/` beside `annotations/`, are read as well. Boxes keep the numbers of
the file. VOC counts pixels from 1 and includes the last one; files in the wild follow that or the 0-based exclusive
way and do not say which, and an adjustment would turn boxes of zero area into boxes of one pixel. So nothing is added
or subtracted, and the difference to `xyxy` is at most one pixel. Difficult objects are labels like the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

from assets.capture.observations import CapturePlan, LabelObservation, Observation, Problem
from assets.capture.readers.frame_files import FrameFiles
from assets.capture.readers.layout import (
    folder_of,
    is_below,
    is_hidden,
    join,
    list_paths,
    name_of,
    sensor_of,
    split_of_path,
    stem_of,
    suffix_of,
)
from assets.capture.readers.pairing import ImageIndex, find_label_files
from assets.capture.readers.protocol import Opener, UnreadableBytes, read_bytes, whole_file
from assets.capture.readers.strict_xml import parse_number, parse_xml
from assets.storage import SessionFile

_MAX_XML_BYTES = 16 << 20
_ANNOTATION_FOLDERS = frozenset({"annotations", "annotation", "xmls", "xml"})
_LISTS = frozenset({"train", "val", "test"})  # trainval adds nothing; class lists (cat_train) are not splits
_XML_REMEDY = "export the annotation again"


class VocReader:
    name = "voc"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        found = find_label_files(files, opener, _is_xml, _ANNOTATION_FOLDERS)
        plans, taken = list[CapturePlan](), set[str]()
        for root, group in found.groups:
            stems = {stem_of(f.path) for f in group}
            below = [i for i in found.images if is_below(i.path, root) and i.path not in taken]
            folders = {folder_of(i.path) for i in below if stem_of(i.path) in stems}
            if not folders:
                continue  # XML of another kind
            members = group + [i for i in below if folder_of(i.path) in folders]
            members += [f for f in files if is_below(f.path, join(root, "ImageSets")) and suffix_of(f.path) == ".txt"]
            taken.update(f.path for f in members)
            plans.append(CapturePlan(self.name, root, tuple(members), is_container=False))
        return plans

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        by_suffix: dict[str, list[SessionFile]] = defaultdict(list)
        for file in plan.files:
            by_suffix[suffix_of(file.path)].append(file)
        xmls, lists = by_suffix.pop(".xml", []), by_suffix.pop(".txt", [])
        images = [file for group in by_suffix.values() for file in group]
        splits: dict[str, str] = {}
        yield from self._read_lists(lists, {stem_of(i.path) for i in images}, splits, opener)
        find_split = lambda f: splits.get(stem_of(f.path)) or split_of_path(f.path, plan.root)  # noqa: E731
        yield from FrameFiles(self.name, plan.root, opener).read(images, find_split)
        index, labelled = ImageIndex(images), set()
        for xml in xmls:
            for observation in self._read_xml(xml, index, opener, plan.root):
                if isinstance(observation, LabelObservation):
                    labelled.add(observation.frame_path)
                yield observation
        if bare := {i.path for i in images} - labelled:
            plan.notes["images without labels"] = list_paths(p for p in bare if p)

    def _read_lists(
        self, lists: Sequence[SessionFile], stems: set[str], splits: dict[str, str], opener: Opener
    ) -> Iterator[Problem]:
        """Fill `splits` from ImageSets/Main; a name in two lists has no split and is a problem."""
        for file in lists:
            split = stem_of(file.path)
            if split not in _LISTS or name_of(folder_of(file.path)) != "Main":
                continue
            try:
                names = {line.split()[0] for line in read_bytes(file, opener).decode().splitlines() if line.split()}
            except (UnreadableBytes, UnicodeDecodeError) as error:
                yield Problem(
                    whole_file(file), self.name, f"list cannot be read: {error}", "write one name a line, in UTF-8"
                )
                continue
            if absent := names - stems:
                reason = f"lists images that are not there, {list_paths(absent)}"
                yield Problem(whole_file(file), self.name, reason, "copy the missing images, or take them off the list")
            if twice := {n for n in names if splits.get(n, split) != split}:
                reason = f"lists images that another split lists too, {list_paths(twice)}"
                yield Problem(whole_file(file), self.name, reason, "keep every image in one of train, val, test")
            splits.update({n: ("" if n in twice else split) for n in names})

    def _read_xml(self, xml: SessionFile, index: ImageIndex, opener: Opener, root: str) -> Iterator[Observation]:
        try:
            tree = parse_xml(read_bytes(xml, opener, _MAX_XML_BYTES), "annotation")
            image = _find_image(xml, tree, index)
        except UnreadableBytes as error:
            yield Problem(whole_file(xml), self.name, error.reason, error.remedy)
            return
        except (ValueError, LookupError) as error:
            remedy = "copy the image to its place" if isinstance(error, LookupError) else _XML_REMEDY
            yield Problem(whole_file(xml), self.name, str(error), remedy)
            return
        for number, item in enumerate(tree.findall("object")):
            try:
                name, box = _read_object(item)
            except ValueError as error:
                yield Problem(whole_file(xml), self.name, f"object {number}: {error}", _XML_REMEDY)
                continue
            sensor = sensor_of(image.path, root)
            yield LabelObservation(image.path, "detection", name, whole_file(xml), sensor, box_xyxy=box, index=number)


def _is_xml(file: SessionFile) -> bool:
    return suffix_of(file.path) == ".xml" and not is_hidden(file.path)


def _find_image(xml: SessionFile, tree: Element, index: ImageIndex) -> SessionFile:
    hint = name_of(folder_of(xml.path))
    try:
        return index.find(xml.path, (hint,))
    except LookupError:
        return index.find(tree.findtext("filename", "").strip() or stem_of(xml.path), (hint,))


def _read_object(item: Element) -> tuple[str, tuple[float, float, float, float]]:
    name = item.findtext("name", "").strip()
    if not name:
        raise ValueError("has no name")
    box = tuple(
        parse_number(item.findtext(path), path) for path in ("bndbox/xmin", "bndbox/ymin", "bndbox/xmax", "bndbox/ymax")
    )
    return name, (box[0], box[1], box[2], box[3])
