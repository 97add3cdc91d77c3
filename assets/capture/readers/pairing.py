"""Find the images that label files and their entries speak of, by name and folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from assets.capture.observations import CapturePlan
from assets.capture.readers.layout import (
    folder_of,
    is_below,
    is_image,
    is_mask_path,
    list_paths,
    name_of,
    split_of,
    stem_of,
)
from assets.capture.readers.protocol import Opener
from assets.storage import SessionFile


@dataclass(frozen=True)
class LabelFiles:
    """The label files of a session by the root of their data set, and the images that they may speak of."""

    groups: list[tuple[str, list[SessionFile]]]  # innermost root first, so that it takes its images before the outer
    images: list[SessionFile]


def find_label_files(
    files: Sequence[SessionFile], opener: Opener, is_label: Callable[[SessionFile], bool], folders: frozenset[str]
) -> LabelFiles:
    """`folders` are the names, in lower case, that only say "labels are here": the root lies above them and splits."""
    groups: dict[str, list[SessionFile]] = defaultdict(list)
    for file in files:
        if is_label(file):
            groups[_find_root(folder_of(file.path), folders)].append(file)
    images = [f for f in files if is_image(f, opener) and not is_mask_path(f.path)] if groups else []
    return LabelFiles(sorted(groups.items(), key=lambda item: -item[0].count("/") - bool(item[0])), images)


def plan_label_files(
    reader: str,
    files: Sequence[SessionFile],
    opener: Opener,
    is_label: Callable[[SessionFile], bool],
    folders: frozenset[str],
) -> list[CapturePlan]:
    """One capture for each root with label files, of these and the images below it. `folders`: see above."""
    found = find_label_files(files, opener, is_label, folders)
    plans, taken = list[CapturePlan](), set[str]()
    for root, labels in found.groups:
        members = labels + [i for i in found.images if is_below(i.path, root) and i.path not in taken]
        taken.update(f.path for f in members)
        plans.append(CapturePlan(reader, root, tuple(members), is_container=False))
    return plans


class ImageIndex:
    """The images of one dataset, by name without ending."""

    def __init__(self, images: Iterable[SessionFile]) -> None:
        self._by_stem: dict[str, list[SessionFile]] = defaultdict(list)
        for image in images:
            self._by_stem[stem_of(image.path)].append(image)

    def find(self, reference: str, hints: Sequence[str] = ()) -> SessionFile:
        """The image with the name of `reference` whose folder agrees best with its folder, then with the hints.

        Raises LookupError, with a reason to show, when there is none or when two agree equally well.
        """
        reference = reference.replace("\\", "/")
        candidates = self._by_stem.get(stem_of(reference), [])
        same_name = [c for c in candidates if name_of(c.path) == name_of(reference)]
        candidates = same_name or candidates
        if not candidates:
            raise LookupError(f"there is no image {reference[:200]!r}")
        scored = [(_agreement(c.path, reference, hints), c) for c in candidates]
        best = max(score for score, _ in scored)
        found = [c for score, c in scored if score == best]
        if len(found) > 1:
            raise LookupError(f"{reference[:200]!r} may be any of {list_paths(c.path for c in found)}")
        return found[0]


def _find_root(folder: str, folders: frozenset[str]) -> str:
    while folder and (name_of(folder).lower() in folders or split_of(name_of(folder))):
        folder = folder_of(folder)
    return folder


def _agreement(path: str, reference: str, hints: Sequence[str]) -> tuple[int, int]:
    ours, theirs = folder_of(path).split("/"), folder_of(reference).split("/")
    shared = 0
    for ours_part, theirs_part in zip(reversed(ours), reversed(theirs), strict=False):
        if ours_part != theirs_part or not ours_part:
            break
        shared += 1
    return shared, sum(hint in ours for hint in hints if hint)
