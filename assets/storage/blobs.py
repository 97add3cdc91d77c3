"""The content-addressed blob store: bytes by their sha256, written once and proven when they are read."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any, BinaryIO, cast

from assets.disk import make_folder, sync
from assets.spill import open_aside
from assets.storage.folder import Folder
from assets.storage.objects import write_local
from assets.storage.retries import retry

_CHUNK_BYTES = 1 << 20
_BLOB = re.compile(r"[0-9a-f]{2}/([0-9a-f]{64})")


class BlobStore:
    """Bytes by their sha256: `put` writes once, `get` proves what it returns."""

    def __init__(self, uri: str, options: dict[str, Any] | None = None) -> None:
        self.folder = Folder(uri, options)

    @property
    def uri(self) -> str:
        """The address of the store."""
        return self.folder.uri

    def put(self, stream: BinaryIO) -> str:
        """Store the stream's bytes and return their sha256. A blob that is there already is not written again.

        A large one lies aside until its hash is known, once: beside the blobs, or on its way to a bucket in the folder
        for temporary files. Raises NoRoom. On a local disk it outlives a power cut from here on, also one that a writer
        left who died.
        """
        num_bytes = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        if self.folder.is_local:
            make_folder(self.folder._root)
        beside = self.folder._root if self.folder.is_local else None
        with open_aside(num_bytes, beside) as aside:
            sha256 = _copy_hashing(stream, aside)
            if not self._renew(sha256):
                self._write(sha256, aside)
        if self.folder.is_local:
            sync(os.path.dirname(self._path(sha256)))
            sync(self.folder._root)
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes. Raises ValueError when they no longer match their name, FileNotFoundError when they are gone."""
        data = cast(bytes, retry(lambda: self.folder.fs.cat_file(self._path(sha256))))
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError(
                f"blob {sha256} has changed: restore it from the source or from a backup"
            )
        return data

    def open(self, sha256: str) -> BinaryIO:
        """The blob as a seekable stream, not proven. Raises FileNotFoundError when it is gone."""
        return cast(
            BinaryIO, retry(lambda: self.folder.fs.open(self._path(sha256), "rb"))
        )

    def matches(self, sha256: str) -> bool:
        """Whether the bytes still have their hash, read piece by piece. Raises FileNotFoundError when they are gone."""
        with self.open(sha256) as stream:
            return hash_stream(stream) == sha256

    def exists(self, sha256: str) -> bool:
        """Whether the blob is stored."""
        return bool(retry(lambda: self.folder.fs.exists(self._path(sha256))))

    def _renew(self, sha256: str) -> bool:
        """Whether the blob is stored; on a local disk `drop_unused` sees that somebody counts on it."""
        if not self.folder.is_local:
            return self.exists(sha256)
        # that of another user is written anew
        absent = (FileNotFoundError, PermissionError)
        with suppress(*absent), _locked(self.folder._root, fcntl.LOCK_SH):
            facts = os.stat(self._path(sha256))
            # by its change of state: backups know a file by when it was written
            os.utime(self._path(sha256), ns=(facts.st_atime_ns, facts.st_mtime_ns))
            return True
        return False

    def measure_unused(self, sha256: str, since_s: float) -> int | None:
        """The bytes of a blob of a local disk that `put` has not met after `since_s` (since 1970); None of others."""
        with suppress(FileNotFoundError):
            facts = os.stat(self._path(sha256))
            return facts.st_size if facts.st_ctime < since_s else None
        return None

    def drop_unused(self, sha256: str, since_s: float) -> int | None:
        """Remove such a blob, which no row names; its bytes, None where it stays.

        It stays where the file system has no locks: a writer could count on it that very moment.
        """
        with _locked(self.folder._root, fcntl.LOCK_EX) as is_locked:
            size = self.measure_unused(sha256, since_s) if is_locked else None
            if size is not None:
                os.unlink(self._path(sha256))
            return size

    def names(self) -> Iterator[str]:
        """The sha256 of every blob."""
        if self.folder.exists():
            prefix = self.folder._root.rstrip("/") + "/"
            for path in retry(lambda: self.folder.fs.find(self.folder._root)):
                # what trainings and reports leave lies below names of their own
                found = _BLOB.fullmatch(path.removeprefix(prefix))
                if found:
                    yield found[1]

    def _path(self, sha256: str) -> str:
        return f"{self.folder._root}/{sha256[:2]}/{sha256}"

    def _write(self, sha256: str, aside: BinaryIO) -> None:
        path = self._path(sha256)
        # an object store shows an object only when it is whole
        if not self.folder.is_local:
            retry(lambda: _upload(self.folder.fs, path, aside))
            return
        make_folder(os.path.dirname(path))
        if not isinstance(aside, BytesIO):
            os.fsync(aside.fileno())
            os.replace(aside.name, path)
            return
        write_local(path, aside.getbuffer())


def hash_stream(stream: BinaryIO) -> str:
    """sha256 of what is left in the stream."""
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def _copy_hashing(stream: BinaryIO, target: BinaryIO) -> str:
    """Copy what is left in the stream; its sha256."""
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK_BYTES):
        digest.update(chunk)
        target.write(chunk)
    target.flush()
    return digest.hexdigest()


def _upload(fs: Any, path: str, aside: BinaryIO) -> None:
    """All at once: a stream that breaks off would be completed by fsspec's close, and stand there cut short."""
    if isinstance(aside, BytesIO):
        fs.pipe_file(path, aside.getvalue())
    else:
        fs.put_file(aside.name, path)


@contextmanager
def _locked(folder: str, kind: int) -> Iterator[bool]:
    """Under a lock of the folder, as `flock` names kinds of them; whether there is one."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, kind)
            is_locked = True
        except OSError:
            is_locked = False
        yield is_locked
    finally:
        os.close(descriptor)
