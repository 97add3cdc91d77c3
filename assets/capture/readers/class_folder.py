"""Read image folders whose names are the classes: `<class>/x.jpg`, or `train/<class>/x.jpg` beside `test/<class>/`.

The place of a folder decides, not its name: below folders of splits every folder is a class, also with folders of its
own; elsewhere siblings are when nothing but documents lies in or beside them and most of them hold more than one image.
Only where half of the names or more are words for sensors, splits, recordings (`day2`, `seq_01`) or plain containers
(`images`) are they taken as those; a class may be called `camera`, `left` or `train`. Below splits `day` and `night`
are classes when they stand in more than one split, since no recording does.

The plan's notes list the names, so that nobody is surprised by labels.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from assets.capture.observations import CapturePlan, FrameObservation, LabelObservation, Observation
from assets.capture.readers.class_names import NAMES_FILES
from assets.capture.readers.frame_files import FrameFiles
from assets.capture.readers.image_headers import read_header
from assets.capture.readers.layout import (
    DEFAULT_SENSOR,
    folder_of,
    is_below,
    is_document,
    is_image,
    is_mask_path,
    is_plain_folder,
    is_recording_folder,
    is_sensor_folder,
    join,
    list_paths,
    name_of,
    order_naturally,
    sensor_of,
    split_of,
    suffix_of,
)
from assets.capture.readers.protocol import Opener, UnreadableBytes, read_head
from assets.storage import SessionFile

_MOST_STRAY = 0.1  # share of images that lie beside class folders and not in them

_Folders = Mapping[str, list[SessionFile]]  # folder -> the images that lie in it itself


class ClassFolderReader:
    name = "class_folder"
    version = "2"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        by_folder: dict[str, list[SessionFile]] = defaultdict(list)
        others: set[str] = set()
        images = [f for f in files if is_image(f, opener)]
        label_folders = _find_label_folders(images, opener)
        for file in images:
            if not (_may_be_label_image(file) and folder_of(file.path) in label_folders):
                by_folder[folder_of(file.path)].append(file)
        shown = {f.path for group in by_folder.values() for f in group}
        others.update(f.path for f in files if f.path not in shown)
        plans, taken = [], set[str]()
        datasets = {**_find_split_datasets(by_folder), **_find_flat_datasets(by_folder, others)}
        for root, folders in sorted(datasets.items()):
            group = [f for folder in folders for f in by_folder[folder] if f.path not in taken]
            taken.update(f.path for f in group)
            has_splits = _has_splits(group, root)
            classes = {_class_of(file.path, root, has_splits) for file in group}
            notes = {"classes": f"taken from folder names, {list_paths(classes, most=20)}"}
            plans.append(CapturePlan(self.name, root, tuple(order_naturally(group)), is_container=False, notes=notes))
        return plans

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        has_splits = _has_splits(plan.files, plan.root)
        find_split = lambda f: split_of(_parts_below(f.path, plan.root)[0]) if has_splits else None  # noqa: E731
        frames = FrameFiles(self.name, plan.root, opener, sensor=DEFAULT_SENSOR)
        for frame in frames.read(plan.files, find_split):
            yield frame
            if isinstance(frame, FrameObservation):
                path = frame.source.path
                name = _class_of(path, plan.root, has_splits)
                yield LabelObservation(path, "recognition", name, frame.source, frame.sensor)


def _find_split_datasets(by_folder: _Folders) -> dict[str, list[str]]:
    """Root -> the folders with images below the classes of its splits."""
    splits: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))  # root -> split folder -> folders
    for folder in by_folder:
        parts = folder.split("/")
        depth = next((n for n, part in enumerate(parts[:-1]) if split_of(part)), None)
        if depth is not None:
            splits["/".join(parts[:depth])]["/".join(parts[: depth + 1])].add(folder)
    found = {}
    for root, parents in splits.items():
        names = {parent: {_parts_below(f, parent)[0] for f in folders} for parent, folders in parents.items()}
        recurring = {n for n in set().union(*names.values()) if sum(n in group for group in names.values()) > 1}
        inside = sum(len(by_folder[f]) for folders in parents.values() for f in folders)
        stray = sum(len(by_folder.get(parent, ())) for parent in parents)
        if _are_classes(set().union(*names.values()), recurring) and stray <= _MOST_STRAY * inside:
            found[root] = sorted(f for folders in parents.values() for f in folders)
    return found


def _find_flat_datasets(by_folder: _Folders, others: Iterable[str]) -> dict[str, list[str]]:
    """Root -> its class folders, where there are no splits."""
    siblings: dict[str, list[str]] = defaultdict(list)
    for folder in by_folder:
        if folder and not any(split_of(part) for part in folder.split("/")[:-1]):
            siblings[folder_of(folder)].append(folder)
    return {
        parent: sorted(folders)
        for parent, folders in siblings.items()
        if _are_classes({name_of(f) for f in folders}, frozenset())
        and not any(is_below(other, folder) for folder in folders for other in by_folder if other != folder)
        and _fill(parent, folders, by_folder, others)
    }


def _are_classes(names: set[str], recurring: Iterable[str]) -> bool:
    """Whether folder names may be classes. `recurring`: those that stand in more than one split."""
    again = set(recurring)
    num_splits = sum(split_of(name) is not None for name in names)
    words = [
        name
        for name in names
        if is_sensor_folder(name)
        or is_plain_folder(name)
        or (split_of(name) and num_splits > 1)
        or (is_recording_folder(name) and not (name in again and not re.search(r"\d", name)))
    ]
    return len(names) > 1 and 2 * len(words) < len(names)


def _fill(parent: str, folders: Sequence[str], by_folder: _Folders, others: Iterable[str]) -> bool:
    """Whether the folders are all that `parent` holds, and hold pictures as classes do."""
    for path in others:
        if is_below(path, parent) and not (_tells_nothing(path) and folder_of(path) in (parent, *folders)):
            return False
    files = [file for folder in folders for file in by_folder[folder]]
    num_sensors = sum(sensor_of(name_of(file.path)) != DEFAULT_SENSOR for file in files)
    if 2 * num_sensors >= len(files) or len(by_folder.get(parent, ())) > _MOST_STRAY * len(files):
        return False
    return sum(len(by_folder[folder]) >= 2 for folder in folders) * 2 > len(folders)


def _tells_nothing(path: str) -> bool:
    """A file that is no data beside the images: a document, or a list of the classes."""
    return is_document(path) or name_of(path).lower() in NAMES_FILES


def _may_be_label_image(file: SessionFile) -> bool:
    """Masks keep their numbers in PNG or the like; a JPEG in a folder of such a name shows something (`with_mask/`)."""
    return is_mask_path(file.path) and suffix_of(file.path) not in (".jpg", ".jpeg", ".jpe", ".webp")


def _find_label_folders(images: Sequence[SessionFile], opener: Opener) -> set[str]:
    """Folders called like label images that lie beside images, or hold one channel. Colours beside no image at all are
    pictures, whatever the folders are called (`with_mask/`, `without_mask/`).
    """
    plain = {folder_of(f.path) for f in images if not is_mask_path(f.path)}
    found = set()
    for file in images:
        folder = folder_of(file.path)
        if folder in found or not _may_be_label_image(file):
            continue
        is_beside = any(is_below(f"{other}/", folder_of(folder)) for other in plain)
        names_split = any(split_of(word) for word in re.split(r"[\W_]+", name_of(folder)))
        if is_beside or names_split or not _has_colours(file, opener):
            found.add(folder)
    return found


def _has_colours(file: SessionFile, opener: Opener) -> bool:
    try:
        header = read_header(read_head(file, opener))
    except UnreadableBytes:
        return False
    return header is not None and header.channels >= 3


def _has_splits(files: Sequence[SessionFile], root: str) -> bool:
    """Whether the first folders below the root are splits, and not classes."""
    parts = [_parts_below(folder_of(f.path), root) for f in files]
    return all(len(p) > 1 and split_of(p[0]) for p in parts)


def _class_of(path: str, root: str, has_splits: bool) -> str:
    return _parts_below(path, root)[1 if has_splits else 0]


def _parts_below(path: str, root: str) -> list[str]:
    return path[len(join(root, "x")) - 1 :].split("/")
