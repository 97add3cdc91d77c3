"""Seal what frames held as they came, and open it again: AES-256 in GCM, under data keys that the home's key wraps.

The frame's id is authenticated with its bytes, so that no sealed row passes for another's. What is opened is held
against the sha256 that was noted when it was sealed.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assets.privacy.keys import KEY_BYTES, SealKey, SealKeyMissing, SealKeys
from assets.tables.catalog import Catalog

_NONCE_BYTES = 12
_REMEDY = "install daguerre[privacy]"


@dataclass(frozen=True)
class DataKey:
    """The key of one intake of a capture, or of one recording, and itself as the home's key wraps it (RFC 3394)."""

    key_id: str
    secret: bytes
    wrapped: bytes

    @classmethod
    def make(cls, key: SealKey) -> DataKey:
        """A new one."""
        from cryptography.hazmat.primitives.keywrap import aes_key_wrap

        secret = secrets.token_bytes(KEY_BYTES)
        return cls(key.key_id, secret, aes_key_wrap(key.secret, secret))

    @property
    def columns(self) -> dict[str, Any]:
        """Of a sealed row: by what `unwrap` finds the key again."""
        return {"key_id": self.key_id, "wrapped_key": self.wrapped}


class Sealer:
    """Seals the frames of one capture. Raises ValueError where what it takes is not installed."""

    def __init__(self, keys: SealKeys) -> None:
        require_cryptography()
        self._key = DataKey.make(keys.open_or_make())

    def seal(self, frame_id: str, payload: bytes) -> dict[str, Any]:
        """The columns of `sealed_frames` that hold the bytes."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self._key.secret).encrypt(nonce, payload, frame_id.encode())
        return {**self._key.columns, "payload": nonce + sealed}


def require_no_loss(catalog: Catalog, keys: SealKeys) -> None:
    """Raises SealKeyMissing where something is sealed and there is no key: a new one would lie in the place of the old.

    Who has lost that for good gives a new one by hand.
    """
    for table in () if keys.is_at_hand else ("sealed_frames", "sealed_recordings"):
        for key_id in catalog.read_latest(table, ["key_id"])["key_id"].unique():
            try:
                keys.find(key_id.as_py())
            except SealKeyMissing as error:
                raise SealKeyMissing(
                    f"{error}; where it is lost for good, and what it sealed with it, give another"
                ) from None


def unwrap(keys: SealKeys, row: Mapping[str, Any]) -> bytes | None:
    """The data key of a sealed row; None where it was changed. Raises SealKeyMissing without the key that wraps it."""
    require_cryptography()
    from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

    key = keys.find(row["key_id"])
    try:
        return aes_key_unwrap(key.secret, row["wrapped_key"])
    except (InvalidUnwrap, ValueError):
        return None


def unseal(keys: SealKeys, row: Mapping[str, Any]) -> bytes:
    """The bytes of a row of `sealed_frames`. Raises SealKeyMissing without its key, ValueError for a changed row."""
    secret = unwrap(keys, row)
    opened = _decrypt(secret, row) if secret else None
    if opened is None or hashlib.sha256(opened).hexdigest() != row["original_sha256"]:
        raise ValueError(
            f"the original of frame {row['frame_id']} is not as it was sealed: restore `sealed_frames` from a backup"
        )
    return opened


def _decrypt(secret: bytes, row: Mapping[str, Any]) -> bytes | None:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    sealed = row["payload"]
    nonce, name = sealed[:_NONCE_BYTES], row["frame_id"].encode()
    try:
        return AESGCM(secret).decrypt(nonce, sealed[_NONCE_BYTES:], name)
    except (InvalidTag, ValueError):
        return None


def require_cryptography() -> None:
    """Raises ValueError, with the remedy, where the package is not installed."""
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise ValueError(
            f"to seal frames takes the package 'cryptography': {_REMEDY}"
        ) from error
