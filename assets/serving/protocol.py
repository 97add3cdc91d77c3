"""How a server and its child processes talk: JSON with pieces of bytes behind it, over a pair of sockets.

On one machine. Pictures pass as they were accepted, so a message costs no encoding of pixels. A child that opens
foreign bytes may say anything: what is received in an event loop is bounded, and is a message or none.
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
_MOST_ANSWER_BYTES = 256 << 20  # JSON; masks of the largest pictures take some of it
PLACES = "places"  # of pieces that lie in shared memory instead


class NoMessage(ValueError):
    """The other end said what is none."""


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


async def receive_soon(reader: asyncio.StreamReader) -> Message:
    """The next answer, which has no pieces, in an event loop. Raises NoMessage, and IncompleteReadError where the other
    end has gone."""
    (size,) = _HEAD.unpack(await reader.readexactly(_HEAD.size))
    if size > _MOST_ANSWER_BYTES:
        raise NoMessage(f"{size} bytes at once, of at most {_MOST_ANSWER_BYTES}")
    body = await reader.readexactly(size)
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoMessage(f"no JSON: {error}"[:200]) from error
    if not isinstance(message, dict) or message.pop(_SIZES, None) != []:
        raise NoMessage("no object, or pieces behind it")
    return message


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
