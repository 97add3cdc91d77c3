"""Parse the headers of a tar archive with limits of our own (POSIX.1-2001 ustar and pax, GNU long names).

The time and memory that the standard library's reader takes are up to the archive. This one reads one block a member,
and of extended headers, which may be only so long, the name and the size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

BLOCK_BYTES = 512
_FOLDER = b"5"
_FILES = (b"0", b"\0", b"7")
_LONG_NAME = b"L"
_LONG_LINK = b"K"
_PAX = b"x"
_PAX_GLOBAL = b"g"
_KINDS = {
    b"1": "hard link",
    b"2": "link",
    b"3": "device",
    b"4": "device",
    b"6": "pipe",
    b"S": "sparse file",
}


class TarDamage(ValueError):
    """The archive does not go on as one."""


@dataclass(frozen=True)
class TarMember:
    """A file, or what is none: `refusal` says what it is instead."""

    name: str
    size_bytes: int
    offset: int  # of its data
    refusal: str | None = None


@dataclass
class _Extended:
    """What extended headers say of the member that follows them."""

    name: bytes | None = None
    size_bytes: int | None = None
    is_sparse: bool = False


def walk_tar(stream: BinaryIO, max_header_bytes: int) -> Iterator[TarMember | None]:
    """The members in order, None for folders. Raises TarDamage where the archive is cut or makes no sense.

    That goes for an extended header of more than `max_header_bytes` too.
    """
    size = stream.seek(0, 2)
    at = 0
    extended = _Extended()
    while True:
        stream.seek(at)
        head = stream.read(BLOCK_BYTES)
        if head == bytes(BLOCK_BYTES):
            return
        if len(head) < BLOCK_BYTES:
            raise TarDamage("it ends without an end mark")
        if not _has_its_checksum(head):
            raise TarDamage(f"the header at byte {at} does not match its checksum")
        kind = head[156:157]
        length = parse_number(head[124:136])
        data_at = at + BLOCK_BYTES
        if kind in (_LONG_NAME, _LONG_LINK, _PAX, _PAX_GLOBAL):
            _read_extended(kind, _read_body(stream, length, max_header_bytes), extended)
            at = data_at + _pad(length)
            continue
        length = length if extended.size_bytes is None else extended.size_bytes
        name = _show(extended.name) if extended.name is not None else _read_name(head)
        if kind == _FOLDER or (kind in (b"0", b"\0") and name.endswith("/")):
            length = 0 if kind == _FOLDER and extended.size_bytes is None else length
            yield None
        else:
            refusal = "sparse file" if extended.is_sparse else _explain_kind(kind)
            if kind == b"S":
                data_at = _skip_sparse_tables(stream, head, data_at, size)
            length = 0 if kind in (b"1", b"2", b"3", b"4", b"6") else length
            yield TarMember(name, length, data_at, refusal)
        at = data_at + _pad(length)
        extended = _Extended()
        if at > size + BLOCK_BYTES:
            raise TarDamage("it ends inside its last member")


def _explain_kind(kind: bytes) -> str | None:
    return None if kind in _FILES else _KINDS.get(kind, f"member of kind {kind!r}")


def _has_its_checksum(head: bytes) -> bool:
    """The sum over a header, with bytes unsigned as the standard has it, or signed as old programs write it."""
    stated = parse_number(head[148:156])
    unsigned = sum(head) - sum(head[148:156]) + 8 * 0x20
    return stated == unsigned or stated == unsigned - 256 * sum(
        b > 127 for b in head[:148] + head[156:]
    )


def parse_number(data: bytes) -> int:
    """A field of a header: octal text, or base 256 as GNU writes large sizes. Raises TarDamage."""
    if data[0] & 0x80:
        value = (
            int.from_bytes(data, "big", signed=True)
            if data[0] == 0xFF
            else int.from_bytes(data[1:], "big")
        )
    else:
        text = data.split(b"\0", 1)[0].strip(b" ")
        if text and not all(0x30 <= c < 0x38 for c in text):
            raise TarDamage(f"a header holds {text[:20]!r} where a number belongs")
        value = int(text or b"0", 8)
    if value < 0:
        raise TarDamage("a header holds a negative size")
    return value


def _pad(length: int) -> int:
    return -(-length // BLOCK_BYTES) * BLOCK_BYTES


def _read_name(head: bytes) -> str:
    name, prefix = (head[a:b].split(b"\0", 1)[0] for a, b in ((0, 100), (345, 500)))
    return _show(
        prefix + b"/" + name if prefix and head[257:263] == b"ustar\0" else name
    )


def _show(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _read_body(stream: BinaryIO, length: int, max_bytes: int) -> bytes:
    if length > max_bytes:
        raise TarDamage(f"an extended header of {length} bytes, more than {max_bytes}")
    body = stream.read(length)
    if len(body) < length:
        raise TarDamage("it ends inside an extended header")
    return body


def _read_extended(kind: bytes, body: bytes, extended: _Extended) -> None:
    if kind == _LONG_NAME:
        extended.name = body.split(b"\0", 1)[0]
    elif kind == _PAX:
        for key, value in _read_records(body):
            if key == b"path":
                extended.name = value
            elif key == b"size":
                extended.size_bytes = _decimal(value)
            elif key.startswith(b"GNU.sparse."):
                extended.is_sparse = True


def _read_records(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """`LENGTH KEY=VALUE` lines. Raises TarDamage."""
    at = 0
    while at < len(body) and body[at]:
        space = body.find(b" ", at, at + 8)
        end = at + _decimal(body[at:space]) if space > 0 else 0
        key, equals, value = body[space + 1 : end - 1].partition(b"=")
        if not at < end <= len(body) or body[end - 1 : end] != b"\n" or not equals:
            raise TarDamage("an extended header that is not built as one")
        yield key, value
        at = end


def _decimal(text: bytes) -> int:
    if not text.isdigit() or len(text) > 20:
        raise TarDamage(
            f"an extended header holds {text[:20]!r} where a number belongs"
        )
    return int(text)


def _skip_sparse_tables(stream: BinaryIO, head: bytes, at: int, size: int) -> int:
    """Where the data of an old GNU sparse file begin: behind the blocks of its table."""
    more = head[482]
    while more:
        if at + BLOCK_BYTES > size:
            raise TarDamage("it ends inside the table of a sparse file")
        more = stream.read(BLOCK_BYTES)[504]
        at += BLOCK_BYTES
    return at
