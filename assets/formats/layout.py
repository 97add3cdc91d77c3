"""What the names of files and folders say: image or not, split, sensor, label images, order."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from assets.formats.images.image_headers import find_encoding
from assets.formats.protocol import Opener, UnreadableBytes, read_head
from assets.storage import SessionFile

IMAGE_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".png", ".tif", ".tiff", ".bmp", ".dib", ".webp"),
        *(".gif", ".heic", ".heif", ".hif", ".avif"),
    }
)
# fmt: off
DATA_SUFFIXES = frozenset({  # formats we know by name: no look inside is needed to tell that they are no images
    ".mcap", ".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".tbz2", ".txz", ".7z", ".json", ".xml", ".txt", ".csv",
    ".tsv", ".yml", ".yaml", ".md", ".rst", ".avi", ".mp4", ".m4v", ".mkv", ".webm", ".mov", ".bag",
    ".db3", ".npz", ".npy", ".h5", ".ppm", ".pgm", ".pbm", ".pnm", ".psd", ".eps", ".ps", ".jp2", ".j2k", ".dds",
    ".sgi", ".fli", ".flc", ".pcx", ".fits", ".blp", ".msp", ".log", ".parquet", ".py", ".ipynb", ".html", ".pdf",
    ".toml", ".ini", ".cfg", ".names", ".data",
})
# fmt: on
DEFAULT_SENSOR = "camera"
_MAX_FOLDERS = 4096  # of which is remembered what their names say

# names that browsers and copying programs give to a file until it is whole
_UNFINISHED_SUFFIXES = frozenset(
    {".part", ".partial", ".crdownload", ".download", ".filepart", ".tmp"}
)
_DOCUMENT_SUFFIXES = frozenset({".md", ".rst", ".html", ".pdf", ".bib", ".cff"})
_DOCUMENT_NAME = re.compile(
    r"^(read_?me|licen[cs]e|copying|notice|changelog|changes|authors|citation|contributing|terms|attribution|credits)"
    r"(\W.*)?$",
    re.IGNORECASE,
)
_SPLIT = re.compile(
    r"^(train|training|val|valid|validation|test|testing)(?:[_-]?\d{4})?$",
    re.IGNORECASE,
)
_SPLIT_OF = {
    "training": "train",
    "valid": "val",
    "validation": "val",
    "testing": "test",
}
_SENSOR_FOLDER = re.compile(
    r"^(colou?rs?|rgb|depth|disparity|ir|infra\d?|gray|grey|left|right|front|rear|back|stereo|thermal"
    r"|cam(era)?s?([_-]?\d{1,4}|[_-]\w{1,16})?|image_\d+|view[_-]?\d+)$",
    re.IGNORECASE,
)
_PLAIN_FOLDER = re.compile(
    r"^(images?|imgs?|pics?|pictures?|photos?|frames?|jpegimages|jpe?g|png|data|rgb_?images)$",
    re.IGNORECASE,
)
_RECORDING_FOLDER = re.compile(
    r"^((day|night|seq|sequence|scene|run|session|clip|video|part|batch|frames|recording|trip|take)[ _-]?\d*"
    r"|\d{4}[-_]?\d\d[-_]?\d\d.*)$",
    re.IGNORECASE,
)
_MASK_FOLDER = re.compile(
    r"^(\w*masks?|\w*annot|annotations?|labels?|segmentation\w*|semantic\w*|instance\w*|ground_?truth|gt(fine|coarse)?)$",
    re.IGNORECASE,
)
_HIDDEN = re.compile(r"\.(?!\.)")  # two dots hide nothing: somebody calls a folder so
# what `is_hidden` looks at more closely: every file is asked for by each reader
_MAY_BE_HIDDEN = re.compile(r"(?:^|/)(?:\.|__MACOSX|Thumbs\.db|desktop\.ini)")
_NUMBER = re.compile(r"\d+")
_SENSOR_IN_NAME = re.compile(
    r"(?:^|[._-])(colou?r|rgb|depth|left|right|ir)(?=$|[._\-\d])", re.IGNORECASE
)


def suffix_of(path: str) -> str:
    """Lower-case ending with its dot, "" where there is none. A leading dot makes a hidden file, not a suffix."""
    dot = path.rfind(".")
    return path[dot:].lower() if dot > path.rfind("/") + 1 else ""


def name_of(path: str) -> str:
    """ "b.png" of "a/b.png"."""
    return path.rpartition("/")[2]


def folder_of(path: str) -> str:
    """ "a" of "a/b.png", "" of "b.png"."""
    return path.rpartition("/")[0]


def stem_of(path: str) -> str:
    """The file name without its last ending."""
    name = name_of(path)
    return name.rpartition(".")[0] or name


def join(folder: str, name: str) -> str:
    """`folder/name`, also where one of them is empty (the session itself)."""
    return f"{folder}/{name}" if folder and name else folder or name


def is_below(path: str, folder: str) -> bool:
    """Whether a path lies in a folder or deeper; everything lies below ""."""
    return not folder or path.startswith(f"{folder}/")


def is_hidden(path: str) -> bool:
    """Hidden, or left behind by a desktop: nothing in it is data."""
    if not _MAY_BE_HIDDEN.search(path):
        return False
    parts = path.split("/")
    is_left_behind = parts[-1] in ("Thumbs.db", "desktop.ini")
    return is_left_behind or any(
        _HIDDEN.match(part) or part == "__MACOSX" for part in parts
    )


def is_unfinished(path: str) -> bool:
    """Somebody is still writing it, by its name: it gets another one when it is whole."""
    return suffix_of(path) in _UNFINISHED_SUFFIXES


def is_document(path: str) -> bool:
    """README, LICENSE and the like: for people, no data in it."""
    return suffix_of(path) in _DOCUMENT_SUFFIXES or bool(
        _DOCUMENT_NAME.match(name_of(path))
    )


def split_of(name: str) -> str | None:
    """ "train", "val" or "test" for a folder or list of that name (`train2017`, `validation`), else None."""
    match = _SPLIT.match(name)
    return _SPLIT_OF.get(match[1].lower(), match[1].lower()) if match else None


def split_of_path(path: str, root: str = "") -> str | None:
    """The innermost split that a folder below `root` names."""
    below = path[len(root) :].strip("/").split("/")[:-1]
    return next((split for part in reversed(below) if (split := split_of(part))), None)


def is_sensor_folder(name: str) -> bool:
    """Whether the name of a folder is one that recorders give to a sensor."""
    return bool(_SENSOR_FOLDER.match(name))


def is_plain_folder(name: str) -> bool:
    """A folder that only says "images are here"."""
    return bool(_PLAIN_FOLDER.match(name))


def is_recording_folder(name: str) -> bool:
    """`day2`, `seq_01`, `2024-05-01`: names a recording, not a class."""
    return bool(_RECORDING_FOLDER.match(name))


def is_mask_folder(name: str) -> bool:
    """A folder whose images are labels (masks), not frames."""
    return bool(_MASK_FOLDER.match(name))


def is_mask_path(path: str) -> bool:
    """Below a folder whose images are labels (masks), not frames."""
    return _lies_below_masks(folder_of(path))


@lru_cache(_MAX_FOLDERS)
def _lies_below_masks(folder: str) -> bool:
    return any(is_mask_folder(part) for part in folder.split("/"))


def sensor_of(path: str, root: str = "") -> str:
    """The sensor a folder or a file name tells (`depth/0001.png`, `left01.jpg`), "camera" where neither does."""
    for part in reversed(path[len(root) :].strip("/").split("/")[:-1]):
        if is_sensor_folder(part):
            return part.lower()
    match = _SENSOR_IN_NAME.search(stem_of(path))
    return match[1].lower() if match else DEFAULT_SENSOR


def is_image(file: SessionFile, opener: Opener) -> bool:
    """By its ending; a file whose ending says nothing is an image when its first bytes are one's. No hidden file is."""
    suffix = suffix_of(file.path)
    if is_hidden(file.path):
        return False
    if suffix in IMAGE_SUFFIXES:
        return True
    if suffix in DATA_SUFFIXES:
        return False
    try:
        return find_encoding(read_head(file, opener)) is not None
    except UnreadableBytes:
        return False


def order_naturally(files: Iterable[SessionFile]) -> list[SessionFile]:
    """By path, with numbers in it by value: `f2` before `f10`."""
    return sorted(files, key=lambda f: (_NUMBER.sub(_order_number, f.path), f.path))


def _order_number(match: re.Match[str]) -> str:
    """A number as text that sorts by value: behind the end of a name, before any letter; shorter ones first."""
    digits = str(int(match[0])) if len(match[0]) < 40 else match[0]
    return f"\0{chr(len(digits))}{digits}"


def list_paths(paths: Iterable[str], most: int = 5) -> str:
    """A readable count and the first few, for notes and reasons."""
    ordered = sorted(paths)
    more = f", and {len(ordered) - most} more" if len(ordered) > most else ""
    return f"{len(ordered)}: {', '.join(ordered[:most])}{more}"
