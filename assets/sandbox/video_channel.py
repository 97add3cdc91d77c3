"""The messages between the process that decodes a video and the one that owns it, and the decoder's end of them.

A message is a fixed head, JSON, and a payload. The decoder has no file: it asks for bytes of a video by the video's
number, offset and size (READ, answered with eight bytes of length and the bytes). It sends FACTS of the streams,
FRAMEs, DAMAGE, and END. One that stays for many videos is sent an ASK each time.
"""

from __future__ import annotations

import io
import json
import os
import struct
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO

HEAD = struct.Struct(">cIQ")  # kind of message, bytes of JSON, bytes of payload
Payload = bytes | memoryview  # of bytes, in one dimension
MAX_WAITING_BYTES = 64 << 20  # of pixels that wait to be encoded
ASK = b"A"
READ = b"R"
FACTS = b"S"
FRAME = b"F"
DAMAGE = b"D"
END = b"E"


def pack_head(kind: bytes, value: Any, payload_bytes: int = 0) -> bytes:
    """The beginning of a message: fixed head and JSON. `payload_bytes` bytes are to follow."""
    body = json.dumps(value).encode()
    return HEAD.pack(kind, len(body), payload_bytes) + body


class Channel:
    """The two pipes, seen from the decoder. A few threads make payloads, which leave in the order of their heads."""

    def __init__(
        self, requests: BinaryIO, answers: BinaryIO, num_threads: int = 1
    ) -> None:
        self._requests = requests
        self._answers = answers
        self._num_threads = num_threads
        self._pool = ThreadPoolExecutor(num_threads)
        self._waiting: deque[tuple[bytes, Any, Future[Payload] | None]] = deque()

    def receive_ask(self) -> tuple[Any, bytes]:
        """What is asked for next, and its payload. Raises EOFError when nobody asks any more."""
        head = self._requests.read(HEAD.size)
        if len(head) < HEAD.size:
            raise EOFError("the decoder's owner is gone")
        _, json_bytes, payload_bytes = HEAD.unpack(head)
        value = json.loads(self._requests.read(json_bytes))
        return value, self._requests.read(payload_bytes)

    def send(self, kind: bytes, value: Any) -> None:
        """A message without payload, after those that wait."""
        self._waiting.append((kind, value, None))
        self._drain(0 if kind == END else self._num_threads)

    def send_made(
        self,
        kind: bytes,
        value: Any,
        make: Callable[[Any], Payload],
        raw: Any,
        raw_bytes: int,
    ) -> None:
        """A message whose payload is `make(raw)`. Few large things wait, or none, so that memory stays bounded."""
        self._waiting.append((kind, value, self._pool.submit(make, raw)))
        self._drain(min(self._num_threads, MAX_WAITING_BYTES // max(1, raw_bytes)))

    def read_at(self, video: int, offset: int, size: int) -> bytes:
        """Bytes of a video. Raises EOFError when nobody answers any more."""
        self._write(READ, [video, offset, size], b"")
        head = self._requests.read(8)
        data = (
            self._requests.read(int.from_bytes(head, "big")) if len(head) == 8 else None
        )
        if data is None:
            raise EOFError("the video's owner is gone")
        return data

    def _drain(self, most: int) -> None:
        """Write from the front: what is ready, and what it takes to let no more than `most` wait."""
        while self._waiting and (
            len(self._waiting) > most or _is_ready(self._waiting[0][2])
        ):
            kind, value, payload = self._waiting.popleft()
            self._write(kind, value, payload.result() if payload else b"")

    def _write(self, kind: bytes, value: Any, payload: Payload) -> None:
        self._answers.write(pack_head(kind, value, len(payload)))
        self._answers.write(payload)
        self._answers.flush()


def _is_ready(payload: Future[Payload] | None) -> bool:
    return payload is None or payload.done()


class RemoteFile(io.RawIOBase):
    """A video as a seekable stream, by the number under which its owner knows it."""

    def __init__(self, channel: Channel, size: int, video: int = 0) -> None:
        self._channel = channel
        self._video = video
        self._size = size
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        wanted = self._size - self._at if size < 0 else min(size, self._size - self._at)
        data = (
            self._channel.read_at(self._video, self._at, wanted) if wanted > 0 else b""
        )
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(
            0,
            offset
            + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence],
        )
        return self._at

    def tell(self) -> int:
        return self._at

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True
