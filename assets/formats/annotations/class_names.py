"""Read the names of numbered classes from a text file: a name a line, or `id name`."""

from __future__ import annotations

import re

NAMES_FILES = (
    "classes.txt",
    "class_names.txt",
    "label_names.txt",
    "labels.txt",
    "names.txt",
)
# by convention of Pascal VOC and Cityscapes: nobody says what this pixel shows
IGNORED_ID = 255
_IGNORED = frozenset({"void", "unlabelled", "unlabeled", "ignore", "ignored"})
_NUMBERED = re.compile(r"^(\d{1,3})\s*[:,;\s]\s*(\S.*)$")


def parse_class_names(data: bytes) -> dict[int, str]:
    """id -> name. Either all lines begin with a number, or the line number from 0 is the id; blank lines at the end and
    lines with `#` in front do not count. Raises ValueError.
    """
    try:
        lines = [line.strip() for line in data.decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise ValueError(f"the list of class names is not UTF-8: {error}") from error
    lines = [line for line in lines if not line.startswith("#")]
    while lines and not lines[-1]:
        lines.pop()
    matches = [_NUMBERED.match(line) for line in lines if line]
    numbered = [(int(m[1]), m[2].strip()) for m in matches if m]
    pairs = numbered if len(numbered) == len(matches) else list(enumerate(lines))
    if not pairs or not all(name for _, name in pairs):
        raise ValueError(
            "the list of class names has no line, or a blank one in its middle"
        )
    names = dict(pairs)
    if len(names) < len(pairs) or len(set(names.values())) < len(names):
        raise ValueError("the list of class names says an id or a name twice")
    most = max(names)
    if most > IGNORED_ID:
        raise ValueError(
            f"the list of class names has id {most}: label images of 8 bits hold 0 to {IGNORED_ID}"
        )
    return names


def is_names_file(path: str) -> bool:
    """A list of class names, by its name in capitals or not."""
    return path.rpartition("/")[2].lower() in NAMES_FILES


def is_ignored_name(name: str) -> bool:
    """Whether a class of that name says that nobody knows what is there."""
    return name.lower() in _IGNORED
