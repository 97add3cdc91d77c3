"""Find the label trees of YOLO datasets, the images they speak of, and the files that describe them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from assets.formats.annotations.pairing import find_folder
from assets.formats.annotations.yolo_config import (
    NAME_LISTS,
    describes,
    is_dataset_file,
    may_describe,
    parse_config,
)
from assets.formats.annotations.yolo_labels import Row, parse_rows
from assets.formats.layout import (
    IMAGE_SUFFIXES,
    folder_of,
    is_below,
    is_plain_folder,
    join,
    name_of,
    split_of,
    stem_of,
    suffix_of,
)
from assets.formats.protocol import Opener, UnreadableBytes, read_bytes, read_head
from assets.storage import SessionFile

MAX_CONFIG_BYTES = 256 << 10
MAX_LIST_BYTES = 64 << 20
# texts beside images that are looked into to tell whether they are labels
_PROBE_FILES = 20
_LABELS = "labels"


def find_label_trees(
    files: Iterable[SessionFile], opener: Opener
) -> dict[str, list[SessionFile]]:
    """Label files by the `labels` folder above them, or by the folder where they lie beside images of their names.

    Texts beside images that are all empty are label files where other texts beside images are, or where a file in their
    folder or above describes a data set.
    """
    files = list(files)
    trees: dict[str, list[SessionFile]] = defaultdict(list)
    beside: dict[str, list[SessionFile]] = defaultdict(list)
    images: dict[str, set[str]] = defaultdict(set)
    for file in files:
        folder = folder_of(file.path)
        if suffix_of(file.path) in IMAGE_SUFFIXES:
            images[folder].add(stem_of(file.path))
        if suffix_of(file.path) != ".txt" or name_of(file.path).lower() in NAME_LISTS:
            continue
        parts = folder.split("/")
        depths = [n for n, part in enumerate(parts) if part.lower() == _LABELS]
        if depths:
            trees["/".join(parts[: depths[-1] + 1])].append(file)
        else:
            beside[folder].append(file)
    blank: dict[str, list[SessionFile]] = {}
    for folder, texts in beside.items():
        labels = [f for f in texts if stem_of(f.path) in images[folder]]
        if labels and (holds_rows := _hold_rows(labels, opener)) is not False:
            (trees if holds_rows else blank)[folder] = labels
    if blank and all(is_tree_of_its_own(tree) for tree in trees):
        described = {folder_of(f.path) for f in files if is_description(f, opener)}
        blank = {
            tree: f
            for tree, f in blank.items()
            if described & set(places_of_descriptions(tree, ""))
        }
    return {**trees, **blank}


def is_tree_of_its_own(tree: str) -> bool:
    """A folder called labels, as opposed to one that holds images too."""
    return name_of(tree).lower() == _LABELS


def find_images(
    tree: str, images: Sequence[SessionFile], stems: set[str]
) -> tuple[str, list[SessionFile]] | None:
    """(root of the dataset, its images) for a label tree: beside it, or in a folder for images further up.

    None when no image there shares its name with a label file.
    """
    if not is_tree_of_its_own(tree):
        return _match(tree, [i for i in images if folder_of(i.path) == tree], stems)
    base = folder_of(tree)
    near = [i for i in images if is_below(i.path, base)]
    while True:
        here = [i for i in near if is_plain_folder(_first_folder(i.path, base))] or near
        found = _match(base, here, stems)
        if found:
            return found
        if not base:
            return None
        base = folder_of(base)
        near = [
            i
            for i in images
            if is_below(i.path, base) and is_plain_folder(_first_folder(i.path, base))
        ]


def find_root(base: str, descriptions: Iterable[str]) -> str:
    """The root of a dataset: the nearest folder from `base` up with a file that describes it, one with a list of names
    where no other does, else the folder above a split folder.
    """
    paths = list(descriptions)
    for described in (
        {folder_of(p) for p in paths if is_dataset_file(p)},
        {folder_of(p) for p in paths},
    ):
        near = next(
            (place for place in places_of_descriptions(base, "") if place in described),
            None,
        )
        if near is not None:
            return near
    return folder_of(base) if split_of(name_of(base)) else base


def is_description(file: SessionFile, opener: Opener) -> bool:
    """A file with class names, or with the splits of a dataset."""
    if not may_describe(file.path) or file.size_bytes > MAX_CONFIG_BYTES:
        return False
    try:
        return describes(file.path, read_bytes(file, opener, MAX_CONFIG_BYTES))
    except UnreadableBytes:
        return False


def is_image_list(file: SessionFile, opener: Opener) -> bool:
    """A text called train, val or test that lists images, a path a line."""
    return (
        suffix_of(file.path) == ".txt"
        and bool(split_of(stem_of(file.path)))
        and _lists_images(file, opener)
    )


def find_stated_lists(
    descriptions: Iterable[SessionFile],
    files: Sequence[SessionFile],
    root: str,
    opener: Opener,
) -> list[SessionFile]:
    """The lists of images, of `files`, that descriptions of a dataset name, whatever they are called."""
    found: dict[str, SessionFile] = {}
    for file in descriptions:
        try:
            config = parse_config(file.path, read_bytes(file, opener, MAX_CONFIG_BYTES))
        except (UnreadableBytes, ValueError):
            continue
        for place in (place for places in config.splits.values() for place in places):
            listed = find_list(place, files, root)
            if listed and listed.path not in found and _lists_images(listed, opener):
                found[listed.path] = listed
    return list(found.values())


def find_list(
    place: str, files: Iterable[SessionFile], root: str
) -> SessionFile | None:
    """The file that a description means by its tail; None where none or several fit."""
    name = name_of(place.replace("\\", "/")).casefold()
    named = {
        f.path: f
        for f in files
        if name_of(f.path).casefold() == name and is_below(f.path, root)
    }
    return named.get(find_folder(place, named, root) or "")


def list_lines(data: bytes) -> Iterator[str]:
    """The lines of a text that are not blank."""
    text = data.decode("utf-8-sig", errors="replace")
    yield from (line.strip() for line in text.splitlines() if line.strip())


def places_of_descriptions(tree: str, root: str) -> list[str]:
    """Folders that may hold what describes a tree, the nearest first."""
    places = [tree]
    while places[-1] != root and places[-1]:
        places.append(folder_of(places[-1]))
    return places


def _hold_rows(labels: Sequence[SessionFile], opener: Opener) -> bool | None:
    """Whether texts beside images are label files: each that holds something begins with a row. None: all are empty."""
    found = 0
    for file in labels[:_PROBE_FILES]:
        try:
            row = next(parse_rows(read_head(file, opener).split(b"\n", 1)[0]), None)
        except UnreadableBytes:
            continue
        if row is not None and not isinstance(row, Row):
            return False
        found += row is not None
    return True if found else None


def _lists_images(file: SessionFile, opener: Opener) -> bool:
    """Whether the first line of a text is the path of an image."""
    try:
        line = next(list_lines(read_head(file, opener)), "")
    except UnreadableBytes:
        return False
    return suffix_of(line) in IMAGE_SUFFIXES


def _first_folder(path: str, base: str) -> str:
    return path[len(join(base, "x")) - 1 :].split("/")[0]


def _match(
    root: str, images: list[SessionFile], stems: set[str]
) -> tuple[str, list[SessionFile]] | None:
    return (root, images) if any(stem_of(i.path) in stems for i in images) else None
