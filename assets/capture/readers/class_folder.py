"""Read image folders whose names are the classes: `<class>/x.jpg`, or `train/<class>/x.jpg` beside `test/<class>/`.

Without split folders the names are taken as classes when at least two sibling folders hold images, most of them more
than one, nothing else but documents lies in or beside them, and no name is that of a sensor, a split, a recording
(`day2`, `seq_01`) or a plain container (`images`).
The plan's notes list the names, so that nobody is surprised by labels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from assets.capture.observations import CapturePlan, FrameObservation, LabelObservation, Observation
from assets.capture.readers.frame_files import FrameFiles
from assets.capture.readers.layout import (
    DEFAULT_SENSOR,
    folder_of,
    is_below,
    is_document,
    is_hidden,
    is_image,
    is_mask_path,
    is_plain_folder,
    is_recording_folder,
    is_sensor_folder,
    list_paths,
    name_of,
    order_naturally,
    sensor_of,
    split_of,
)
from assets.capture.readers.protocol import Opener
from assets.storage import SessionFile


class ClassFolderReader:
    name = "class_folder"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        by_folder: dict[str, list[SessionFile]] = defaultdict(list)
        others: set[str] = set()
        for file in files:
            if is_image(file, opener) and not is_mask_path(file.path):
                by_folder[folder_of(file.path)].append(file)
            elif not is_hidden(file.path):
                others.add(file.path)
        plans = []
        for root, folders in sorted(_find_datasets(by_folder, others).items()):
            classes = {name_of(folder) for folder in folders}
            group = [file for folder in folders for file in by_folder[folder]]
            notes = {"classes": f"taken from folder names, {list_paths(classes, most=20)}"}
            plans.append(CapturePlan(self.name, root, tuple(order_naturally(group)), is_container=False, notes=notes))
        return plans

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        for frame in FrameFiles(self.name, plan.root, opener).read(plan.files):
            yield frame
            if isinstance(frame, FrameObservation):
                path = frame.source.path
                yield LabelObservation(path, "recognition", name_of(folder_of(path)), frame.source, frame.sensor)


def _find_datasets(by_folder: dict[str, list[SessionFile]], others: set[str]) -> dict[str, list[str]]:
    """Root -> its class folders. A split folder is part of the root above it."""
    siblings: dict[str, list[str]] = defaultdict(list)
    for folder in by_folder:
        if folder:
            siblings[folder_of(folder)].append(folder)
    datasets: dict[str, list[str]] = defaultdict(list)
    for parent, folders in siblings.items():
        is_split = split_of(name_of(parent)) is not None
        if (
            parent not in by_folder
            and _are_classes(folders, by_folder)
            and (is_split or _fill(parent, folders, by_folder, others))
        ):
            datasets[folder_of(parent) if is_split else parent] += folders
    return {root: sorted(folders) for root, folders in datasets.items() if len({name_of(f) for f in folders}) >= 2}


def _are_classes(folders: list[str], by_folder: dict[str, list[SessionFile]]) -> bool:
    names = [name_of(folder) for folder in folders]
    if any(is_sensor_folder(n) or is_plain_folder(n) or split_of(n) or is_recording_folder(n) for n in names):
        return False
    return not any(other.startswith(f"{folder}/") for folder in folders for other in by_folder)


def _fill(parent: str, folders: list[str], by_folder: dict[str, list[SessionFile]], others: set[str]) -> bool:
    """Whether the folders are all that `parent` holds, and hold pictures as classes do."""
    beside = {path for path in others if is_below(path, parent)}
    if any(not is_document(path) or folder_of(path) not in (parent, *folders) for path in beside):
        return False
    if any(sensor_of(file.path, parent) != DEFAULT_SENSOR for folder in folders for file in by_folder[folder]):
        return False
    return len(folders) >= 2 and sum(len(by_folder[folder]) >= 2 for folder in folders) * 2 > len(folders)
