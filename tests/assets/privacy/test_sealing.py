"""What is sealed opens with its key alone, and not when a byte of it is another."""

from __future__ import annotations

import base64
import hashlib
import os
import stat

import pytest

from assets.backup.home_files import list_files
from assets.privacy.keys import SealKeyMissing, SealKeys
from assets.privacy.sealing import Sealer, unseal

FRAME = "a" * 32
PAYLOAD = b"a picture of somebody" * 50


def seal(keys: SealKeys, frame_id: str = FRAME) -> dict[str, object]:
    return {
        "frame_id": frame_id,
        "original_sha256": hashlib.sha256(PAYLOAD).hexdigest(),
        **Sealer(keys).seal(frame_id, PAYLOAD),
    }


def test_what_is_sealed_opens_and_shows_nothing(tmp_path):
    row = seal(SealKeys(tmp_path))
    assert unseal(SealKeys(tmp_path), row) == PAYLOAD
    assert b"picture" not in row["payload"]


def test_the_key_is_made_once_for_this_user_alone(tmp_path):
    first, second = seal(SealKeys(tmp_path)), seal(SealKeys(tmp_path))
    assert first["key_id"] == second["key_id"]
    assert first["wrapped_key"] != second["wrapped_key"]  # a data key each
    path = tmp_path / "seal_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["seal_key"]


def test_no_backup_takes_a_key_that_is_being_made(tmp_path, monkeypatch):
    """Who is killed while it is made leaves what lies there in that moment."""
    link, seen = os.link, []

    def look(made, place):
        seen.append(list(list_files(tmp_path)))
        link(made, place)
        seen.append(list(list_files(tmp_path)))

    monkeypatch.setattr(os, "link", look)
    SealKeys(tmp_path).open_or_make()
    assert seen == [[], []]


def test_a_lost_key_is_named_with_the_remedy(tmp_path):
    row = seal(SealKeys(tmp_path))
    (tmp_path / "seal_key").unlink()
    with pytest.raises(SealKeyMissing, match=f"under key {row['key_id']}.*put .* back"):
        unseal(SealKeys(tmp_path), row)
    assert not (tmp_path / "seal_key").exists()  # a new one would hide the loss


def test_another_key_is_told_apart(tmp_path):
    row = seal(SealKeys(tmp_path))
    other = SealKeys(tmp_path, base64.b64encode(b"k" * 32).decode())
    with pytest.raises(SealKeyMissing, match="DAGUERRE_SEAL_KEY holds key"):
        unseal(other, row)
    assert b"k" * 32 not in repr(other).encode()


def test_a_key_of_the_environment_needs_no_file(tmp_path):
    keys = SealKeys(tmp_path, base64.b64encode(b"k" * 32).decode())
    assert unseal(keys, seal(keys)) == PAYLOAD
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("given", ["short", base64.b64encode(b"k" * 31).decode()])
def test_what_is_no_key_is_refused(tmp_path, given):
    with pytest.raises(ValueError, match="32 bytes as base64"):
        Sealer(SealKeys(tmp_path, given))


def test_a_key_that_others_can_read_is_refused(tmp_path):
    seal(SealKeys(tmp_path))
    (tmp_path / "seal_key").chmod(0o640)
    with pytest.raises(ValueError, match="chmod 600"):
        seal(SealKeys(tmp_path))


def test_a_changed_byte_and_another_frame_are_found(tmp_path):
    keys = SealKeys(tmp_path)
    row = seal(keys)
    changed = bytearray(row["payload"])
    changed[30] ^= 1
    for wrong in (
        {**row, "payload": bytes(changed)},
        {**row, "frame_id": "b" * 32},
        {**row, "original_sha256": "0" * 64},
    ):
        with pytest.raises(ValueError, match="is not as it was sealed"):
            unseal(keys, wrong)
