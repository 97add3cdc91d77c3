"""Bytes that are sealed in pieces come back from any place, and not when a piece is missing, moved or changed."""

from __future__ import annotations

import hashlib
from io import BytesIO

import pytest

from assets.privacy.pieces import PIECE_BYTES, SealedPieces, open_pieces

SECRET = b"s" * 32
SEALED_BYTES = PIECE_BYTES + 16


def fill(num_bytes: int) -> bytes:
    """Bytes of which no two pieces are equal."""
    return hashlib.shake_256(b"daguerre").digest(num_bytes)


def seal(content: bytes, name: str = "film") -> bytes:
    return SealedPieces(BytesIO(content), SECRET, name).readall()


def unseal(sealed: bytes, name: str = "film") -> bytes:
    with open_pieces(BytesIO(sealed), SECRET, name) as stream:
        return stream.read()


@pytest.mark.parametrize(
    "num_bytes", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES]
)
def test_what_is_sealed_comes_back_and_is_a_tag_a_piece_longer(num_bytes):
    content = fill(num_bytes)
    sealed = seal(content)
    assert len(sealed) == num_bytes + 16 * max(1, -(-num_bytes // PIECE_BYTES))
    assert unseal(sealed) == content
    assert num_bytes < 64 or content[:64] not in sealed


def test_it_is_read_from_any_place():
    content = fill(2 * PIECE_BYTES + 100)
    with open_pieces(BytesIO(seal(content)), SECRET, "film") as stream:
        assert stream.seek(0, 2) == len(content)
        for at in (2 * PIECE_BYTES - 10, 5, PIECE_BYTES, len(content) - 3):
            stream.seek(at)
            assert stream.read(20) == content[at : at + 20]


def test_what_was_read_is_hashed_on_the_way():
    pieces = SealedPieces(BytesIO(fill(100_000)), SECRET, "film")
    pieces.readall()
    assert pieces.sha256 == hashlib.sha256(fill(100_000)).hexdigest()


SEALED = seal(fill(2 * PIECE_BYTES + 100))
FIRST, SECOND = SEALED[:SEALED_BYTES], SEALED[SEALED_BYTES : 2 * SEALED_BYTES]
LAST = SEALED[2 * SEALED_BYTES :]


@pytest.mark.parametrize(
    "damaged",
    [
        FIRST + SECOND,  # the end is missing, at the end of a piece
        SEALED[:-1],
        SEALED[:10],
        b"",
        SECOND + FIRST + LAST,
        FIRST + LAST,
        SEALED + LAST,
        FIRST[:50] + b"\0" + FIRST[51:] + SECOND + LAST,
    ],
)
def test_what_is_cut_moved_or_changed_does_not_open(damaged):
    with pytest.raises(ValueError, match="recording film… is not as it was sealed"):
        unseal(damaged)


def test_one_recording_does_not_pass_for_another():
    with pytest.raises(ValueError, match="is not as it was sealed"):
        unseal(seal(b"of a film", "film"), "another")
