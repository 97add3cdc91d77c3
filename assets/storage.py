"""Where files lie: the landing zone that producers write, and the content-addressed blob store that we write.

Local folders and s3:// prefixes through fsspec and s3fs. Names from outside are only ever joined below a root.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from assets.capture.observations import SessionFile
from assets.tables.schemas import SESSION_KEY

T = TypeVar("T")
_ATTEMPTS = 4
_CHUNK_BYTES = 1 << 20


class Folder:
    """A folder or bucket prefix. `options` go to fsspec (s3fs: key, secret, client_kwargs, ...)."""

    def __init__(self, uri: str, options: dict[str, Any] | None = None) -> None:
        import fsspec

        self.is_local = "://" not in uri
        self.uri = str(Path(uri).resolve()) if self.is_local else uri.rstrip("/")
        self.options = options or {}
        self.fs, self._root = fsspec.core.url_to_fs(self.uri, **({} if self.is_local else self.options))

    def exists(self) -> bool:
        """Whether there is anything at this place."""
        self.fs.invalidate_cache()
        return bool(_retry(lambda: self.fs.exists(self._root)))

    def folders(self) -> list[str]:
        """Names of the folders directly below, sorted."""
        self.fs.invalidate_cache()
        if not _retry(lambda: self.fs.exists(self._root)):
            return []
        entries = _retry(lambda: self.fs.ls(self._root, detail=True))
        return sorted(posixpath.basename(e["name"].rstrip("/")) for e in entries if e["type"] == "directory")

    def files(self) -> list[SessionFile]:
        """Every file below, sorted by path; a single file lists as itself. Links that leave the root are left out."""
        self.fs.invalidate_cache()
        info = _retry(lambda: self.fs.info(self._root))
        if info["type"] == "file":
            return [self._entry(posixpath.basename(self._root), info)]
        found = _retry(lambda: self.fs.find(self._root, detail=True))
        prefix = self._root.rstrip("/") + "/"
        entries = [self._entry(name.removeprefix(prefix), details) for name, details in found.items()]
        return sorted((e for e in entries if not self._leaves_root(e)), key=lambda e: e.path)

    def _entry(self, path: str, info: dict[str, Any]) -> SessionFile:
        version = info.get("ETag") or info.get("LastModified") or int(info.get("mtime", 0) * 1e9)
        uri = info["name"] if self.is_local else f"{self.uri.split('://')[0]}://{info['name']}"
        return SessionFile(path, uri, int(info["size"] or 0), str(version).strip('"'))

    def _leaves_root(self, file: SessionFile) -> bool:
        return self.is_local and not os.path.realpath(file.uri).startswith(self._root)

    def open(self, file: SessionFile) -> BinaryIO:
        """The file's bytes, seekable."""
        return cast(BinaryIO, _retry(lambda: self.fs.open(file.uri, "rb")))

    def below(self, name: str) -> Folder:
        """The folder `name` directly below this one. Raises ValueError for a name that would lead elsewhere."""
        if name in {"", ".", ".."} or "/" in name or "\\" in name:
            raise ValueError(f"{name!r} is not a folder name")
        return Folder(f"{self.uri}/{name}", self.options)


class BlobStore:
    """Bytes by their sha256: `put` writes once, `get` proves what it returns."""

    def __init__(self, uri: str, options: dict[str, Any] | None = None) -> None:
        self.folder = Folder(uri, options)

    def put(self, stream: BinaryIO) -> str:
        """Store the stream's bytes and return their sha256. A blob that is there already is not written again."""
        with tempfile.SpooledTemporaryFile(max_size=64 << 20) as spool:
            digest = hashlib.sha256()
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
                spool.write(chunk)
            sha256 = digest.hexdigest()
            if not self.exists(sha256):
                spool.seek(0)
                self._write(sha256, cast(BinaryIO, spool))
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes. Raises ValueError when they no longer match their name, FileNotFoundError when they are gone."""
        data = cast(bytes, _retry(lambda: self.folder.fs.cat_file(self._path(sha256))))
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError(f"blob {sha256} has changed: restore it from the source or from a backup")
        return data

    def exists(self, sha256: str) -> bool:
        return bool(_retry(lambda: self.folder.fs.exists(self._path(sha256))))

    def names(self) -> Iterator[str]:
        """The sha256 of every blob."""
        if self.folder.exists():
            for path in _retry(lambda: self.folder.fs.find(self.folder._root)):
                name = posixpath.basename(path)
                if re.fullmatch(r"[0-9a-f]{64}", name):
                    yield name

    def _path(self, sha256: str) -> str:
        return f"{self.folder._root}/{sha256[:2]}/{sha256}"

    def _write(self, sha256: str, stream: BinaryIO) -> None:
        path = self._path(sha256)
        if not self.folder.is_local:  # an object store shows an object only when it is whole
            _retry(lambda: _upload(self.folder.fs, path, stream))
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=os.path.dirname(path), prefix=".", delete=False) as partial:
            while chunk := stream.read(_CHUNK_BYTES):
                partial.write(chunk)
            partial.flush()
            os.fsync(partial.fileno())
        os.replace(partial.name, path)


def session_key(name: str) -> str:
    """A partition key from a folder's name: lower case, other characters become '-'.

    Raises ValueError where nothing usable is left.
    """
    key = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")[:64]
    if not re.fullmatch(SESSION_KEY, key):
        raise ValueError(f"{name!r} gives no session name: use letters, digits, '-' and '_'")
    return key


def _upload(fs: Any, path: str, stream: BinaryIO) -> None:
    stream.seek(0)
    with fs.open(path, "wb") as target:
        while chunk := stream.read(_CHUNK_BYTES):
            target.write(chunk)


def _retry(call: Callable[[], T]) -> T:
    """Call again after a transient failure of the store; what is absent or forbidden fails at once."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return call()
        except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError):
            raise
        except OSError:
            if attempt == _ATTEMPTS:
                raise
            time.sleep(0.2 * 2**attempt)
    raise AssertionError("unreachable")
