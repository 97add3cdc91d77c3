"""Find what killed processes have left in a home: files and folders that nobody looks for under the name they have.

Only names that Daguerre itself gives to what is not complete yet, in folders that are Daguerre's own; the landing zone
is the producers'. What was written to within the retention may be under way.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PARTIAL = re.compile(r"\..*\.(part|tmp)")
_SEAL = re.compile(r"\.[a-z0-9_]{8}")
_ASIDE = re.compile(r"\.(?P<name>.+?)(?P<old>\.old)?\.[0-9a-f]{32}")
_CACHED = re.compile(r"\.(.+\.)?[0-9a-f]{32}(\.[a-z]+)?")
_STORE = re.compile(r"tmp[a-z0-9_]{8}")
_IN_STORE = re.compile(r"(aside|whole)\.db(-wal|-shm|-journal)?")


@dataclass(frozen=True)
class Leftover:
    """A file or folder that may go."""

    path: str  # below the home
    why: str
    num_files: int
    size_bytes: int


def find_leftovers(home: Path, before_s: float) -> list[Leftover]:
    """Those that nobody has written to since `before_s` (since 1970)."""
    found = []
    for path, why in _list_candidates(home):
        facts = _look_at(path)
        if facts and max(facts.values(), key=lambda f: f.st_mtime).st_mtime < before_s:
            below = path.relative_to(home).as_posix()
            sizes = [f.st_size for p, f in facts.items() if not p.is_dir()]
            found.append(Leftover(below, why, len(sizes), sum(sizes)))
    return found


def drop_leftover(home: Path, leftover: Leftover) -> None:
    """Remove it; what is gone by now is gone."""
    path = home / leftover.path
    with suppress(FileNotFoundError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _list_candidates(home: Path) -> Iterator[tuple[Path, str]]:
    for folder in ("blobs", "reports", "cache"):
        for path in sorted((home / folder).rglob(".*")):
            if _PARTIAL.fullmatch(path.name) and not path.is_symlink():
                yield path, "a file that was never completed"
    for path in sorted((home / "cache").rglob(".*")):
        if _CACHED.fullmatch(path.name) and not path.is_symlink():
            what = "folder" if path.is_dir() else "file"
            yield path, f"a {what} that was never completed"
    for path in sorted((home / "tables" / "_seals").glob("*/.*")):
        if _SEAL.fullmatch(path.name):
            yield path, "a seal that was never completed"
    for path in sorted((home / "models").rglob(".*")):
        aside = _ASIDE.fullmatch(path.name)
        # an old one is found under its hidden name until the new one is there
        if not aside or not path.is_dir():
            continue
        if not aside["old"] or (path.parent / aside["name"]).is_dir():
            yield path, "a folder that was never completed, or was replaced"
    for path in sorted((home / "mlflow").glob("tmp*")):
        if (
            _STORE.fullmatch(path.name)
            and path.is_dir()
            and all(_IN_STORE.fullmatch(name) for name in os.listdir(path))
        ):
            yield path, "a store that was never completed"


def _look_at(path: Path) -> dict[Path, os.stat_result]:
    """The path, and what lies below; nothing where somebody removes it meanwhile."""
    try:
        return {p: p.lstat() for p in [path, *path.rglob("*")]}
    except FileNotFoundError:
        return {}
