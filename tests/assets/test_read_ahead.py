"""Files fetched ahead are the files, whatever the order in which they are asked for."""

from __future__ import annotations

import os

import pytest

from assets import read_ahead
from assets.read_ahead import ReadAhead
from assets.storage import Folder


class Far(Folder):
    """A local folder that is treated like a bucket, and counts what is opened."""

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self.opened: list[str] = []

    def open(self, file):
        self.opened.append(file.path)
        return open(file.uri, "rb")


def read_all(ahead: ReadAhead, file) -> bytes:
    with ahead.open(file) as stream:
        return stream.read()


@pytest.fixture
def far(write_files):
    folder = Far(str(write_files({f"{n:02d}.txt": f"text {n}" for n in range(20)})))
    files = folder.files()
    folder.is_local = False
    return folder, files


@pytest.mark.parametrize("step", [1, -1])
def test_every_file_is_read_once_in_any_order(far, step, monkeypatch):
    monkeypatch.setattr(read_ahead, "MAX_FILES", 4)
    folder, files = far
    with ReadAhead(folder, files) as ahead:
        read = [read_all(ahead, file) for file in files[::step]]
    assert read == [f"text {n}".encode() for n in range(20)][::step]
    if step == 1:
        assert sorted(folder.opened) == [file.path for file in files]


def test_no_more_is_held_than_allowed(far, monkeypatch):
    # two files, and the one with which it is over
    monkeypatch.setattr(read_ahead, "MAX_BYTES", 14)
    folder, files = far
    with ReadAhead(folder, files) as ahead:
        ahead.open(files[0])
    assert len(folder.opened) <= 3


def test_a_file_that_vanished_is_told_when_it_is_asked_for(far):
    folder, files = far
    os.unlink(files[3].uri)
    with ReadAhead(folder, files) as ahead:
        assert read_all(ahead, files[2]) == b"text 2"
        with pytest.raises(FileNotFoundError):
            ahead.open(files[3])


def test_a_local_folder_is_simply_opened(write_files):
    folder = Folder(str(write_files({"a.txt": "a"})))
    with ReadAhead(folder, folder.files()) as ahead:
        assert read_all(ahead, folder.files()[0]) == b"a"
