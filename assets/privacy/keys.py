"""The key that originals are sealed under: given by the environment, or in a file of the home for this user alone.

It is no part of a backup of the tables. Who loses it loses the originals; covered pictures do not need it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

KEY_BYTES = 32
SETTING = "DAGUERRE_SEAL_KEY"
FILE_NAME = "seal_key"


class SealKeyMissing(ValueError):
    """Something is sealed under a key that is not at hand."""


@dataclass(frozen=True)
class SealKey:
    """One key, and the name by which sealed rows tell it from others."""

    secret: bytes = field(repr=False)

    @property
    def key_id(self) -> str:
        """16 hex digits that say nothing of the key."""
        return hashlib.sha256(b"daguerre seal key\0" + self.secret).hexdigest()[:16]


@dataclass(frozen=True)
class SealKeys:
    """Where the key is looked for: `given` (base64, of the environment) counts before the file in `home`."""

    home: Path
    given: str = field(default="", repr=False)

    @property
    def path(self) -> Path:
        """The file in the home."""
        return self.home / FILE_NAME

    @property
    def is_at_hand(self) -> bool:
        """Whether there is a key, whatever it opens."""
        return bool(self.given) or self.path.exists()

    def open_or_make(self) -> SealKey:
        """The key; made, where there is none. Raises ValueError for one that cannot be used."""
        if self.given:
            return _parse(self.given, SETTING)
        if not self.path.exists():
            self._make()
        return self._read()

    def find(self, key_id: str) -> SealKey:
        """The key of that name. Raises SealKeyMissing where another, or none, is at hand."""
        if not self.is_at_hand:
            raise SealKeyMissing(
                f"sealed under key {key_id}, and there is no key: put {self.path} back, or give {SETTING}"
            )
        key = self.open_or_make()
        if key.key_id != key_id:
            where = SETTING if self.given else str(self.path)
            raise SealKeyMissing(
                f"sealed under key {key_id}, and {where} holds key {key.key_id}: give the one that it was sealed under"
            )
        return key

    def _read(self) -> SealKey:
        if self.path.stat().st_mode & 0o077:
            raise ValueError(
                f"{self.path} can be read by others than you: `chmod 600 {self.path}`"
            )
        return _parse(self.path.read_text(), str(self.path))

    def _make(self) -> None:
        """Two that make one at once end with the same."""
        text = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n"
        # a name that no backup takes: who is killed here leaves it
        name = f".{FILE_NAME}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
        made = self.path.with_name(name)
        with open(
            os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w"
        ) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(made, self.path)
        except FileExistsError:
            pass
        finally:
            made.unlink()
        folder = os.open(self.home, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _parse(text: str, where: str) -> SealKey:
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise ValueError(
            f"{where} holds no key: {KEY_BYTES} bytes as base64 are needed, as `openssl rand -base64 32` prints"
        )
    return SealKey(secret)
