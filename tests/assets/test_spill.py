"""What is too large for memory lies where the user says, once, and only where there is room for it."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest

from assets import spill
from assets.formats.archives.archive import ArchiveReader
from assets.spill import NoRoom, open_growing_spill
from assets.storage import BlobStore, Folder
from orchestration.profiles import choose_spill

LARGE = bytes(range(200)) * 10
USAGE = namedtuple("USAGE", "total used free")


@pytest.fixture
def folder(tmp_path, monkeypatch, lower) -> Path:
    """Where large things go, and a thousand bytes are large."""
    place = tmp_path / "spill"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    lower(spill, MEMORY_BYTES=1000)
    return place


@pytest.fixture
def full(folder, monkeypatch) -> Path:
    """The same with 1,500 bytes left."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: USAGE(9000, 7500, 1500))
    return folder


def list_sizes(place: Path) -> list[int]:
    return [path.stat().st_size for path in place.iterdir()]


def test_a_large_blob_for_a_local_folder_is_written_there_only(folder, tmp_path):
    folder.rmdir()
    store = BlobStore(str(tmp_path / "blobs"))
    sha256 = store.put(io.BytesIO(LARGE))
    assert store.get(sha256) == LARGE and store.put(io.BytesIO(LARGE)) == sha256
    files = [p for p in (tmp_path / "blobs").rglob("*") if p.is_file()]
    assert [p.name for p in files] == [sha256]


@pytest.mark.parametrize(("size", "aside"), [(2000, [2000]), (1000, [])])
def test_a_large_blob_for_a_bucket_lies_aside_once(folder, monkeypatch, size, aside):
    """The bucket is fsspec's in memory."""
    store = BlobStore(f"memory://blobs-{size}")
    seen: list[list[int]] = []
    for name in ("put_file", "pipe_file"):
        upload = getattr(store.folder.fs, name)

        def look(*arguments: object, upload=upload) -> None:
            seen.append(list_sizes(folder))
            upload(*arguments)

        monkeypatch.setattr(store.folder.fs, name, look)
    sha256 = store.put(io.BytesIO(LARGE[:size]))
    assert seen == [aside]
    assert store.get(sha256) == LARGE[:size] and list_sizes(folder) == []


def test_without_room_a_blob_is_not_begun_and_the_error_says_what_helps(full):
    store = BlobStore("memory://none")
    with pytest.raises(NoRoom) as told:
        store.put(io.BytesIO(LARGE))
    assert str(told.value) == (
        f"2000 bytes are to lie in {full} for a while, and 1500 are free there: "
        "make room, or name another folder in DAGUERRE_SPILL"
    )
    assert list_sizes(full) == [] and list(store.names()) == []


def pack(kind: str) -> bytes:
    stream = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("a.jpg", LARGE)
        return stream.getvalue()
    with tarfile.open(fileobj=stream, mode=f"w:{kind}") as archive:
        member = tarfile.TarInfo("a.jpg")
        member.size = len(LARGE)
        archive.addfile(member, io.BytesIO(LARGE))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("kind", "ending"), [("zip", "zip"), ("", "tar"), ("gz", "tgz")]
)
def test_without_room_an_archive_waits_and_is_not_called_damaged(
    full, tmp_path, kind, ending
):
    from assets.formats import READERS, read_capture

    session = tmp_path / "monday"
    session.mkdir()
    (session / f"a.{ending}").write_bytes(pack(kind))
    opened = Folder(str(session))
    (plan,) = ArchiveReader(READERS).plan(opened.files(), opened.open)
    with pytest.raises(NoRoom):
        list(read_capture(plan, opened.open))
    assert list_sizes(full) == []


def test_what_grows_looks_for_room_each_time_it_has_grown(folder, monkeypatch):
    asked: list[int] = []
    monkeypatch.setattr(spill, "require_room", asked.append)
    with open_growing_spill() as stream:
        for _ in range(25):
            stream.write(bytes(100))
        stream.seek(0)
        assert len(stream.read()) == 2500
    assert asked == [2000, 2000]


def test_the_folder_is_the_one_that_the_setting_names(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", "/tmp")
    choose_spill({})
    assert tempfile.gettempdir() == "/tmp"
    choose_spill({"DAGUERRE_SPILL": str(tmp_path)})
    assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(tmp_path)
    with pytest.raises(ValueError, match="is no folder that this user may write to"):
        choose_spill({"DAGUERRE_SPILL": str(tmp_path / "absent")})
