"""Read images whose label images hold a class id in every pixel: `train/x.png` beside `trainannot/x.png` (SegNet,
CamVid), or `images/x.jpg` beside `masks/x.png` (also `labels/`, `annotations/`, `SegmentationClass/`).

Label images are 8-bit PNGs of one channel, grey or with a palette, of which the numbers count and not the colours. Id
255 and ids whose class is called void, unlabelled or ignore say that nobody knows: they become no label. Where all
label images of a data set hold 0 and 255 alone and two classes are named, 255 is the second (a binary mask).

Names stand in `classes.txt` beside the folders or above them, a name a line from id 0, or `id name`. Without one the
SegNet layout is taken as CamVid's twelve ids (Badrinarayanan et al., arXiv:1511.00561; 11 is void).

A label of task "segmentation" is the mask of one class in one image. A pixel in no mask is ignored, so a background
that is to be learnt is a class with a name like the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from assets.formats.annotations.class_names import (
    IGNORED_ID,
    NAMES_FILES,
    is_ignored_name,
    is_names_file,
    parse_class_names,
)
from assets.formats.annotations.image_labels import ImageLabels
from assets.formats.annotations.label_images import read_numbers
from assets.formats.images.image_headers import read_header
from assets.formats.layout import (
    folder_of,
    is_below,
    is_hidden,
    is_image,
    is_mask_folder,
    is_mask_path,
    list_paths,
    name_of,
    order_naturally,
    split_of,
    stem_of,
    suffix_of,
)
from assets.formats.observations import LabelObservation, Observation, Problem, Source
from assets.formats.protocol import (
    CapturePlan,
    Opener,
    UnreadableBytes,
    read_bytes,
    read_head,
    whole_file,
)
from assets.storage import SessionFile
from models.masks import encode_mask

CAMVID_NAMES = (
    "sky",
    "building",
    "pole",
    "road",
    "pavement",
    "tree",
    "sign",
    "fence",
    "car",
    "pedestrian",
    "bicyclist",
    "void",
)
_SEGNET_ENDING = "annot"
_MAX_NAMES_BYTES = 1 << 20
_MASK_REMEDY = "export it as 8-bit PNG of one channel that holds class ids"
_NAMES_REMEDY = f"write {NAMES_FILES[0]} beside the folders: the name of id 0 in the first line, and so on"


class ClassMasksReader:
    name = "class_masks"

    def plan(self, files: Sequence[SessionFile], opener: Opener) -> list[CapturePlan]:
        masks: dict[str, list[SessionFile]] = defaultdict(list)
        for folder, group in _group_by_folder(
            f for f in files if _may_be_mask(f)
        ).items():
            if _holds_class_ids(group[0], opener):
                masks[_find_root(folder)] += group
        images = (
            [f for f in files if is_image(f, opener) and not is_mask_path(f.path)]
            if masks
            else []
        )
        listed = [f for f in files if is_names_file(f.path)] if masks else []
        plans = list[CapturePlan]()
        taken = set[str]()
        # the innermost takes its images first
        for root, group in sorted(masks.items(), key=lambda item: -len(item[0])):
            stems = {stem_of(f.path) for f in group}
            below = [
                i for i in images if is_below(i.path, root) and i.path not in taken
            ]
            folders = {folder_of(i.path) for i in below if stem_of(i.path) in stems}
            if not folders:
                continue  # masks of something else: they are told as leftovers
            members = [i for i in below if folder_of(i.path) in folders] + group
            near = {
                place
                for folder in {folder_of(f.path) for f in group}
                for place in _list_places(folder, root)
            }
            members += [f for f in listed if folder_of(f.path) in near]
            taken.update(f.path for f in members)
            plans.append(
                CapturePlan(
                    self.name, root, tuple(order_naturally(members)), is_container=False
                )
            )
        return plans

    def read(self, plan: CapturePlan, opener: Opener) -> Iterator[Observation]:
        masks = [
            f
            for f in plan.files
            if is_mask_path(f.path) and suffix_of(f.path) == ".png"
        ]
        listed = [f for f in plan.files if is_names_file(f.path)]
        others = {f.path for f in (*masks, *listed)}
        images = ImageLabels(
            self.name,
            plan.root,
            [f for f in plan.files if f.path not in others],
            opener,
        )
        yield from images.read_frames()
        references = {mask.path: _refer(mask, plan.root) for mask in masks}
        images.announce(references.values())
        try:
            names, origin = _read_names(listed, masks, opener)
        except UnreadableBytes as error:
            yield Problem(
                whole_file(listed[0]),
                self.name,
                f"class names: {error.reason}",
                error.remedy,
            )
            return
        except ValueError as error:
            source = whole_file(listed[0]) if listed else Source(plan.root)
            yield Problem(source, self.name, str(error), _NAMES_REMEDY)
            return
        plan.notes["classes"] = (
            f"{origin}, {list_paths((n for n in names.values() if not is_ignored_name(n)), most=40)}"
        )
        is_binary = names.keys() == {0, 1} and _are_binary(masks, opener)
        if is_binary:
            plan.notes["masks of 0 and 255 alone"] = (
                f"255 is read as id 1, {names[1]}: there are two classes"
            )
        done: set[str] = set()
        for mask in masks:
            try:
                image = images.find(references[mask.path])
                if image.path in done:
                    raise ValueError(f"a second label image for {image.path}")
                ids: NDArray[np.generic] = read_numbers(read_bytes(mask, opener))
                ids = (ids == IGNORED_ID).astype(np.uint8) if is_binary else ids
                placement = images.place(image, (ids.shape[1], ids.shape[0]))
                ids = placement.place_mask(ids)
                found = _name_classes(ids, names)
            except UnreadableBytes as error:
                yield Problem(whole_file(mask), self.name, error.reason, error.remedy)
            except LookupError as error:
                yield Problem(
                    whole_file(mask),
                    self.name,
                    str(error),
                    "copy the image to its place",
                )
            except ValueError as error:
                yield Problem(whole_file(mask), self.name, str(error), _MASK_REMEDY)
            else:
                done.add(image.path)
                sensor = images.name_sensor(image)
                for class_id, name in found.items():
                    yield LabelObservation(
                        image.path,
                        "segmentation",
                        name,
                        whole_file(mask),
                        sensor,
                        mask_rle=encode_mask(ids == class_id),
                        index=class_id,
                    )
        images.tell(plan.notes)


def _group_by_folder(files: Iterator[SessionFile]) -> dict[str, list[SessionFile]]:
    groups: dict[str, list[SessionFile]] = defaultdict(list)
    for file in files:
        groups[folder_of(file.path)].append(file)
    return groups


def _may_be_mask(file: SessionFile) -> bool:
    return (
        suffix_of(file.path) == ".png"
        and is_mask_path(file.path)
        and not is_hidden(file.path)
    )


def _holds_class_ids(file: SessionFile, opener: Opener) -> bool:
    """By the header of one file of a folder: the others are looked at when they are read."""
    try:
        header = read_header(read_head(file, opener))
    except UnreadableBytes:
        return False
    return (
        header is not None
        and header.encoding == "png"
        and header.channels == 1
        and header.bits <= 8
    )


def _find_root(folder: str) -> str:
    """The folder above label folders and splits."""
    while folder and (is_mask_folder(name_of(folder)) or split_of(name_of(folder))):
        folder = folder_of(folder)
    return folder


def _list_places(folder: str, root: str) -> list[str]:
    """The folders that may hold the names of a label folder's ids: itself, and those above it up to the root."""
    places = [folder]
    while places[-1] != root:
        places.append(folder_of(places[-1]))
    return places


def _refer(mask: SessionFile, root: str) -> str:
    """What the path of a label image says of its image: `trainannot/x.png` is of `train/x`, as are `masks/train/x.png`
    and `train/masks/x.png`.
    """
    parts = folder_of(mask.path)[len(root) :].strip("/").split("/")
    folders = [part.removesuffix(_SEGNET_ENDING) for part in parts]
    return "/".join(
        [*(f for f in folders if f and not is_mask_folder(f)), stem_of(mask.path)]
    )


def _read_names(
    listed: Sequence[SessionFile], masks: Sequence[SessionFile], opener: Opener
) -> tuple[dict[int, str], str]:
    """(id -> name, where they are from). Raises ValueError where nobody says what the ids mean."""
    lists = [
        parse_class_names(read_bytes(file, opener, _MAX_NAMES_BYTES)) for file in listed
    ]
    if any(names != lists[0] for names in lists):
        raise ValueError(
            f"several files with class names differ, {list_paths(f.path for f in listed)}: keep one"
        )
    if lists:
        return lists[0], f"taken from {listed[0].path}"
    if not all(name_of(folder_of(m.path)).endswith(_SEGNET_ENDING) for m in masks):
        raise ValueError(
            f"{len(masks)} label images hold class ids, and nothing says what they mean"
        )
    return dict(
        enumerate(CAMVID_NAMES)
    ), f"CamVid's ids, as there is no {NAMES_FILES[0]}"


def _are_binary(masks: Sequence[SessionFile], opener: Opener) -> bool:
    """Whether label images hold 0 and 255 alone, and 255 occurs. Those that cannot be read say nothing."""
    present: set[int] = set()
    for mask in masks:
        try:
            present |= {
                int(i)
                for i in np.flatnonzero(
                    np.bincount(read_numbers(read_bytes(mask, opener)).ravel())
                )
            }
        except ValueError:
            continue
        if present - {0, IGNORED_ID}:
            return False
    return IGNORED_ID in present


def _name_classes(ids: NDArray[np.generic], names: dict[int, str]) -> dict[int, str]:
    """The classes that occur, without those that say that nobody knows. Raises ValueError for an id without a name."""
    present = [int(i) for i in np.flatnonzero(np.bincount(ids.ravel(), minlength=256))]
    unknown = [i for i in present if i not in names and i != IGNORED_ID]
    if unknown:
        raise ValueError(
            f"class ids {unknown[:10]} have no name: there are {len(names)} names, from {min(names)} to "
            f"{max(names)}"
        )
    return {
        i: names[i] for i in present if i in names and not is_ignored_name(names[i])
    }
