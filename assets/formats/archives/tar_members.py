"""Open tar archives, plain or compressed as a whole (gz, bz2, xz). A compressed one is expanded once, within limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Self

from assets.formats.archives.archive_members import (
    ArchiveLimits,
    Member,
    Refused,
    normalise_name,
    screen_members,
    show_name,
)
from assets.formats.archives.expansion import PIECE_BYTES, Expander
from assets.formats.archives.tar_headers import TarDamage, TarMember, walk_tar
from assets.formats.protocol import UnreadableBytes
from assets.spill import open_growing_spill, open_spill
from assets.storage import SessionFile

_METHODS = ((b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\x00", "xz"))
_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_REMEDY = "copy the archive again, or repack it"


def is_tar_name(path: str) -> bool:
    """Whether a file is named as a tar archive, compressed or not."""
    return path.lower().endswith(_ENDINGS)


def open_tar(stream: BinaryIO, file: SessionFile, limits: ArchiveLimits) -> TarStore:
    """Raises UnreadableBytes when a compressed archive does not expand, or expands to too much; NoRoom."""
    stream.seek(0)
    head = stream.read(6)
    method = next(
        (method for magic, method in _METHODS if head.startswith(magic)), None
    )
    stream.seek(0)
    if method is None:
        return TarStore(stream, file.size_bytes, file.size_bytes, True, limits)
    expanded = open_growing_spill()
    try:
        _expand(
            stream,
            Expander(method, limits.xz_memory_bytes),
            expanded,
            limits.limit_expansion(file.size_bytes),
        )
    except BaseException as error:
        expanded.close()
        if not isinstance(error, ValueError):
            raise
        raise UnreadableBytes(f"archive does not expand: {error}", _REMEDY) from error
    return TarStore(expanded, file.size_bytes, expanded.tell(), False, limits)


class TarStore:
    """An open tar archive, in a stream that holds it expanded."""

    def __init__(
        self,
        stream: BinaryIO,
        archive_bytes: int,
        expanded_bytes: int,
        is_stored: bool,
        limits: ArchiveLimits,
    ) -> None:
        self._stream = stream
        self._archive_bytes = archive_bytes
        self._is_stored = is_stored
        self._expanded_bytes = expanded_bytes
        self._limits = limits

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if not self._is_stored:
            self._stream.close()

    def members(self) -> Iterator[Member | Refused]:
        """Every file in the order of the archive, or why it is not taken."""
        yield from screen_members(self._list(), self._archive_bytes, self._limits)

    def open(self, member: Member) -> BinaryIO:
        """The bytes of a member. Raises UnreadableBytes where the archive ends inside, NoRoom."""
        self._stream.seek(member.offset if self._is_stored else member.inner_offset)
        target = open_spill(member.size_bytes)
        left = member.size_bytes
        while left > 0 and (piece := self._stream.read(min(left, PIECE_BYTES))):
            target.write(piece)
            left -= len(piece)
        if left:
            target.close()
            raise UnreadableBytes("the archive ends inside this member", _REMEDY)
        target.seek(0)
        return target

    def _list(self) -> Iterator[Member | Refused]:
        count = 0
        limit = self._limits.num_members
        try:
            for member in walk_tar(self._stream, self._limits.name_header_bytes):
                count += 1
                if count > limit:
                    yield Refused("", f"more than {limit} members", "split the archive")
                    return
                if member is not None:
                    yield self._describe(member)
        except TarDamage as error:
            yield Refused(
                "", f"archive is damaged after {count} members: {error}", _REMEDY
            )

    def _describe(self, found: TarMember) -> Member | Refused:
        if found.refusal:
            remedy = "repack the archive with the file itself"
            return Refused(
                show_name(found.name), f"{found.refusal} inside an archive", remedy
            )
        if found.offset + found.size_bytes > self._expanded_bytes:
            return Refused(
                show_name(found.name), "the archive ends inside this member", _REMEDY
            )
        name = normalise_name(found.name)
        if self._is_stored:
            return Member(name, found.size_bytes, found.offset, found.size_bytes, True)
        return Member(
            name, found.size_bytes, 0, self._archive_bytes, False, found.offset
        )


def _expand(
    stream: BinaryIO, expander: Expander, target: BinaryIO, limit_bytes: int
) -> None:
    size = 0
    while stored := stream.read(PIECE_BYTES):
        for piece in expander.expand(stored):
            size += len(piece)
            if size > limit_bytes:
                raise ValueError(
                    f"it expands to more than the {limit_bytes} bytes allowed for its size"
                )
            target.write(piece)
    if not expander.is_at_end:
        raise ValueError("it ends too early")
