"""Decoded training images on disk, so that the next epoch, worker or training reads pixels where it would decode.

One file holds the images of a split as one recipe reads them: a record and a place for each, which are known before
anything is decoded, so that all who fill a file write the same bytes to the same places. An image counts when its
checksum does, which every read takes anew; whatever else lies there is decoded and written again. Nothing else knows
of these files: to remove one costs time alone.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import struct
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets.locks import take, taking, waiting_for
from assets.machine_memory import measure_memory
from models.types import Image

_LAYOUT = 1
_SUFFIX = ".pixels"
_LOCK = "lock"
# checksum; height, width; those of the stored image; by what its sides are divided
_RECORD = struct.Struct("<16s5I")
_ALIGNED = 64  # bytes, at which a place begins
_WAITING_BYTES = 64 << 20  # of images that wait to be written; more are not taken
_SYNCED_BYTES = 64 << 20  # written, after which who writes waits for the disk
_ROW_BYTES = 4096  # of what a checksum sums up
_DECODERS = ("simplejpeg", "opencv-python-headless", "pillow", "pi-heif", "av")
_log = logging.getLogger("daguerre.training")


@dataclass(frozen=True)
class CacheRoom:
    """Where the files lie, and how large they may be together; None: by `choose_limit`."""

    folder: Path
    limit_bytes: int | None = None


@dataclass(frozen=True)
class Record:
    """What is said of a kept image: its size, that of the stored one, and by what the sides of that are divided."""

    shape_hw: tuple[int, int]
    stored_hw: tuple[int, int]
    divisor: int
    checksum: bytes

    @property
    def num_bytes(self) -> int:
        """Of its pixels."""
        return 3 * self.shape_hw[0] * self.shape_hw[1]


def name_cache(frame_sha256s: Sequence[str], form: str, code_version: str) -> str:
    """The same for the same frames, read in the same form by the same code and decoders."""
    decoders = [f"{name} {version(name)}" for name in _DECODERS]
    digest = hashlib.sha256(
        "\n".join(
            [str(_LAYOUT), form, code_version, *decoders, *frame_sha256s]
        ).encode()
    )
    return digest.hexdigest()[:32]


def choose_limit(folder: Path) -> int:
    """Half of the memory that this process may use, where what is read again stays; and a quarter of the disk that is
    free or taken by these files."""
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize + measure_folder(folder)
    return min(measure_memory() // 2, free // 4)


def measure_folder(folder: Path) -> int:
    """Bytes of disk that the files take: less than their sizes say, while they are being filled."""
    total = 0
    for path in folder.glob(f"*{_SUFFIX}"):
        with suppress(FileNotFoundError):
            total += path.stat().st_blocks * 512
    return total


class PixelCache:
    """The images of one file, by index; safe to use from several threads, and from several processes at once.

    `capacities` (N,) are the bytes that each image takes at most. Those that lie beyond the limit are never kept.
    """

    @classmethod
    def open(
        cls, room: CacheRoom, name: str, capacities: NDArray[np.int64]
    ) -> PixelCache | None:
        """None, with a word in the log, where files cannot be kept there; without, where the limit is for none."""
        if room.limit_bytes == 0:
            return None
        try:
            return cls(room, name, capacities)
        except OSError as error:
            _log.warning(
                f"decoded images are not kept in {room.folder} ({error}): they are decoded each time"
            )
            return None

    def __init__(
        self, room: CacheRoom, name: str, capacities: NDArray[np.int64]
    ) -> None:
        self.path = room.folder / f"{name}{_SUFFIX}"
        steps = -(-capacities // _ALIGNED) * _ALIGNED
        ends = _RECORD.size * len(capacities) + _ALIGNED + np.cumsum(steps)
        self._capacities = capacities
        self._begins = ends - steps
        room.folder.mkdir(parents=True, exist_ok=True)
        with waiting_for(room.folder / _LOCK):
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            weakref.finalize(self, os.close, self._descriptor)
            limit = room.limit_bytes
            if limit is None:
                limit = choose_limit(room.folder)
            wanted = int(ends[-1])
            size = min(wanted, _make_room(room.folder, self.path, wanted, limit))
            if not _is_alone(self._descriptor):
                size = max(size, os.fstat(self._descriptor).st_size)
            self._num_kept = int(np.searchsorted(ends, size, "right"))
            self._forget_from(self._num_kept)
            os.ftruncate(self._descriptor, size)
            os.utime(self._descriptor)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="pixel-cache")
        self._waiting_bytes = self._unsynced_bytes = 0
        self._lock = threading.Lock()
        self._is_told = False

    def find(self, index: int) -> Record | None:
        """What is said of the image, if one is kept; whether it is whole `read` finds out."""
        if index >= self._num_kept:
            return None
        try:
            found = os.pread(self._descriptor, _RECORD.size, _RECORD.size * index)
        except OSError:
            return None
        if len(found) < _RECORD.size or not any(found):
            return None
        checksum, height, width, stored_height, stored_width, divisor = _RECORD.unpack(
            found
        )
        record = Record(
            (height, width), (stored_height, stored_width), divisor, checksum
        )
        if 0 < record.num_bytes <= self._capacities[index]:
            return record
        self._tell_damage()
        return None

    def read(self, index: int) -> Image | None:
        """(h, w, 3) uint8 RGB as it was offered; None where there is none, or what is there is something else."""
        record = self.find(index)
        if record is None:
            return None
        image = np.empty((*record.shape_hw, 3), np.uint8)
        with suppress(OSError):
            begin = int(self._begins[index])
            num_read = os.preadv(self._descriptor, [image.data], begin)
            is_whole = num_read == record.num_bytes
            if is_whole and _check(index, image, record) == record.checksum:
                return image
        self._tell_damage()
        return None

    def offer(
        self, index: int, image: Image, stored_hw: tuple[int, int], divisor: int
    ) -> None:
        """Let (h, w, 3) uint8 RGB be written beside whatever goes on. It is not taken where the disk does not keep up:
        a later epoch offers it again. The caller does not change it."""
        if index >= self._num_kept or image.nbytes > self._capacities[index]:
            return
        with self._lock:
            if self._waiting_bytes + image.nbytes > _WAITING_BYTES:
                return
            self._waiting_bytes += image.nbytes
        self._writer.submit(self._write, index, image, stored_hw, divisor)

    def settle(self) -> None:
        """Wait until what was taken is written."""
        self._writer.submit(int).result()

    def _write(
        self, index: int, image: Image, stored_hw: tuple[int, int], divisor: int
    ) -> None:
        """Pixels first: who is killed in between leaves no record. What a power cut took fails its checksum."""
        shape_hw = image.shape[0], image.shape[1]
        bare = Record(shape_hw, stored_hw, divisor, b"")
        checksum = _check(index, image, bare)
        packed = _RECORD.pack(checksum, *shape_hw, *stored_hw, divisor)
        try:
            content = np.ascontiguousarray(image).data.cast("B")
            _write_all(self._descriptor, content, int(self._begins[index]))
            _write_all(self._descriptor, memoryview(packed), _RECORD.size * index)
            self._unsynced_bytes += image.nbytes
            if self._unsynced_bytes >= _SYNCED_BYTES:
                self._unsynced_bytes = 0
                os.fdatasync(self._descriptor)
        except OSError as error:
            self._num_kept = 0
            _log.warning(
                f"{self.path} cannot be written to ({error}): images are decoded each time"
            )
        finally:
            with self._lock:
                self._waiting_bytes -= image.nbytes

    def _forget_from(self, first: int) -> None:
        """Clear the records of images that lie beyond the limit: their bytes go."""
        size = os.fstat(self._descriptor).st_size
        cleared = min(len(self._begins) * _RECORD.size, size) - first * _RECORD.size
        if cleared > 0:
            zeros = memoryview(bytes(cleared))
            _write_all(self._descriptor, zeros, first * _RECORD.size)

    def _tell_damage(self) -> None:
        if not self._is_told:
            self._is_told = True
            _log.warning(
                f"{self.path} does not hold all images as they were written: those are decoded and written anew"
            )


def _check(index: int, image: Image, record: Record) -> bytes:
    """16 bytes of the pixels, the sizes and the place. Sums by row and by column of a table of 8-byte words take
    a tenth of the time of a cryptographic hash, and miss no changed bit, no lost page and no two that are swapped."""
    flat = np.ascontiguousarray(image).reshape(-1)
    whole = len(flat) // _ROW_BYTES * _ROW_BYTES
    words = flat[:whole].view(np.uint64).reshape(-1, _ROW_BYTES // 8)
    sizes = (index, *record.shape_hw, *record.stored_hw, record.divisor)
    digest = hashlib.blake2b(repr(sizes).encode(), digest_size=16)
    for part in (words.sum(0), words.sum(1), flat[whole:]):
        digest.update(part.tobytes())
    return digest.digest()


def _write_all(descriptor: int, content: memoryview, offset: int) -> None:
    while content:
        written = os.pwrite(descriptor, content, offset)
        content, offset = content[written:], offset + written


def _is_alone(descriptor: int) -> bool:
    """Whether no other process has the file open; it is held by this one from here on."""
    is_alone = take(descriptor)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return is_alone


def _make_room(folder: Path, own: Path, wanted: int, limit: int) -> int:
    """The bytes that the file may have: of the others those go, longest unused first, that stand in its way and that
    nobody has open."""
    others = {
        path: path.stat()
        for path in folder.glob(f"*{_SUFFIX}")
        if path.name != own.name
    }
    left = limit - sum(found.st_size for found in others.values())
    for path in sorted(others, key=lambda path: others[path].st_mtime):
        if left >= wanted:
            break
        with taking(path) as is_unused:
            if is_unused:
                path.unlink()
                left += others[path].st_size
    return max(left, 0)
