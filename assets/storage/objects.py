"""Write files below a folder or prefix, whole or not at all, and remove them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress

from assets.disk import make_folder
from assets.storage.folder import Folder
from assets.storage.retries import retry


def put_object(folder: Folder, name: str, content: bytes) -> None:
    """Write a file below a folder or prefix, in place of one that is there; a reader finds either of them whole."""
    path = f"{folder._root}/{name}"
    if not folder.is_local:
        retry(lambda: folder.fs.pipe_file(path, content))
        return
    make_folder(os.path.dirname(path))
    write_local(path, content)


def drop_objects(folder: Folder, names: Iterable[str]) -> None:
    """Remove files below a folder or prefix; those that are gone are gone."""
    for name in names:
        with suppress(FileNotFoundError):
            retry(lambda path=f"{folder._root}/{name}": folder.fs.rm_file(path))  # type: ignore[misc]


def write_local(path: str, content: bytes | memoryview) -> None:
    """Write a file of a folder that is there, in place of one that has its name. Its bytes are on disk afterwards."""
    descriptor, partial = tempfile.mkstemp(
        dir=os.path.dirname(path), prefix=".", suffix=".part"
    )
    try:
        with os.fdopen(descriptor, "wb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise
