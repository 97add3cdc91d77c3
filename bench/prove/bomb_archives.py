"""Build hostile archives byte by byte: what zip and tar programs would refuse to write."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib


def make_zip(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method, compresslevel=9) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return stream.getvalue()


def lie_about_size(data: bytes) -> bytes:
    """The directory states 1000 bytes for its first member."""
    broken = bytearray(data)
    struct.pack_into("<I", broken, broken.index(b"PK\x01\x02") + 24, 1000)
    return bytes(broken)


def nest_zips(depth: int) -> bytes:
    data = make_zip({"a.jpg": bytes(32 << 20)}, zipfile.ZIP_DEFLATED)
    for level in range(depth):
        data = make_zip(
            {f"{level}.{n}.zip": data for n in range(4)}, zipfile.ZIP_DEFLATED
        )
    return data


def overlap_members(count: int, kernel_bytes: int) -> bytes:
    """Valid members that share one compressed kernel: each holds the header of the next as a stored block (Fifield)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    plain = bytes(kernel_bytes)
    stored = packer.compress(plain) + packer.flush()
    # name, facts, bytes up to the next header
    members: list[tuple[bytes, bytes, int]] = []
    for n in reversed(range(count)):
        name = f"{n:04d}.jpg".encode()
        facts = struct.pack(
            "<HHHHHIIIHH",
            20,
            0,
            8,
            0,
            0x21,
            zlib.crc32(plain),
            len(stored),
            len(plain),
            len(name),
            0,
        )
        header = b"PK\x03\x04" + facts + name
        members.append((name, facts, len(header) + 5))
        plain = header + plain
        body = header + stored
        stored = b"\0" + struct.pack("<HH", len(header), len(header) ^ 0xFFFF) + body
    directory = b""
    at = 0
    for name, facts, length in reversed(members):
        directory += (
            b"PK\x01\x02"
            + struct.pack("<H", 20)
            + facts
            + struct.pack("<HHHII", 0, 0, 0, 0, at)
            + name
        )
        at += length
    return (
        body
        + directory
        + struct.pack(
            "<4sHHHHIIH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0
        )
    )


def list_many_entries(count: int) -> bytes:
    entry = (
        b"PK\x01\x02"
        + struct.pack(
            "<HHHHHHIIIHHHHHII", 20, 20, 0, 0, 0, 0x21, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0
        )
        + b"a"
    )
    end = struct.pack(
        "<4sHHHHIIH", b"PK\5\6", 0, 0, 65535, 65535, len(entry) * count, 0, 0
    )
    return entry * count + end


def make_tar_header(name: str, size: int, kind: bytes = b"0") -> bytes:
    field = (
        f"{size:011o}".encode() + b"\0"
        if size >= 0
        else b"\xff" * 4 + struct.pack(">q", size)
    )
    head = bytearray(512)
    head[:100] = name.encode().ljust(100, b"\0")
    head[100:108] = b"0000644\0"
    head[108:116] = b"0000000\0"
    head[116:124] = b"0000000\0"
    head[124:136] = field
    head[136:148] = b"00000000000\0"
    head[156:157] = kind
    head[257:265] = b"ustar\x0000"
    head[148:156] = b" " * 8
    head[148:156] = f"{sum(head):06o}\0 ".encode()
    return bytes(head)


def make_sparse_header() -> bytes:
    head = bytearray(make_tar_header("a.jpg", 0, b"S"))
    head[257:265] = b"ustar  \0"
    head[482] = 1
    head[148:156] = b" " * 8
    head[148:156] = f"{sum(head):06o}\0 ".encode()
    return bytes(head)


def make_sparse_block() -> bytes:
    return b"00000000001\0" * 42 + b"\1" + bytes(7)


def make_sparse_lines(lines: int) -> bytes:
    facts = {b"major": b"1", b"minor": b"0", b"name": b"a.jpg", b"realsize": b"9"}
    records = b"".join(
        write_record(b"GNU.sparse." + key, value) for key, value in facts.items()
    )
    body = f"{lines}\n".encode() + b"1\n" * (2 * lines)
    body += bytes(-len(body) % 512)
    return (
        make_tar_header("x", len(records), b"x")
        + records.ljust(512, b"\0")
        + make_tar_header("a.jpg", len(body))
        + body
    )


def write_record(key: bytes, value: bytes) -> bytes:
    record = b" " + key + b"=" + value + b"\n"
    return str(len(record) + 2).encode() + record


def compress_gzip(head: bytes, zeros: int = 1024) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    pieces = [packer.compress(head)] + [
        packer.compress(bytes(min(1 << 20, zeros - n)))
        for n in range(0, zeros, 1 << 20)
    ]
    return b"".join(pieces) + packer.flush()
