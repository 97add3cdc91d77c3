"""Open zip archives with limits of our own: zipfile only parses the directory, expansion is bounded here."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Self, cast

from assets.formats.archives.archive_members import (
    ArchiveLimits,
    Member,
    Refused,
    normalise_name,
    screen_members,
    show_name,
)
from assets.formats.archives.expansion import PIECE_BYTES, Expander
from assets.formats.protocol import UnreadableBytes
from assets.spill import open_spill
from assets.storage import SessionFile

_METHODS = {
    zipfile.ZIP_STORED: "stored",
    zipfile.ZIP_DEFLATED: "deflate",
    zipfile.ZIP_BZIP2: "bzip2",
}
_LOCAL_HEADER_BYTES = 30
# of the zip64 records between directory and end
_ZIP64_BYTES = 76
_REMEDY = "copy the archive again, or repack it"


def open_zip(stream: BinaryIO, file: SessionFile, limits: ArchiveLimits) -> ZipStore:
    """Raises UnreadableBytes when the directory of the archive does not read, or is too long to be read at once."""
    try:
        _limit_directory(stream, limits)
        return ZipStore(stream, zipfile.ZipFile(stream), file.size_bytes, limits)
    except (
        zipfile.BadZipFile,
        struct.error,
        ValueError,
        NotImplementedError,
        EOFError,
        OverflowError,
    ) as error:
        raise UnreadableBytes(
            f"zip archive that does not open: {error}", _REMEDY
        ) from error


class ZipStore:
    """An open zip archive."""

    def __init__(
        self,
        stream: BinaryIO,
        archive: zipfile.ZipFile,
        size_bytes: int,
        limits: ArchiveLimits,
    ) -> None:
        self._stream = stream
        self._archive = archive
        self._size_bytes = size_bytes
        self._limits = limits

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._archive.close()

    def members(self) -> Iterator[Member | Refused]:
        """Every file in the order of the directory, or why it is not taken."""
        infos = [info for info in self._archive.infolist() if not info.is_dir()]
        listed = [self._describe(info) for info in infos]
        yield from screen_members(
            refuse_overlaps(listed), self._size_bytes, self._limits
        )

    def open(self, member: Member) -> BinaryIO:
        """The expanded bytes of a member. Raises UnreadableBytes where they are damaged, NoRoom."""
        target = open_spill(member.size_bytes)
        try:
            copy_exactly(self._pieces(member), member, target)
        except ValueError as error:
            target.close()
            raise UnreadableBytes(f"damaged member: {error}", _REMEDY) from error
        target.seek(0)
        return target

    def _pieces(self, member: Member) -> Iterator[bytes]:
        self._stream.seek(member.offset)
        left = member.stored_bytes
        expander = (
            None
            if member.is_stored
            else Expander(member.method, self._limits.xz_memory_bytes)
        )
        while left > 0:
            stored = self._stream.read(min(left, PIECE_BYTES))
            if not stored:
                raise ValueError("the archive ends inside it")
            left -= len(stored)
            yield from expander.expand(stored) if expander else (stored,)

    def _describe(self, info: zipfile.ZipInfo) -> Member | Refused:
        shown = show_name(info.filename)
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            kind = "link" if stat.S_ISLNK(mode) else "special file"
            return Refused(
                shown,
                f"{kind} inside an archive",
                "repack the archive with the file itself",
            )
        if info.flag_bits & 0x1:
            return Refused(
                shown, "encrypted member", "repack the archive without a password"
            )
        method = _METHODS.get(info.compress_type)
        if method is None:
            reason = f"compression method {info.compress_type} is not read"
            return Refused(shown, reason, "repack the archive with deflate")
        try:
            offset = self._find_data(info)
        except ValueError as error:
            return Refused(shown, str(error), _REMEDY)
        name = normalise_name(info.filename)
        is_stored = method == "stored"
        return Member(
            name,
            info.file_size,
            offset,
            info.compress_size,
            is_stored,
            0,
            info.CRC,
            method,
        )

    def _find_data(self, info: zipfile.ZipInfo) -> int:
        """Where a member's bytes begin. Raises ValueError when its local header and the directory disagree."""
        self._stream.seek(info.header_offset)
        header = self._stream.read(_LOCAL_HEADER_BYTES)
        if len(header) != _LOCAL_HEADER_BYTES or header[:4] != b"PK\x03\x04":
            raise ValueError("the archive's directory points to no member")
        name_bytes, extra_bytes = cast(
            "tuple[int, int]", struct.unpack_from("<HH", header, 26)
        )
        name = self._stream.read(name_bytes)
        if name != info.orig_filename.encode(
            "utf-8" if info.flag_bits & 0x800 else "cp437", "replace"
        ):
            raise ValueError("the archive names this member differently in two places")
        offset = info.header_offset + _LOCAL_HEADER_BYTES + name_bytes + extra_bytes
        if offset + info.compress_size > self._size_bytes:
            raise ValueError("the member runs over the end of the archive")
        return offset


def copy_exactly(pieces: Iterable[bytes], member: Member, target: BinaryIO) -> None:
    """Write the expanded pieces of a member, and take none after they are more than it states. Raises ValueError."""
    crc = 0
    size = 0
    for piece in pieces:
        size += len(piece)
        crc = zlib.crc32(piece, crc)
        if size > member.size_bytes:
            break
        target.write(piece)
    if size != member.size_bytes:
        raise ValueError(
            f"it does not expand to the {member.size_bytes} bytes that the archive states"
        )
    if crc != member.crc32:
        raise ValueError("its CRC differs from what the archive states")


def _limit_directory(stream: BinaryIO, limits: ArchiveLimits) -> None:
    """zipfile takes the whole directory into memory, many times its size. Raises ValueError for too long a one."""
    end = zipfile._EndRecData(stream)  # type: ignore[attr-defined] # the record that zipfile itself will go by
    size = end[5] if end else 0
    if size > limits.directory_bytes:
        raise ValueError(
            f"a directory of {size} bytes, more than {limits.directory_bytes}"
        )
    if not end:
        return
    stream.seek(max(0, end[9] - size - _ZIP64_BYTES))
    num_members = stream.read(size + _ZIP64_BYTES).count(b"PK\x01\x02")
    if num_members > limits.num_members:
        raise ValueError(f"{num_members} members, more than {limits.num_members}")


def refuse_overlaps(items: list[Member | Refused]) -> Iterator[Member | Refused]:
    """Members whose stored bytes begin within another's are refused: no zip program writes them."""
    reached = 0
    shared = set[int]()
    for member in sorted(
        (m for m in items if isinstance(m, Member) and m.stored_bytes),
        key=lambda m: m.offset,
    ):
        if member.offset < reached:
            shared.add(id(member))
        reached = max(reached, member.offset + member.stored_bytes)
    for item in items:
        if id(item) in shared:
            assert isinstance(item, Member)
            reason = "its bytes are those of another member too"
            yield Refused(
                show_name(item.name),
                reason,
                "repack the archive with a plain zip program",
            )
        else:
            yield item
