"""Folders and bucket prefixes: what lies below them, as it is listed, and the bytes of what was listed.

Local folders and s3:// prefixes through fsspec and s3fs. Names from outside are only ever joined below a root.
"""

from __future__ import annotations

import errno
import io
import os
import posixpath
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from assets.addresses import require_open
from assets.disk import make_folder
from assets.storage.names import is_utf8, store_name
from assets.storage.retries import retry

_PAGE_KEYS = 1000  # S3 gives no more at once
_PARTIAL = re.compile(r"(^|/)\.[^/]*\.(part|tmp)$")
_UNKNOWN_VERSION = "-"  # of what could not be looked at
# open(2): no link, no wait for who writes to a pipe, no terminal
_OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_NO_FILE = (errno.ELOOP, errno.ENXIO, errno.ENODEV)  # a link; a socket or a device


class Fault(NamedTuple):
    """Why something that is listed cannot be read, and what helps."""

    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)  # a session may list a million
class SessionFile:
    """A file below a session, as listed: nothing read yet. Or a folder that cannot be listed, with its fault."""

    path: str  # relative to the session, as `store_name` writes it; that of a folder ends with "/"
    uri: str  # absolute path or s3://
    size_bytes: int
    version: str  # mtime_ns or ETag: changes when the bytes may have
    fault: Fault | None = None  # nobody is to open it
    is_link: bool = False  # to a file of the same folder


class NotAsListed(PermissionError):
    """What lies at a path is not the file that was listed there: it is not read."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(errno.EACCES, reason, path)
        self.reason = reason
        self.remedy = "ingest again when nobody changes the folder any more"


class Folder:
    """A folder or bucket prefix. `options` go to fsspec (s3fs: key, secret, client_kwargs, ...)."""

    is_gone = False  # known to be no more, which is not the same as listing nothing

    def __init__(self, uri: str, options: dict[str, Any] | None = None) -> None:
        import fsspec

        self.is_local = "://" not in uri
        if not self.is_local:
            require_open(uri, "the address of a folder", "keys go into the environment")
        self.uri = str(Path(uri).resolve()) if self.is_local else uri.rstrip("/")
        self.options = options or {}
        if self.is_local:
            self.fs, self._root = fsspec.filesystem("file"), self.uri
        else:  # no cached listings: others write there too
            self.fs, self._root = fsspec.core.url_to_fs(
                self.uri, **{"use_listings_cache": False, **self.options}
            )

    @property
    def name(self) -> str:
        """The last part of its address."""
        return self.uri.rstrip("/").rsplit("/", 1)[-1]

    def exists(self) -> bool:
        """Whether there is anything at this place."""
        self.fs.invalidate_cache()
        return bool(retry(lambda: self.fs.exists(self._root)))

    def folders(self) -> list[str]:
        """Names of the folders directly below, sorted."""
        self.fs.invalidate_cache()
        if not retry(lambda: self.fs.exists(self._root)):
            return []
        entries = retry(lambda: self.fs.ls(self._root, detail=True))
        return sorted(
            posixpath.basename(e["name"].rstrip("/"))
            for e in entries
            if e["type"] == "directory"
        )

    def files(self) -> list[SessionFile]:
        """Every file below, sorted by path; a single file lists as itself.

        Left out is what is no file of this folder: uploads under way (`.x.part`, `.x.tmp`), links that lead out of it.
        What cannot be looked at is listed with its fault, below a folder the folder alone; so are pipes, sockets and
        devices.
        Raises OSError when this place itself cannot be listed, FileNotFoundError when it is gone.
        """
        if self.is_local and os.path.isdir(self._root):
            return sorted(self._walk(), key=lambda e: e.path)
        self.fs.invalidate_cache()
        info = retry(lambda: self.fs.info(self._root))
        if info["type"] == "file":
            return [
                e
                for e in [self._entry(posixpath.basename(self._root), info)]
                if e is not None
            ]
        found = retry(lambda: self.fs.find(self._root, detail=True))
        prefix = self._root.rstrip("/") + "/"
        names = {
            name: name.removeprefix(prefix)
            for name in found
            if not _PARTIAL.search(name)
        }
        entries = [
            self._entry(path, found[name])
            for name, path in names.items()
            if path and not path.endswith("/")
        ]
        return sorted((e for e in entries if e is not None), key=lambda e: e.path)

    def pages(self, after: str = "") -> Iterator[list[SessionFile]]:
        """The files below in pieces, from the path behind `after` on: in order of their keys in a bucket.

        A local folder is one piece, whatever `after` is: listing it costs little. Raises like `files`.
        """
        if self.is_local:
            yield self.files()
            return
        bucket, _, prefix = self._root.partition("/")
        prefix = prefix.rstrip("/") + "/"
        start = prefix + after
        while True:
            page = retry(
                lambda at=start: self.fs.call_s3(  # type: ignore[misc]
                    "list_objects_v2",
                    Bucket=bucket,
                    Prefix=prefix,
                    StartAfter=at,
                    MaxKeys=_PAGE_KEYS,
                )
            )
            found = page.get("Contents", [])
            if not found and start == prefix:  # a single object, or nothing
                yield self.files()
                return
            names = {
                e["Key"].removeprefix(prefix): {
                    **e,
                    "name": f"{bucket}/{e['Key']}",
                    "size": e["Size"],
                }
                for e in found
            }
            entries = [
                self._entry(path, info)
                for path, info in names.items()
                if path and not path.endswith("/")
            ]
            yield [e for e in entries if e is not None and not _PARTIAL.search(e.path)]
            if not page.get("IsTruncated"):
                return
            start = found[-1]["Key"]

    def _walk(self) -> Iterator[SessionFile]:
        """The files of a local folder, at the cost of one call to the system each."""
        folders = [self._root]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as scan:
                    entries = list(scan)
            except (FileNotFoundError, NotADirectoryError):
                continue  # it went after it was listed
            except OSError as error:
                if folder == self._root:
                    raise
                yield self._faulty(folder, f"{folder}/", _explain_folder(error))
                continue
            for entry in entries:
                try:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                        continue
                    found = self._look_at(entry)
                except OSError as error:
                    found = self._faulty(entry.path, entry.path, _explain_file(error))
                if found is not None and not _PARTIAL.search(found.path):
                    yield found

    def _look_at(self, entry: os.DirEntry[str]) -> SessionFile | None:
        """None for what is gone, or lies elsewhere. Raises OSError for what cannot be looked at."""
        if entry.is_symlink():
            return self._local_entry(self._below(entry.path), entry.path)
        try:
            facts = entry.stat()
        except FileNotFoundError:
            return None
        return _name_local(self._below(entry.path), entry.path, facts)

    def _below(self, path: str) -> str:
        return path[len(self._root.rstrip("/")) + 1 :]

    def _faulty(self, path: str, shown: str, fault: Fault) -> SessionFile:
        name = store_name(self._below(shown))
        return SessionFile(name, path, 0, _UNKNOWN_VERSION, fault)

    def _entry(self, path: str, info: dict[str, Any]) -> SessionFile | None:
        if self.is_local:
            return self._local_entry(path, info["name"])
        version = str(info.get("ETag") or info.get("LastModified") or "").strip('"')
        return SessionFile(
            path,
            f"{self.uri.split('://')[0]}://{info['name']}",
            int(info["size"] or 0),
            version,
        )

    def _local_entry(self, path: str, name: str) -> SessionFile | None:
        """None for what is gone, is a folder, or lies elsewhere."""
        real = os.path.realpath(name)
        if not self._holds(real):
            return None
        try:
            facts = os.stat(real)
        except FileNotFoundError:
            return None
        if stat.S_ISDIR(facts.st_mode):
            return None
        return replace(_name_local(path, name, facts), is_link=real != name)

    def _holds(self, real: str) -> bool:
        return real == self._root or real.startswith(self._root.rstrip("/") + "/")

    def read_if_readable(self, file: SessionFile) -> bytes:
        """The bytes of a file; none of one that cannot be read, which no reader takes for content."""
        if file.fault is not None:
            return b""
        try:
            with self.open(file) as stream:
                return stream.read()
        except OSError:
            return b""

    def open(self, file: SessionFile) -> BinaryIO:
        """The file's bytes, seekable.

        Of a local one those that were listed: raises NotAsListed for what has taken its place since, another version of
        it or a link, and waits for no pipe and no device.
        """
        if self.is_local:
            return self._open_local(file)
        return cast(BinaryIO, retry(lambda: self.fs.open(file.uri, "rb")))

    def _open_local(self, file: SessionFile) -> BinaryIO:
        path = os.path.realpath(file.uri) if file.is_link else file.uri
        try:
            descriptor = os.open(path, _OPEN_FLAGS)
        except OSError as error:
            if error.errno not in _NO_FILE:
                raise
            raise NotAsListed(file.uri, "a link, or no file, took its place") from error
        try:
            self._require_listed(file, descriptor)
            # a stated size: else Python asks whether it is a terminal
            return open(descriptor, "rb", io.DEFAULT_BUFFER_SIZE)
        except BaseException:
            os.close(descriptor)
            raise

    def _require_listed(self, file: SessionFile, descriptor: int) -> None:
        facts = os.fstat(descriptor)
        if stat.S_ISDIR(facts.st_mode):
            raise IsADirectoryError(errno.EISDIR, "is a directory", file.uri)
        if not stat.S_ISREG(facts.st_mode):
            raise NotAsListed(file.uri, "a pipe or a device took its place")
        # a folder above it may have become a link
        if not self._holds(_locate(descriptor, file.uri)):
            raise NotAsListed(file.uri, "a link out of the folder took its place")
        if _version(facts) != file.version:
            raise NotAsListed(file.uri, "changed after it was listed")

    def names_in(self, below: str) -> list[str]:
        """Names of the files directly below a folder of this one, sorted; none where there is no such folder."""
        self.fs.invalidate_cache()
        try:
            found = retry(lambda: self.fs.ls(self._at(below), detail=False))
        except FileNotFoundError:
            return []
        return sorted(posixpath.basename(path) for path in found)

    def find_any(self) -> str:
        """The path of a file below, an upload under way too; "" where there is none."""
        self.fs.invalidate_cache()
        if not self.is_local:
            bucket, _, prefix = self._root.partition("/")
            found = retry(
                lambda: self.fs.call_s3(
                    "list_objects_v2", Bucket=bucket, Prefix=f"{prefix}/", MaxKeys=1
                )
            ).get("Contents", [])
            return str(found[0]["Key"].removeprefix(f"{prefix}/")) if found else ""
        walk = os.walk(self._root)
        return next((names[0] for _, _, names in walk if names), "")

    def read(self, path: str) -> bytes:
        """All bytes of a file below this folder. Raises FileNotFoundError where there is none."""
        return cast(bytes, retry(lambda: self.fs.cat_file(self._at(path))))

    def fetch(self, file: SessionFile, target: Path) -> None:
        """Copy a file, as long as it is, to this machine's disk. Raises FileNotFoundError where it is gone."""
        retry(lambda: self.fs.get_file(self._at(file.path), str(target)))

    def fill(self, path: str, source: Path) -> None:
        """Copy a file of this machine's disk to a path below this folder, whole or not at all."""
        at = self._at(path)
        if self.is_local:
            make_folder(os.path.dirname(at))
        retry(lambda: self.fs.put_file(str(source), at))

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    def above(self) -> Folder | None:
        """The folder that this one lies in; None for a disk's or a bucket's root."""
        start = len(self.uri.partition("://")[0]) + 3 if not self.is_local else 0
        parent = self.uri[start:].rpartition("/")[0]
        return Folder(self.uri[:start] + parent, self.options) if parent else None

    def find(self, name: str) -> SessionFile | None:
        """The file of that name directly below; None where there is none, or it leads out of this folder."""
        path = f"{self._root}/{name}"
        info: dict[str, Any] = {"name": path}
        if not self.is_local:
            try:
                info = retry(lambda: self.fs.info(path))
            # without the right to list, a bucket says so of what is not there
            except (FileNotFoundError, PermissionError):
                return None
            if info["type"] != "file":
                return None
        return self._entry(name, info)

    def leads_out(self, name: str) -> bool:
        """Whether what has that name directly below is a link that `find` does not see, as it leads elsewhere."""
        place = f"{self._root}/{name}"
        return self.is_local and os.path.islink(place) and self.find(name) is None

    def below(self, name: str) -> Folder:
        """The folder `name` directly below this one. Raises ValueError for a name that would lead elsewhere."""
        if name in {"", ".", ".."} or "/" in name or "\\" in name:
            raise ValueError(f"{name!r} is not a folder name")
        return Folder(f"{self.uri}/{name}", self.options)


class GoneFolder(Folder):
    """A place that is known to be no more: nothing is left of what it held."""

    is_gone = True

    def exists(self) -> bool:
        """It can be looked at: there is nothing there."""
        return True

    def files(self) -> list[SessionFile]:
        """None."""
        return []

    def pages(self, after: str = "") -> Iterator[list[SessionFile]]:
        """One piece without a file."""
        yield []


def _name_local(path: str, uri: str, facts: os.stat_result) -> SessionFile:
    if not stat.S_ISREG(facts.st_mode):
        return SessionFile(store_name(path), uri, 0, _UNKNOWN_VERSION, _NO_BYTES)
    fault = None if is_utf8(path) else _NAMELESS
    return SessionFile(store_name(path), uri, facts.st_size, _version(facts), fault)


def _locate(descriptor: int, path: str) -> str:
    """Where an open file lies: as the system knows it, or what its path leads to now."""
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:  # not Linux
        return os.path.realpath(path)


def _version(facts: os.stat_result) -> str:
    return f"{facts.st_mtime_ns}-{facts.st_size}"


def _explain_folder(error: OSError) -> Fault:
    remedy = "let this user list it; the next look takes in what is below"
    if error.errno == errno.ENAMETOOLONG:
        remedy = "move what is below to a folder that is nested less deep"
    return Fault(f"the folder cannot be listed: {error.strerror}", remedy)


def _explain_file(error: OSError) -> Fault:
    return Fault(
        f"cannot be looked at: {error.strerror}", "mend its link or its folder"
    )


_NO_BYTES = Fault(
    "a pipe, a socket or a device, and no file",
    "put the file itself there, or remove it",
)
_NAMELESS = Fault(
    "its name is not UTF-8",
    "rename it, or its folder, as in `convmv -f latin1 -t utf8 --notest NAME`",
)
