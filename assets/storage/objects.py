"""Write files below a folder or prefix, whole or not at all, and remove them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

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


class Written(NamedTuple):
    """Of an object: the version that it has, and when it was written, by the store's own clock (s since 1970)."""

    version: str
    at_s: float


def list_written(prefix: Folder) -> dict[str, Written]:
    """The objects directly below a prefix of a bucket, by name; none where there is no such prefix."""
    prefix.fs.invalidate_cache()
    try:
        found = retry(lambda: prefix.fs.ls(prefix._root, detail=True))
    except FileNotFoundError:
        return {}
    return {
        one["name"].rpartition("/")[2]: Written(
            one["ETag"], one["LastModified"].timestamp()
        )
        for one in found
        if one["type"] == "file"
    }


def renew_object(prefix: Folder, name: str, content: bytes, version: str) -> None:
    """Write an object of a bucket anew while it has this version. Raises OSError where it has another, or is gone."""
    bucket, _, key = f"{prefix._root}/{name}".partition("/")
    prefix.fs.call_s3(
        "put_object", Bucket=bucket, Key=key, Body=content, IfMatch=version
    )


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
