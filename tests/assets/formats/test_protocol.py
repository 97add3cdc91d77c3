"""Bytes of a file are read in one call to the system, or in as many as it takes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from assets.formats.protocol import UnreadableBytes, read_bytes
from assets.storage import Folder, SessionFile

_CONTENT = bytes(range(256)) * 100


class _InPieces(io.RawIOBase):
    """What a file system over a network may give: less than was asked for."""

    def __init__(self, content: bytes) -> None:
        self._rest = content

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        piece = self._rest[: min(len(target), 1000)]
        target[: len(piece)] = piece
        self._rest = self._rest[len(piece) :]
        return len(piece)


def test_a_file_that_comes_in_pieces_is_read_whole() -> None:
    file = _list(len(_CONTENT))
    assert (
        read_bytes(file, lambda _: io.BufferedReader(_InPieces(_CONTENT))) == _CONTENT
    )


@pytest.mark.parametrize("listed", [len(_CONTENT) - 1, len(_CONTENT) + 1])
@pytest.mark.parametrize("is_raw", [True, False])
def test_more_or_less_than_was_listed_is_refused(listed: int, is_raw: bool) -> None:
    stream = io.BufferedReader(_InPieces(_CONTENT)) if is_raw else io.BytesIO(_CONTENT)
    with pytest.raises(UnreadableBytes, match=f"listed with {listed} bytes, read with"):
        read_bytes(_list(listed), lambda _: stream)  # type: ignore[arg-type, return-value]


def test_a_file_is_read_by_one_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jpg").write_bytes(_CONTENT)
    folder = Folder(str(tmp_path))
    asked: list[int] = []

    def open_watched(file: SessionFile) -> io.BufferedReader:
        return io.BufferedReader(_Watched(folder.open(file), asked))

    assert read_bytes(folder.files()[0], open_watched) == _CONTENT
    assert asked == [len(_CONTENT) + 1]


class _Watched(io.RawIOBase):
    """Notes how much each read asks for."""

    def __init__(self, inner: object, asked: list[int]) -> None:
        self._inner = inner
        self._asked = asked

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        self._asked.append(len(target))
        found = self._inner.read(len(target))  # type: ignore[attr-defined]
        target[: len(found)] = found
        return len(found)

    def close(self) -> None:
        self._inner.close()  # type: ignore[attr-defined]
        super().close()


def _list(size_bytes: int) -> SessionFile:
    return SessionFile("a.jpg", "/a.jpg", size_bytes, "1")
