"""Read what describes a YOLO data set: `data.yaml`, Darknet's `obj.data` and `obj.names`, lists of class names.

Class names are the text as it stands in the file: `on`, `no` and `1` are names, not truth values and numbers. Of files
with names that differ on a class that occurs, a YAML counts before a list, as trainers read it, and before a YAML in a
folder above; of others nobody knows which is right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assets.formats.annotations.yolo_labels import KeypointShape
from assets.formats.layout import folder_of, is_below, name_of, split_of, suffix_of
from assets.formats.strict_json import parse_json
from assets.formats.strict_yaml import parse_yaml_text

NAME_LISTS = frozenset(
    {"classes.txt", "obj.names", "classes.names", "_darknet.labels", "notes.json"}
)
_YAML = frozenset({".yaml", ".yml"})
_TELLING = re.compile(
    rb"^(?:\xef\xbb\xbf)?(names|kpt_shape|train|val|test)\s*:", re.MULTILINE
)


@dataclass(frozen=True)
class DatasetConfig:
    """What one file says of a data set."""

    names: Mapping[int, str] | None = None  # class names by id; None where it says none
    keypoints: KeypointShape | None = None
    # split -> folders or lists of images
    splits: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class SettledNames:
    """What the files with names of a label tree say together."""

    names: Mapping[int, str] = field(default_factory=dict)
    origin: str = ""  # path of the file that counts
    # path of a file that does not -> how it differs
    passed_over: Mapping[str, str] = field(default_factory=dict)


def may_describe(path: str) -> bool:
    """A file that may hold class names or splits, by its name."""
    return name_of(path).lower() in NAME_LISTS or suffix_of(path) in (
        *_YAML,
        ".names",
        ".data",
    )


def describes(path: str, data: bytes) -> bool:
    """Whether a file of such a name does; a YAML file of another kind does not."""
    return suffix_of(path) not in _YAML or _TELLING.search(data) is not None


def is_dataset_file(path: str) -> bool:
    """A file that speaks of a whole data set, as opposed to a list of names."""
    return suffix_of(path) in (*_YAML, ".data")


def settle_names(
    stated: Sequence[tuple[str, Mapping[int, str]]], ids: Collection[int]
) -> SettledNames:
    """The names of the classes `ids`. `stated`: path and names of each file, the nearest to the labels first.

    Raises ValueError naming two files and a class that they name differently, where neither counts before the other.
    """
    if not stated:
        return SettledNames()
    ranked = sorted(stated, key=lambda item: suffix_of(item[0]) not in _YAML)
    origin = ranked[0][0]
    names = dict(ranked[0][1])
    passed_over = {}
    for path, others in ranked[1:]:
        found = _find_difference(names, others, ids)
        if found is None:
            names = {**others, **names}
            continue
        ours, theirs = (
            repr(n[found][:100]) if found in n else "nothing" for n in (names, others)
        )
        if not _counts_before(origin, path):
            raise ValueError(
                f"{path} calls class {found} {theirs}, and {origin} calls it {ours}"
            )
        passed_over[path] = f"calls class {found} {theirs}, not {ours}"
    return SettledNames(names, origin, passed_over)


def parse_config(path: str, data: bytes) -> DatasetConfig:
    """Raises ValueError naming what is wrong."""
    suffix = suffix_of(path)
    if suffix in _YAML:
        return _parse_yaml(data)
    if suffix == ".json":
        return _parse_notes(data)
    text = data.decode("utf-8-sig")
    if suffix == ".data":
        return _parse_darknet(text)
    names = {
        number: line.strip()
        for number, line in enumerate(text.splitlines())
        if line.strip()
    }
    if not names:
        raise ValueError("the list of class names is empty")
    return DatasetConfig(names)


def _find_difference(
    names: Mapping[int, str], others: Mapping[int, str], ids: Collection[int]
) -> int | None:
    """The first class that occurs and is named differently. A name that only one has is no difference, unless the two
    differ elsewhere: then they are not the beginning and the whole of one list.
    """
    is_other_list = any(names[i] != others[i] for i in names.keys() & others.keys())
    return next(
        (i for i in sorted(ids) if is_other_list and names.get(i) != others.get(i)),
        None,
    )


def _counts_before(path: str, other: str) -> bool:
    """Whether a file with names counts where it differs from another one."""
    if suffix_of(path) not in _YAML:
        return False
    return suffix_of(other) not in _YAML or (
        folder_of(path) != folder_of(other) and is_below(path, folder_of(other))
    )


def _parse_yaml(data: bytes) -> DatasetConfig:
    document = parse_yaml_text(data)
    if not isinstance(document, dict):
        raise ValueError("it is no mapping")
    base = document.get("path")
    splits = {}
    for key, value in document.items():
        split = split_of(key) if key != "path" else None
        if split and value:
            stated = value if isinstance(value, list) else [value]
            places = [v for v in stated if isinstance(v, str)]
            splits[split] = [
                f"{base}/{v}" if isinstance(base, str) and not v.startswith("/") else v
                for v in places
            ]
    names = _read_names(document["names"]) if "names" in document else None
    return DatasetConfig(names, _read_shape(document.get("kpt_shape")), splits)


def _read_names(names: Any) -> dict[int, str]:
    pairs = (
        names.items()
        if isinstance(names, dict)
        else enumerate(names)
        if isinstance(names, list)
        else ()
    )
    result = {}
    for key, name in pairs:
        if (
            not re.fullmatch(r"\d{1,9}", str(key))
            or not isinstance(name, str)
            or not name
        ):
            raise ValueError(
                f"`names` gives {str(key)[:40]!r} the name {str(name)[:40]!r}: a number and a word are expected"
            )
        result[int(key)] = name
    if not result:
        raise ValueError("`names` is empty")
    return result


def _read_shape(shape: Any) -> KeypointShape | None:
    if shape is None:
        return None
    numbers = (
        [int(v) for v in shape if re.fullmatch(r"\d{1,4}", str(v))]
        if isinstance(shape, list)
        else []
    )
    if len(numbers) != 2 or numbers[0] < 1 or numbers[1] not in (2, 3):
        raise ValueError(
            f"`kpt_shape` is {str(shape)[:40]}: the number of points, and 2 or 3, are expected"
        )
    return numbers[0], numbers[1]


def _parse_darknet(text: str) -> DatasetConfig:
    """`train = data/train.txt` and the like; the names stand in the file that it names, which lies beside it."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    found = {key.strip().lower(): value.strip() for key, value in pairs}
    return DatasetConfig(
        splits={
            s: [value] for key, value in found.items() if value and (s := split_of(key))
        }
    )


def _parse_notes(data: bytes) -> DatasetConfig:
    """The `notes.json` that Label Studio writes beside a YOLO export."""
    try:
        document = parse_json(data)
    except json.JSONDecodeError as error:
        raise ValueError(f"JSON that cannot be read: {error}") from error
    categories = document.get("categories") if isinstance(document, dict) else None
    if not isinstance(categories, list):
        raise ValueError("it has no list of `categories`")
    return DatasetConfig(
        _read_names(
            {str(c.get("id")): c.get("name") for c in categories if isinstance(c, dict)}
        )
    )
