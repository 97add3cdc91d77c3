"""Read image folders whose names are the classes: `<class>/x.jpg`, or `train/<class>/x.jpg` beside `test/<class>/`.

The place of a folder decides, not its name: below folders of splits every folder is a class, also with folders of its
own; elsewhere siblings are when nothing but images and documents lies in them, no file beside them belongs to a
recording, and most of them hold more than one image. Only where half of the names or more are words for sensors,
splits, recordings (`day2`, `seq_01`) or plain containers (`images`) are they taken as those; a class may be called
`camera`, `left` or `train`. No recording stands in two splits. So folders below several splits are recordings where
hardly any name recurs (`train/MOT17-02`, `test/MOT17-01`); and where names do, `day` and `night` are classes, as are
`left` and `right` beside a name that is no such word.

The plan's notes list the names, so that nobody is surprised by labels; `explain_no_classes` says why there are none.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from assets.formats.annotations.class_names import NAMES_FILES
from assets.formats.images.frame_files import FrameFiles
from assets.formats.images.image_headers import read_header
from assets.formats.images.opencv_calibration import find_calibration_files
from assets.formats.layout import (
    DEFAULT_SENSOR,
    folder_of,
    is_below,
    is_document,
    is_image,
    is_mask_folder,
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
from assets.formats.observations import FrameObservation, LabelObservation, Observation
from assets.formats.protocol import CapturePlan, Opener, UnreadableBytes, read_head
from assets.formats.sequences.tum_trajectory import TumTrajectoryReader
from assets.storage import SessionFile

_MOST_STRAY = 0.1  # share of images that lie beside class folders and not in them
_SILENT = ""  # refused, and nobody would take these folders for classes
_SENSOR_OR_CLASS = re.compile(
    r"^(left|right|front|rear|back|gray|grey|cameras?)$", re.IGNORECASE
)

_Folders = Mapping[str, list[SessionFile]]  # folder -> the images that lie in it itself


@dataclass(frozen=True)
class _Siblings:
    """Folders that may be the classes below a root."""

    root: str
    folders: list[str]
    refusal: str | None  # why they are none; None where they are classes


class ClassFolderReader:
    name = "class_folder"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        by_folder, candidates = _find_candidates(files, opener)
        plans = []
        taken = set[str]()
        datasets = {
            found.root: found.folders for found in candidates if found.refusal is None
        }
        for root, folders in sorted(datasets.items()):
            group = [
                f
                for folder in folders
                for f in by_folder[folder]
                if f.path not in taken
            ]
            taken.update(f.path for f in group)
            has_splits = _has_splits(group, root)
            classes = {_class_of(file.path, root, has_splits) for file in group}
            notes = {
                "classes": f"taken from folder names, {list_paths(classes, most=20)}"
            }
            plans.append(
                CapturePlan(
                    self.name,
                    root,
                    tuple(order_naturally(group)),
                    is_container=False,
                    notes=notes,
                )
            )
        return plans

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        has_splits = _has_splits(plan.files, plan.root)

        def find_split(file: SessionFile) -> str | None:
            if not has_splits:
                return None
            return split_of(_parts_below(file.path, plan.root)[0])

        frames = FrameFiles(self.name, plan.root, opener, sensor=DEFAULT_SENSOR)
        for frame in frames.read(plan.files, find_split):
            yield frame
            if isinstance(frame, FrameObservation):
                path = frame.source.path
                name = _class_of(path, plan.root, has_splits)
                yield LabelObservation(
                    path, "recognition", name, frame.source, frame.sensor
                )


def explain_no_classes(files: Sequence[SessionFile], opener: Opener) -> dict[str, str]:
    """Folder with images -> why it is no class, where somebody may have meant it as one."""
    _, candidates = _find_candidates(files, opener)
    return {
        folder: found.refusal
        for found in candidates
        if found.refusal
        for folder in found.folders
    }


def _find_candidates(
    files: Sequence[SessionFile], opener: Opener
) -> tuple[_Folders, list[_Siblings]]:
    """The folders with their images; and those that may be classes, below splits first."""
    by_folder: dict[str, list[SessionFile]] = defaultdict(list)
    images = [f for f in files if is_image(f, opener)]
    label_folders = _find_label_folders(images, opener)
    for file in images:
        if not (_may_be_label_image(file) and folder_of(file.path) in label_folders):
            by_folder[folder_of(file.path)].append(file)
    shown = {f.path for group in by_folder.values() for f in group}
    others = [f for f in files if f.path not in shown]
    return by_folder, [
        *_find_below_splits(by_folder),
        *_find_flat(by_folder, others, opener),
    ]


def _find_below_splits(by_folder: _Folders) -> Iterator[_Siblings]:
    """The folders with images below the classes of splits."""
    # root -> split folder -> folders
    splits: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for folder in by_folder:
        parts = folder.split("/")
        depth = next((n for n, part in enumerate(parts[:-1]) if split_of(part)), None)
        if depth is not None:
            splits["/".join(parts[:depth])]["/".join(parts[: depth + 1])].add(folder)
    for root, parents in splits.items():
        names = [
            {_parts_below(f, parent)[0] for f in folders}
            for parent, folders in parents.items()
        ]
        folders = sorted(f for group in parents.values() for f in group)
        refusal = _refuse_split_names(
            names, [name_of(parent) for parent in sorted(parents)]
        )
        num_inside = sum(len(by_folder[f]) for f in folders)
        num_stray = sum(len(by_folder.get(parent, ())) for parent in parents)
        if refusal is None and num_stray > _MOST_STRAY * num_inside:
            refusal = (
                f"pictures in the folders of splits themselves, {num_stray}: "
                "put each into the folder of its class"
            )
        yield _Siblings(root, folders, refusal)


def _find_flat(
    by_folder: _Folders, others: Sequence[SessionFile], opener: Opener
) -> Iterator[_Siblings]:
    """Folders side by side, where there are no splits."""
    siblings: dict[str, list[str]] = defaultdict(list)
    for folder in by_folder:
        if folder and not any(split_of(part) for part in folder.split("/")[:-1]):
            siblings[folder_of(folder)].append(folder)
    for parent, folders in siblings.items():
        refusal = _refuse_names(
            {name_of(f) for f in folders}, frozenset(), has_splits=False
        )
        if refusal is None and any(
            is_below(other, f) for f in folders for other in by_folder if other != f
        ):
            refusal = _SILENT
        if refusal is None:
            refusal = _refuse_content(parent, folders, by_folder, others, opener)
        yield _Siblings(parent, sorted(folders), refusal)


def _refuse_split_names(names: Sequence[set[str]], splits: Sequence[str]) -> str | None:
    """Why folder names, a set for each split, are no classes."""
    everywhere = set().union(*names)
    # `Train/Cat` and `val/cat` are no two recordings
    folded = [{n.casefold() for n in group} for group in names]
    recurring = {
        n for n in everywhere if sum(n.casefold() in group for group in folded) > 1
    }
    refusal = _refuse_names(everywhere, recurring, has_splits=True)
    # Of the smallest split: a class may be missing there, or be in it alone (`train/good`, `test/good`, `test/broken`).
    if (
        refusal is None
        and len(names) > 1
        and 2 * len(recurring) < min(len(group) for group in names)
    ):
        where = " and ".join(f"{split}/" for split in splits)
        return f"the folders below {where} have other names in each, as recordings have: name each class alike in all"
    return refusal


def _refuse_names(
    names: set[str], recurring: Collection[str], has_splits: bool
) -> str | None:
    """Why folder names are no classes. `recurring`: those that stand in more than one split."""
    num_splits = sum(split_of(name) is not None for name in names)
    kinds = {name: kind for name in names if (kind := _find_kind(name, num_splits > 1))}
    is_beside_class = any(name not in kinds for name in recurring)
    words = {
        name
        for name, kind in kinds.items()
        if not (
            name in recurring
            and _may_be_class(name)
            and (kind != "sensors" or is_beside_class)
        )
    }
    if len(names) > 1 and 2 * len(words) < len(names):
        return None
    if (
        len(names) < 2
        or num_splits > 1
        or not any(_may_be_class(name) for name in words)
    ):
        return _SILENT
    is_rig = all(kinds.get(name) == "sensors" for name in names)
    said = (
        f"folder names {', '.join(sorted(words))} are words"
        if len(words) > 1
        else f"{min(words)} is a word"
    )
    remedy = (
        "rename them"
        if has_splits or is_rig
        else "put them below train/ and val/, or rename them"
    )
    return (
        f"{said} for {' and '.join(sorted({kinds[word] for word in words}))}: {remedy}"
    )


def _find_kind(name: str, are_splits: bool) -> str | None:
    """What a folder name is a word for, None for any other name."""
    if is_plain_folder(name):
        return "images"
    if is_sensor_folder(name):
        return "sensors"
    if is_recording_folder(name):
        return "recordings"
    return "splits" if are_splits and split_of(name) else None


def _may_be_class(word: str) -> bool:
    """Whether classes are called by this word for sensors or recordings as well: `left`, `night`, but not `day2`."""
    if is_plain_folder(word):
        return False
    return bool(_SENSOR_OR_CLASS.match(word)) or (
        is_recording_folder(word) and not re.search(r"\d", word)
    )


def _refuse_content(
    parent: str,
    folders: Sequence[str],
    by_folder: _Folders,
    others: Iterable[SessionFile],
    opener: Opener,
) -> str | None:
    """Why the folders are not all that `parent` holds, or do not hold pictures as classes do."""
    beside = []
    is_document_elsewhere = False
    for file in others:
        if not is_below(file.path, parent):
            continue
        if folder_of(file.path) == parent:
            beside.append(file)
        elif not (_tells_nothing(file.path) and folder_of(file.path) in folders):
            if is_document(file.path):
                is_document_elsewhere = True
                continue
            first, *rest = _parts_below(file.path, parent)
            return f"{first} holds {'/'.join(rest)}: folders of classes hold images alone, and stand beside no others"
    if is_document_elsewhere:
        return _SILENT
    recorded = _find_recorded(beside, opener)
    if recorded:
        return f"{name_of(recorded)} lies beside the folders and belongs to a recording: move it away"
    files = [file for folder in folders for file in by_folder[folder]]
    num_sensors = sum(sensor_of(name_of(file.path)) != DEFAULT_SENSOR for file in files)
    if 2 * num_sensors >= len(files):
        return _SILENT
    num_stray = len(by_folder.get(parent, ()))
    if num_stray > _MOST_STRAY * len(files):
        return f"pictures beside the folders, {num_stray}: put each into the folder of its class"
    return (
        None
        if sum(len(by_folder[f]) >= 2 for f in folders) * 2 > len(folders)
        else _SILENT
    )


def _find_recorded(files: Sequence[SessionFile], opener: Opener) -> str | None:
    """The first of the files that a reader takes as part of a recording: a calibration or a trajectory."""
    found = [f.path for f in find_calibration_files(files, opener)]
    found += [plan.root for plan in TumTrajectoryReader().plan(files, opener)]
    return min(found, default=None)


def _tells_nothing(path: str) -> bool:
    """A file that is no data beside the images: a document, or a list of the classes."""
    return is_document(path) or name_of(path).lower() in NAMES_FILES


def _may_be_label_image(file: SessionFile) -> bool:
    """Masks keep their numbers in PNG or the like; a JPEG in a folder of such a name shows something (`with_mask/`)."""
    return is_mask_path(file.path) and suffix_of(file.path) not in (
        ".jpg",
        ".jpeg",
        ".jpe",
        ".webp",
        ".heic",
        ".heif",
        ".hif",
        ".avif",
    )


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
        above = _find_above_masks(folder)
        is_beside = any(is_below(f"{other}/", above) for other in plain)
        names_split = any(
            split_of(word) for word in re.split(r"[\W_]+", name_of(folder))
        )
        if is_beside or names_split or not _has_colours(file, opener):
            found.add(folder)
    return found


def _find_above_masks(folder: str) -> str:
    """The folder above the outermost one that is called like label images."""
    parts = folder.split("/")
    return "/".join(
        parts[: next(n for n, part in enumerate(parts) if is_mask_folder(part))]
    )


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
