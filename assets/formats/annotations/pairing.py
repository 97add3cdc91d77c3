"""Find the images that label files and their entries speak of, by name and folder."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from assets.formats.layout import (
    IMAGE_SUFFIXES,
    folder_of,
    is_below,
    is_image,
    is_mask_path,
    is_plain_folder,
    list_paths,
    name_of,
    split_of,
    stem_of,
    suffix_of,
)
from assets.formats.protocol import CapturePlan, Opener
from assets.storage import SessionFile

_ENDINGS = IMAGE_SUFFIXES | {".txt", ".xml", ".json"}
_COUNTED = re.compile(
    r"(.*[A-Za-z][\W_]*)(\d+)|(.*[A-Za-z][\W_]+)([A-Za-z])|(.*[a-z])([A-Z])"
)  # cam_1, cam_a, camA
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True)
class LabelFiles:
    """The label files of a session by the root of their data set, and the images that they may speak of."""

    # innermost root first, so that it takes its images before the outer
    groups: list[tuple[str, list[SessionFile]]]
    images: list[SessionFile]


def find_label_files(
    files: Sequence[SessionFile],
    opener: Opener,
    is_label: Callable[[SessionFile], bool],
    folders: frozenset[str],
) -> LabelFiles:
    """`folders` are the names, in lower case, that only say "labels are here": the root lies above them and splits."""
    groups: dict[str, list[SessionFile]] = defaultdict(list)
    for file in files:
        if is_label(file):
            groups[_find_root(folder_of(file.path), folders)].append(file)
    images = (
        [f for f in files if is_image(f, opener) and not is_mask_path(f.path)]
        if groups
        else []
    )
    groups = _climb_to_images(groups, {folder_of(i.path) for i in images})
    return LabelFiles(
        sorted(groups.items(), key=lambda item: -item[0].count("/") - bool(item[0])),
        images,
    )


def plan_label_files(
    reader: str,
    files: Sequence[SessionFile],
    opener: Opener,
    is_label: Callable[[SessionFile], bool],
    folders: frozenset[str],
) -> list[CapturePlan]:
    """One capture for each root with label files, of these and the images below it. `folders`: see above."""
    found = find_label_files(files, opener, is_label, folders)
    plans = list[CapturePlan]()
    taken = set[str]()
    for root, labels in found.groups:
        members = labels + [
            i for i in found.images if is_below(i.path, root) and i.path not in taken
        ]
        taken.update(f.path for f in members)
        plans.append(CapturePlan(reader, root, tuple(members), is_container=False))
    return plans


class ImageIndex:
    """The images of one dataset, found by the paths that documents give them.

    A path matches by its tail, as far as it is given. A shorter match counts only where nothing contradicts it: no
    folder of the dataset with another name at that place, no other image of the name, no other path that would have the
    same image. Folders that only say "images are here" say nothing. Capitals and the way that a letter is composed do
    not tell files apart, except where both ways exist.
    """

    def __init__(self, images: Iterable[SessionFile], root: str = "") -> None:
        self._root_depth = len(_parts_of(root))
        self._by_stem: dict[str, list[SessionFile]] = defaultdict(list)
        # image path -> the paths that match it in a shorter way
        self._rivals: dict[str, set[str]] = defaultdict(set)
        # image paths that a path matches as far as it is given
        self._owned: set[str] = set()
        self._looser: set[str] = set()  # references found by a shorter match
        for image in images:
            self._by_stem[_fold(stem_of(image.path))].append(image)

    @property
    def num_looser(self) -> int:
        """How many references were found by less than the path that they give."""
        return len(self._looser)

    def announce(self, references: Iterable[str], hints: Sequence[str] = ()) -> None:
        """Make known which paths will be looked for, so that two of them do not get one image by a shorter match."""
        for reference in references:
            with suppress(LookupError):
                match = self._match(reference, hints)
                if match.is_whole:
                    self._owned.add(match.file.path)
                else:
                    self._rivals[match.file.path].add(
                        _fold("/".join(_parts_of(reference)))
                    )

    def find(self, reference: str, hints: Sequence[str] = ()) -> SessionFile:
        """The image that a path means. `hints` are names of folders, or splits, that decide between equals.

        Raises LookupError, with a reason to show, when there is none or when it may be any of several.
        """
        match = self._match(reference, hints)
        path = match.file.path
        if not match.is_whole:
            self.announce([reference], hints)
            others = sorted(
                self._rivals[path] - {_fold("/".join(_parts_of(reference)))}
            )
            if others or path in self._owned:
                other = (
                    f"another path means it: {others[0][:200]!r}"
                    if others
                    else "that is another one's by its path"
                )
                raise LookupError(
                    f"{reference[:200]!r} has the name of {path!r} alone, and {other}"
                )
            self._looser.add(reference)
        return match.file

    def contradicts(self, image: SessionFile, reference: str) -> bool:
        """Whether a folder of a path has another name than the image's own at its place."""
        return self._compare(image, _parts_of(reference), ()) is None

    def _match(self, reference: str, hints: Sequence[str]) -> _Match:
        named = _parts_of(reference)
        if not named:
            raise LookupError(f"there is no image {reference[:200]!r}")
        candidates = self._by_stem.get(_fold(_stem_of_reference(named[-1])), [])
        same_name = [
            c for c in candidates if _fold(name_of(c.path)) == _fold(named[-1])
        ]
        matches = [
            m for c in same_name or candidates if (m := self._compare(c, named, hints))
        ]
        if not matches:
            contradicted = (
                f", and {list_paths(c.path for c in candidates)} lie elsewhere"
                if candidates
                else ""
            )
            raise LookupError(f"there is no image {reference[:200]!r}{contradicted}")
        best = max(m.score for m in matches)
        found = [m for m in matches if m.score == best]
        if len(found) > 1:
            raise LookupError(
                f"{reference[:200]!r} may be any of {list_paths(m.file.path for m in found)}"
            )
        return found[0]

    def _compare(
        self, image: SessionFile, named: Sequence[str], hints: Sequence[str]
    ) -> _Match | None:
        """How well a path fits an image of its name; None where a folder contradicts."""
        folders = _parts_of(image.path)[:-1]
        above = _telling(folders[: self._root_depth])
        below = _telling(folders[self._root_depth :])
        ours = [*above, *below]
        theirs = _telling(named[:-1])
        shared = 0
        for our_part, their_part in zip(reversed(ours), reversed(theirs), strict=False):
            if _fold(our_part) != _fold(their_part):
                if shared < len(below):
                    return None
                break
            shared += 1
        splits = {split for hint in hints if (split := split_of(hint))}
        of_image = next(
            (s for f in reversed(below[: len(below) - shared]) if (s := split_of(f))),
            None,
        )
        if splits and of_image and of_image not in splits:
            return None
        others = [
            f for f in below[: len(below) - shared] if _fold(f) not in map(_fold, hints)
        ]
        if any(_are_siblings(f, hint) for hint in hints for f in others):
            return None
        is_same_case = (
            image.path.endswith("/".join(named)) or name_of(image.path) == named[-1]
        )
        agreeing = sum(
            _fold(hint) in map(_fold, ours) for hint in hints if hint
        ) + bool(of_image)
        is_converted = suffix_of(named[-1]) in IMAGE_SUFFIXES and _fold(
            named[-1]
        ) != _fold(name_of(image.path))
        return _Match(
            image,
            shared == len(theirs) and not is_converted,
            (shared, agreeing, is_same_case),
        )


def find_folder(reference: str, folders: Iterable[str], root: str = "") -> str | None:
    """The folder, of `folders` and those above them, that a path means by its tail; None where none or several fit.

    A folder fits that has all the names that the path gives, or as many as it has below the root itself.
    """
    named = [p for p in _parts_of(reference) if "*" not in p]
    above = {
        "/".join(parts[:n])
        for f in folders
        for parts in [f.split("/")]
        for n in range(1, len(parts) + 1)
    }
    fits: dict[int, list[str]] = defaultdict(list)
    for folder in above | {root}:
        below = (
            _parts_of(folder[len(root) :])
            if is_below(f"{folder}/", root)
            else _parts_of(folder)
        )
        shared = 0
        for ours, theirs in zip(
            reversed(_parts_of(folder)), reversed(named), strict=False
        ):
            if _fold(ours) != _fold(theirs):
                break
            shared += 1
        if shared and shared >= min(len(named), len(below)):
            fits[shared].append(folder)
    best = fits[max(fits)] if fits else []
    return best[0] if len(best) == 1 else None


@dataclass(frozen=True)
class _Match:
    file: SessionFile
    is_whole: bool  # every folder that the path gives was met
    score: tuple[int, int, bool]


def _parts_of(path: str) -> list[str]:
    """The folders and the name in a path of any system, without drives and dots."""
    parts = path.replace("\\", "/").split("/")
    return [p for p in parts if p not in ("", ".", "..") and not _DRIVE.fullmatch(p)]


def _are_siblings(folder: str, other: str) -> bool:
    """Names that tell things of one kind apart, as `cam_a` and `cam_b`, or `set1` and `set2`."""
    first = _split_counted(folder)
    second = _split_counted(other)
    return bool(first and second) and first[0] == second[0] and first[1] != second[1]


def _split_counted(name: str) -> list[str]:
    """A word, and the number or the letter that tells it from others; empty for another name."""
    match = _COUNTED.fullmatch(name)
    return [_fold(group) for group in match.groups() if group] if match else []


def _telling(folders: Iterable[str]) -> list[str]:
    """The folders that tell images apart: neither `images` nor an archive."""
    return [f for f in folders if not is_plain_folder(f) and not f.endswith("!")]


def _stem_of_reference(name: str) -> str:
    """The name without an ending of images or label files; other dots belong to the name."""
    return stem_of(name) if suffix_of(name) in _ENDINGS else name


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _find_root(folder: str, folders: frozenset[str]) -> str:
    """Above the innermost folder that says "labels are here", wherever below it a file lies, and above splits."""
    parts = folder.split("/")
    depths = [n for n, part in enumerate(parts) if part.lower() in folders]
    if depths:
        folder = "/".join(parts[: depths[-1]])
    while folder and (name_of(folder).lower() in folders or split_of(name_of(folder))):
        folder = folder_of(folder)
    return folder


def _climb_to_images(
    groups: dict[str, list[SessionFile]], holding: set[str]
) -> dict[str, list[SessionFile]]:
    """The groups with their roots moved up to where there are images, in `holding`: a folder may have any name."""
    moved: dict[str, list[SessionFile]] = defaultdict(list)
    for root, labels in groups.items():
        found = root
        while found and not any(is_below(f"{folder}/", found) for folder in holding):
            found = folder_of(found)
        moved[found if holding else root] += labels
    return moved


def hints_of(document: SessionFile) -> tuple[str, ...]:
    """What the place and the name of a document say of its images: its folders, and its name without ending."""
    return (stem_of(document.path), *folder_of(document.path).split("/"))


def name_below(path: str, root: str, folders: frozenset[str]) -> str:
    """What the path of a label file says of its image: folders and name below the root, without label folders."""
    parts = path[len(root) :].strip("/").split("/")
    return "/".join(part for part in parts if part.lower() not in folders)
