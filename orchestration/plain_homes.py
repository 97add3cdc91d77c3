"""A second address for a folder whose path libraries misread: they take `?`, `%` and `#` in it for parts of a URI.

Lance puts what it escapes beside the folder, SQLite URLs end at a `?`. So such a home is reached through a link of this
user's own whose path is plain. Belongs here: that link. Does not: what lies behind it.
"""

import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

_PLAIN = re.compile(r"[A-Za-z0-9._/+-]+")


def find_plain(path: Path, env: Mapping[str, str]) -> Path:
    """The path itself where it is plain, else a link to it. Raises ValueError where there is no place for the link."""
    if _PLAIN.fullmatch(str(path)):
        return path
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    for folder in _list_places(env):
        if _PLAIN.fullmatch(str(folder)) and _is_ours(folder):
            return _link(folder / name, path)
    raise ValueError(
        f"{str(path)!r} holds other characters than letters, digits and '._+-', "
        "and there is no place for a link to it: set XDG_CACHE_HOME to a folder of yours, or move the home"
    )


def _list_places(env: Mapping[str, str]) -> list[Path]:
    cache = Path(env.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    temporary = Path(tempfile.gettempdir()) / f"daguerre-{os.getuid()}"
    return [cache / "daguerre" / "homes", temporary]


def _is_ours(folder: Path) -> bool:
    """Whether the folder is there, and nobody else can put a link into it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = folder.lstat()
    except OSError:
        return False
    is_private = not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid() and is_private


def _link(link: Path, target: Path) -> Path:
    try:
        link.symlink_to(target)
    except FileExistsError:
        if link.readlink() != target:
            raise ValueError(
                f"{link} leads to {link.readlink()}, not to {target}: remove it"
            ) from None
    return link
