"""Find the label trees of YOLO datasets, the images they speak of, and the files that name their classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from assets.capture.readers.layout import folder_of, is_below, is_hidden, join, name_of, split_of, stem_of, suffix_of
from assets.capture.readers.protocol import Opener, UnreadableBytes, read_bytes
from assets.capture.readers.yolo_labels import has_names
from assets.storage import SessionFile

MAX_NAMES_BYTES = 256 << 10
NAME_LISTS = frozenset({"classes.txt", "obj.names", "classes.names", "_darknet.labels"})
_YAML = frozenset({".yaml", ".yml"})


def find_label_trees(files: Iterable[SessionFile]) -> dict[str, list[SessionFile]]:
    """Label files by the `labels` folder above them; where a list of class names lies, its own folder is a tree."""
    trees: dict[str, list[SessionFile]] = defaultdict(list)
    texts = [f for f in files if suffix_of(f.path) == ".txt" and not is_hidden(f.path)]
    flat = {folder_of(f.path) for f in files if name_of(f.path) in NAME_LISTS}
    for file in texts:
        if name_of(file.path) in NAME_LISTS:
            continue
        parts = folder_of(file.path).split("/")
        if "labels" in parts:
            last = len(parts) - parts[::-1].index("labels")
            trees["/".join(parts[:last])].append(file)
        elif folder_of(file.path) in flat:
            trees[folder_of(file.path)].append(file)
    return dict(trees)


def find_images(tree: str, images: Sequence[SessionFile], stems: set[str]) -> tuple[str, list[SessionFile]] | None:
    """(root of the dataset, its images) for a label tree: beside it in `images/`, or in an `images/` further up.

    None when no image there shares its name with a label file.
    """
    if name_of(tree) != "labels":
        return _match(tree, [i for i in images if folder_of(i.path) == tree], stems)
    base = folder_of(tree)
    while True:
        if found := _match(base, [i for i in images if is_below(i.path, join(base, "images"))], stems):
            root = folder_of(base) if split_of(name_of(base)) else base
            return root, found[1]
        if not base:
            return None
        base = folder_of(base)


def is_names_file(file: SessionFile, root: str, trees: Sequence[str], opener: Opener) -> bool:
    """A list or YAML with class names, in a tree's folder or between that and the root."""
    folder = folder_of(file.path)
    if not any(folder in places_of_names(tree, root) for tree in trees):
        return False
    if name_of(file.path) in NAME_LISTS:
        return True
    if suffix_of(file.path) not in _YAML or file.size_bytes > MAX_NAMES_BYTES:
        return False
    try:
        return has_names(read_bytes(file, opener, MAX_NAMES_BYTES))
    except UnreadableBytes:
        return False


def may_hold_names(file: SessionFile) -> bool:
    return name_of(file.path) in NAME_LISTS or suffix_of(file.path) in _YAML


def places_of_names(tree: str, root: str) -> list[str]:
    """Folders that may hold a tree's names, the nearest first."""
    places = [tree]
    while places[-1] != root and places[-1]:
        places.append(folder_of(places[-1]))
    return places


def _match(root: str, images: list[SessionFile], stems: set[str]) -> tuple[str, list[SessionFile]] | None:
    return (root, images) if any(stem_of(i.path) in stems for i in images) else None
