"""Bytes of any length under one key, in pieces: read from any place, with one piece in memory.

A piece is 64 KiB in AES-256-GCM. Its nonce says its number and whether it is the last, as STREAM does (Hoang and
others 2015): pieces in another order, missing ones and a missing end do not open. A key is for one such thing.
"""

from __future__ import annotations

import hashlib
import io
import os
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PIECE_BYTES = 64 << 10
_TAG_BYTES = 16
_SEALED_BYTES = PIECE_BYTES + _TAG_BYTES
_NUMBER_BYTES = 11  # of the nonce; its last byte says whether a piece is the last


class _Pieces(io.RawIOBase):
    """A stream of `size_bytes` that is made piece by piece, of `piece_bytes` each but for the last."""

    def __init__(self, size_bytes: int, piece_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._piece_bytes = piece_bytes
        self._at = 0
        self._number = -1
        self._piece = b""

    @abstractmethod
    def make(self, number: int) -> bytes:
        """The piece of that number."""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = (0, self._at, self._size_bytes)[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._size_bytes:
            return 0
        number, start = divmod(self._at, self._piece_bytes)
        if number != self._number:
            self._piece, self._number = self.make(number), number
        part = self._piece[start : start + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)


class SealedPieces(_Pieces):
    """What `stream` holds, sealed while it is read from start to end; `sha256` is then that of what it held."""

    def __init__(self, stream: BinaryIO, secret: bytes, name: str) -> None:
        self._stream = stream
        self._cipher = _make_cipher(secret)
        self._name = name.encode()
        self._digest = hashlib.sha256()
        size_bytes = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        self._last = max(0, -(-size_bytes // PIECE_BYTES) - 1)
        super().__init__(size_bytes + (self._last + 1) * _TAG_BYTES, _SEALED_BYTES)

    @property
    def sha256(self) -> str:
        """Of all that was read of the stream."""
        return self._digest.hexdigest()

    def make(self, number: int) -> bytes:
        piece = _read_whole(self._stream, PIECE_BYTES)
        self._digest.update(piece)
        nonce = _name_nonce(number, number == self._last)
        return self._cipher.encrypt(nonce, piece, self._name)


class OpenedPieces(_Pieces):
    """What `SealedPieces` has sealed under the same key and name.

    Raises ValueError where it is cut, longer, or not as it was sealed: of its end at once, of other pieces when they
    are read.
    """

    def __init__(self, stream: BinaryIO, secret: bytes, name: str) -> None:
        self._stream = stream
        self._cipher = _make_cipher(secret)
        self._name = name
        sealed_bytes = stream.seek(0, os.SEEK_END)
        num_pieces = max(1, -(-sealed_bytes // _SEALED_BYTES))
        self._last = num_pieces - 1
        super().__init__(sealed_bytes - num_pieces * _TAG_BYTES, PIECE_BYTES)
        self.make(self._last)

    def make(self, number: int) -> bytes:
        from cryptography.exceptions import InvalidTag

        self._stream.seek(number * _SEALED_BYTES)
        sealed = self._stream.read(_SEALED_BYTES)
        nonce = _name_nonce(number, number == self._last)
        try:
            return self._cipher.decrypt(nonce, sealed, self._name.encode())
        except InvalidTag:
            raise ValueError(
                f"recording {self._name[:12]}… is not as it was sealed: restore its blob from a backup"
            ) from None

    def close(self) -> None:
        self._stream.close()
        super().close()


def open_pieces(stream: BinaryIO, secret: bytes, name: str) -> BinaryIO:
    """What was sealed, as a stream; closes the sealed one with itself. Raises ValueError as `OpenedPieces` does."""
    return cast(
        BinaryIO, io.BufferedReader(OpenedPieces(stream, secret, name), PIECE_BYTES)
    )


def _read_whole(stream: BinaryIO, num_bytes: int) -> bytes:
    """So many bytes, fewer only at the end: a stream may give less at once."""
    parts = []
    while num_bytes and (part := stream.read(num_bytes)):
        parts.append(part)
        num_bytes -= len(part)
    return b"".join(parts)


def _make_cipher(secret: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(secret)


def _name_nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(_NUMBER_BYTES, "big") + bytes([is_last])
