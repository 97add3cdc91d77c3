"""Build hostile MCAP recordings byte by byte (mcap.dev/spec)."""

from __future__ import annotations

import struct

_MCAP_MAGIC = b"\x89MCAP0\r\n"


def pack_record(opcode: int, body: bytes) -> bytes:
    return struct.pack("<BQ", opcode, len(body)) + body


def pack_text(value: bytes) -> bytes:
    return struct.pack("<I", len(value)) + value


def make_mcap(chunks: int, records: bytes, stated: int | None = None) -> bytes:
    """The same records in several zstd chunks, with a footer that gives no summary."""
    import zstandard

    data = zstandard.ZstdCompressor().compress(records)
    head = struct.pack(
        "<QQQI", 0, 0, len(records) if stated is None else stated, 0
    ) + pack_text(b"zstd")
    chunk = pack_record(6, head + struct.pack("<Q", len(data)) + data)
    footer = pack_record(15, bytes(4)) + pack_record(2, bytes(20))
    return (
        _MCAP_MAGIC
        + pack_record(1, pack_text(b"") * 2)
        + chunk * chunks
        + footer
        + _MCAP_MAGIC
    )


def make_schema(number: int = 1) -> bytes:
    texts = (b"foxglove.CompressedImage", b"jsonschema", b"{}")
    return pack_record(3, struct.pack("<H", number) + b"".join(map(pack_text, texts)))


def make_ros_schema(name: str, text: bytes) -> bytes:
    channel = (
        struct.pack("<HH", 1, 1)
        + pack_text(b"/imu")
        + pack_text(b"cdr")
        + pack_text(b"")
    )
    schema = (
        struct.pack("<H", 1)
        + pack_text(name.encode())
        + pack_text(b"ros2msg")
        + pack_text(text)
    )
    return pack_record(3, schema) + pack_record(4, channel)


def make_ros_list(name: str, count: int) -> bytes:
    """One message: a list of `count` structures of one byte, each of which becomes an object."""
    text = b"sensor_msgs/Z[] z\n" + b"=" * 80 + b"\nMSG: sensor_msgs/Z\nuint8 a\n"
    message = (
        struct.pack("<HIQQ", 1, 0, 0, 0)
        + b"\0\1\0\0"
        + struct.pack("<I", count)
        + bytes(count)
    )
    return make_ros_schema(name, text) + pack_record(5, message)


def make_transforms(count: int) -> bytes:
    """One protobuf message of `count` empty transforms, of two bytes each."""
    schema = (
        struct.pack("<H", 1)
        + pack_text(b"foxglove.FrameTransforms")
        + pack_text(b"protobuf")
        + pack_text(b"")
    )
    channel = (
        struct.pack("<HH", 1, 1)
        + pack_text(b"/tf")
        + pack_text(b"protobuf")
        + pack_text(b"")
    )
    message = struct.pack("<HIQQ", 1, 0, 0, 0) + b"\x0a\0" * count
    return pack_record(3, schema) + pack_record(4, channel) + pack_record(5, message)


def make_channel() -> bytes:
    texts = (b"/cam/image", b"json", b"")
    return make_schema() + pack_record(
        4, struct.pack("<HH", 1, 1) + b"".join(map(pack_text, texts))
    )


def make_message() -> bytes:
    return pack_record(5, struct.pack("<HIQQ", 1, 0, 0, 0))


def make_schemas(count: int) -> bytes:
    return b"".join(make_schema(n + 1) for n in range(count - 1))
