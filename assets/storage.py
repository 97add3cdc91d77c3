"""Where files lie: the landing zone that producers write, and the content-addressed blob store that we write.

Local folders and s3:// prefixes through fsspec and s3fs. Names from outside are only ever joined below a root.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import os
import posixpath
import re
import stat
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar, cast

from assets.addresses import hide, require_open
from assets.disk import make_folder, sync
from assets.spill import open_aside
from assets.tables.schemas import SESSION_KEY

T = TypeVar("T")
_ATTEMPTS = 4
_CHUNK_BYTES = 1 << 20
_PAGE_KEYS = 1000  # S3 gives no more at once
_BLOB = re.compile(r"[0-9a-f]{2}/([0-9a-f]{64})")
_PARTIAL = re.compile(r"(^|/)\.[^/]*\.(part|tmp)$")
_UNKNOWN_VERSION = "-"  # of what could not be looked at
# open(2): no link, no wait for who writes to a pipe, no terminal
_OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_NO_FILE = (errno.ELOOP, errno.ENXIO, errno.ENODEV)  # a link; a socket or a device
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})")
# that Unicode does not take apart
_LETTERS = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # PEP 383


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
        return bool(_retry(lambda: self.fs.exists(self._root)))

    def folders(self) -> list[str]:
        """Names of the folders directly below, sorted."""
        self.fs.invalidate_cache()
        if not _retry(lambda: self.fs.exists(self._root)):
            return []
        entries = _retry(lambda: self.fs.ls(self._root, detail=True))
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
        info = _retry(lambda: self.fs.info(self._root))
        if info["type"] == "file":
            return [
                e
                for e in [self._entry(posixpath.basename(self._root), info)]
                if e is not None
            ]
        found = _retry(lambda: self.fs.find(self._root, detail=True))
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
            page = _retry(
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

    def open(self, file: SessionFile) -> BinaryIO:
        """The file's bytes, seekable.

        Of a local one those that were listed: raises NotAsListed for what has taken its place since, another version of
        it or a link, and waits for no pipe and no device.
        """
        if self.is_local:
            return self._open_local(file)
        return cast(BinaryIO, _retry(lambda: self.fs.open(file.uri, "rb")))

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
            found = _retry(lambda: self.fs.ls(self._at(below), detail=False))
        except FileNotFoundError:
            return []
        return sorted(posixpath.basename(path) for path in found)

    def find_any(self) -> str:
        """The path of a file below, an upload under way too; "" where there is none."""
        self.fs.invalidate_cache()
        if not self.is_local:
            bucket, _, prefix = self._root.partition("/")
            found = _retry(
                lambda: self.fs.call_s3(
                    "list_objects_v2", Bucket=bucket, Prefix=f"{prefix}/", MaxKeys=1
                )
            ).get("Contents", [])
            return str(found[0]["Key"].removeprefix(f"{prefix}/")) if found else ""
        walk = os.walk(self._root)
        return next((names[0] for _, _, names in walk if names), "")

    def read(self, path: str) -> bytes:
        """All bytes of a file below this folder. Raises FileNotFoundError where there is none."""
        return cast(bytes, _retry(lambda: self.fs.cat_file(self._at(path))))

    def fetch(self, file: SessionFile, target: Path) -> None:
        """Copy a file, as long as it is, to this machine's disk. Raises FileNotFoundError where it is gone."""
        _retry(lambda: self.fs.get_file(self._at(file.path), str(target)))

    def fill(self, path: str, source: Path) -> None:
        """Copy a file of this machine's disk to a path below this folder, whole or not at all."""
        at = self._at(path)
        if self.is_local:
            make_folder(os.path.dirname(at))
        _retry(lambda: self.fs.put_file(str(source), at))

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
                info = _retry(lambda: self.fs.info(path))
            # without the right to list, a bucket says so of what is not there
            except (FileNotFoundError, PermissionError):
                return None
            if info["type"] != "file":
                return None
        return self._entry(name, info)

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


def store_name(name: str) -> str:
    r"""A name as text that every store takes: a byte of it that is no UTF-8 as `\xff`.

    `restore_name` gives the name back: a `\xff` that is in the name itself is written as `\x5cxff`.
    """
    plain = _ESCAPE.sub(lambda found: rf"\x5cx{found[1]}", name)
    return _NOT_UTF8.sub(lambda found: rf"\x{ord(found[0]) - 0xDC00:02x}", plain)


def restore_name(stored: str) -> str:
    """The name that `store_name` was given, with bytes that are no UTF-8 as Python holds them (PEP 383)."""

    def restore(found: re.Match[str]) -> str:
        byte = int(found[1], 16)
        return chr(0xDC00 + byte) if byte >= 0x80 else chr(byte)

    return _ESCAPE.sub(restore, stored)


def is_utf8(name: str) -> bool:
    """Whether all bytes of a name are UTF-8."""
    return _NOT_UTF8.search(name) is None


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


class BlobStore:
    """Bytes by their sha256: `put` writes once, `get` proves what it returns."""

    def __init__(self, uri: str, options: dict[str, Any] | None = None) -> None:
        self.folder = Folder(uri, options)

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
        data = cast(bytes, _retry(lambda: self.folder.fs.cat_file(self._path(sha256))))
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError(
                f"blob {sha256} has changed: restore it from the source or from a backup"
            )
        return data

    def open(self, sha256: str) -> BinaryIO:
        """The blob as a seekable stream, not proven. Raises FileNotFoundError when it is gone."""
        return cast(
            BinaryIO, _retry(lambda: self.folder.fs.open(self._path(sha256), "rb"))
        )

    def matches(self, sha256: str) -> bool:
        """Whether the bytes still have their hash, read piece by piece. Raises FileNotFoundError when they are gone."""
        with self.open(sha256) as stream:
            return hash_stream(stream) == sha256

    def exists(self, sha256: str) -> bool:
        """Whether the blob is stored."""
        return bool(_retry(lambda: self.folder.fs.exists(self._path(sha256))))

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
            for path in _retry(lambda: self.folder.fs.find(self.folder._root)):
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
            _retry(lambda: _upload(self.folder.fs, path, aside))
            return
        make_folder(os.path.dirname(path))
        if not isinstance(aside, BytesIO):
            os.fsync(aside.fileno())
            os.replace(aside.name, path)
            return
        _write_local(path, aside.getbuffer())


def _write_local(path: str, content: bytes | memoryview) -> None:
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


def put_object(folder: Folder, name: str, content: bytes) -> None:
    """Write a file below a folder or prefix, in place of one that is there; a reader finds either of them whole."""
    path = f"{folder._root}/{name}"
    if not folder.is_local:
        _retry(lambda: folder.fs.pipe_file(path, content))
        return
    make_folder(os.path.dirname(path))
    _write_local(path, content)


def drop_objects(folder: Folder, names: Iterable[str]) -> None:
    """Remove files below a folder or prefix; those that are gone are gone."""
    for name in names:
        with suppress(FileNotFoundError):
            _retry(lambda path=f"{folder._root}/{name}": folder.fs.rm_file(path))  # type: ignore[misc]


def hash_stream(stream: BinaryIO) -> str:
    """sha256 of what is left in the stream."""
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def session_key(name: str) -> str:
    """A partition key from a folder's name: lower case, Latin letters without their marks, other characters become '-'.

    Raises ValueError where nothing usable is left, and for a name that is not UTF-8.
    """
    if not is_utf8(name):
        raise ValueError(f"{name!r} is not UTF-8: rename it")
    key = _join_key(_spell(name))
    if not re.fullmatch(SESSION_KEY, key):
        raise ValueError(
            f"{name!r} gives no session name: use letters, digits, '-' and '_'"
        )
    return key


def unspelt_key(name: str) -> str:
    """The key that a folder has where letters with marks become '-' as well, as sessions may be named; "" for none."""
    key = _join_key(name.lower()) if is_utf8(name) else ""
    return key if re.fullmatch(SESSION_KEY, key) else ""


def _join_key(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", text).strip("-_")[:64]


def _spell(name: str) -> str:
    """In lower case, without the marks of letters, and with plain ones for those that are no letter with a mark."""
    parts = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    return "".join(c for c in parts if not unicodedata.combining(c)).casefold()


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


def _retry(call: Callable[[], T]) -> T:
    """Call again after a transient failure of the store; what is absent or forbidden fails at once.

    Raises OSError for a store that cannot be reached, which s3fs has tried several times by then.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return call()
        except (
            FileNotFoundError,
            PermissionError,
            IsADirectoryError,
            NotADirectoryError,
        ):
            raise
        except OSError:
            if attempt == _ATTEMPTS:
                raise
            time.sleep(0.2 * 2**attempt)
        except Exception as error:
            if not type(error).__module__.startswith("botocore."):
                raise
            raise OSError(
                f"{hide(str(error))}: check the address of the object store and the credentials"
            ) from error
    raise AssertionError("unreachable")


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
