"""How a server and its child processes talk: JSON with pieces of bytes behind it, over a pair of sockets.

Both ends are ours and on one machine. Pictures pass as they were accepted, so a message costs no encoding of pixels.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Sequence
from typing import Any

Message = dict[str, Any]
Received = tuple[Message, list[bytes]]
_HEAD = struct.Struct(">I")  # bytes of the JSON
_SIZES = "sizes"
PLACES = "places"  # of pieces that lie in shared memory instead


def pack(message: Message, pieces: Sequence[bytes] = ()) -> list[bytes]:
    """What is to be written, in this order."""
    body = json.dumps({**message, _SIZES: [len(p) for p in pieces]}).encode()
    return [_HEAD.pack(len(body)), body, *pieces]


def send(sock: socket.socket, message: Message, pieces: Sequence[bytes] = ()) -> None:
    """Write all of it, from a process that may wait. Raises OSError where the other end is gone."""
    sock.sendall(b"".join(pack(message, pieces)))


def receive(sock: socket.socket) -> Received | None:
    """The next message; None where the other end has gone."""
    head = _read(sock, _HEAD.size)
    if head is None:
        return None
    body = _read(sock, _HEAD.unpack(head)[0])
    if body is None:
        return None
    message = json.loads(body)
    pieces = [_read(sock, size) for size in message.pop(_SIZES)]
    whole = [piece for piece in pieces if piece is not None]
    return (message, whole) if len(whole) == len(pieces) else None


async def receive_soon(reader: asyncio.StreamReader) -> Received:
    """The next message, in an event loop. Raises IncompleteReadError where the other end has gone."""
    head = await reader.readexactly(_HEAD.size)
    message = json.loads(await reader.readexactly(_HEAD.unpack(head)[0]))
    return message, [await reader.readexactly(n) for n in message.pop(_SIZES)]


def _read(sock: socket.socket, size: int) -> bytes | None:
    data = bytearray(size)
    rest = memoryview(data)
    while rest:
        try:
            count = sock.recv_into(rest)
        except ConnectionResetError:
            return None
        if not count:
            return None
        rest = rest[count:]
    return bytes(data)
