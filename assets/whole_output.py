"""A file or folder that a person asked for: written whole or not at all, in folders that are made where they lack."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def writing_file(out: Path) -> Iterator[Path]:
    """Where to write; it becomes `out` in the end, in place of a file that was there.

    Raises ValueError, before anything is computed, where nothing can be written.
    """
    with _explaining(out):
        is_folder = out.is_dir()
    if is_folder:
        raise ValueError(f"{out} is a folder: name a file")
    with _beside(out) as partial:
        with _explaining(out):
            partial.touch()
        yield partial


@contextmanager
def writing_folder(out: Path) -> Iterator[Path]:
    """A folder to write into; it becomes `out` in the end. Raises ValueError as `writing_file` does, and where `out`
    holds something."""
    require_empty(out)
    with _beside(out) as partial:
        with _explaining(out):
            partial.mkdir()
        yield partial


def require_empty(out: Path) -> None:
    """Raises ValueError where something lies at a path that is no empty folder."""
    with _explaining(out):
        is_taken = out.exists() and (not out.is_dir() or any(out.iterdir()))
    if is_taken:
        raise ValueError(f"{out} is not empty: name a new folder, or remove it")


@contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """A name beside `out`, which takes its place; where that fails nothing is left, nor a folder made for it."""
    partial = out.with_name(f".{out.name}.{os.getpid()}.part")
    with _explaining(out):
        made = [folder for folder in out.parents if not folder.exists()]
        out.parent.mkdir(parents=True, exist_ok=True)
        _remove(partial)
    try:
        yield partial
        with _explaining(out):
            os.replace(partial, out)
    except BaseException:
        _remove(partial)
        with suppress(OSError):  # others may have written there meanwhile
            for folder in made:
                folder.rmdir()
        raise


@contextmanager
def _explaining(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        is_in_the_way = isinstance(error, FileExistsError | NotADirectoryError)
        why = "a file lies where a folder is to be" if is_in_the_way else error.strerror
        raise ValueError(
            f"{out} cannot be written ({why}): name a place where you may write"
        ) from error


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
