"""Local folders and blobs: what is listed, what is not, and bytes that stay what their name says."""

from __future__ import annotations

import inspect
import io
import os
import socket
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.storage import (
    BlobStore,
    Folder,
    NotAsListed,
    hash_stream,
    restore_name,
    session_key,
    store_name,
    unspelt_key,
)

HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"  # sha256 of "hello"


def paths(root) -> list[str]:
    return [f.path for f in Folder(str(root)).files()]


def test_files_are_listed_with_paths_below_the_folder_and_sizes(write_files):
    files = Folder(str(write_files({"b.txt": "four", "a/c.txt": ""}))).files()
    assert [(f.path, f.size_bytes) for f in files] == [("a/c.txt", 0), ("b.txt", 4)]


def test_a_single_file_lists_as_itself(write_files):
    folder = Folder(str(write_files({"a/b.txt": "x"}) / "a/b.txt"))
    assert folder.exists() and [f.path for f in folder.files()] == ["b.txt"]


def test_partial_uploads_are_not_listed_and_other_hidden_files_are(write_files):
    root = write_files(
        {
            ".a.mcap.part": "",
            "b/.c.tmp": "",
            ".d": "",
            "e.part": "",
            "f.tmp": "",
            ".git/x": "",
        }
    )
    assert paths(root) == [".d", ".git/x", "e.part", "f.tmp"]


def test_a_link_out_of_the_folder_is_not_followed(write_files):
    root = write_files({"a.txt": "x"})
    sibling = write_files({"secret.txt": "s"}, "session2")
    # "session2" begins with "session"
    (root / "out").symlink_to(sibling / "secret.txt")
    (root / "folder").symlink_to(sibling)
    (root / "in").symlink_to(root / "a.txt")
    (root / "broken").symlink_to(root / "nowhere")
    assert paths(root) == ["a.txt", "in"]


def test_what_is_no_file_is_listed_with_its_fault(write_files, monkeypatch):
    root = write_files({"a.txt": "x"})
    os.mkfifo(root / "pipe")
    (root / "link").symlink_to(root / "pipe")
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind("socket")
        listed = {f.path: f.fault for f in Folder(str(root)).files()}
    assert listed.pop("a.txt") is None
    assert {*listed} == {"pipe", "socket", "link"}
    assert {fault.reason for fault in listed.values() if fault} == {
        "a pipe, a socket or a device, and no file"
    }


def swap(path: Path, how: str, elsewhere: Path) -> None:
    """What an attacker, or an unlucky tool, may do between a look and the next."""
    if how == "rewritten":
        path.write_text("longer")
        return
    path.unlink()
    if how == "link":
        path.symlink_to(elsewhere)
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "folder":
        path.mkdir()
    elif how == "folder above":
        path.parent.rmdir()
        path.parent.symlink_to(elsewhere.parent)


@pytest.mark.parametrize(
    ("how", "error", "reason"),
    [
        ("rewritten", NotAsListed, "changed after it was listed"),
        ("link", NotAsListed, "a link, or no file, took its place"),
        ("pipe", NotAsListed, "a pipe or a device took its place"),
        ("folder above", NotAsListed, "a link out of the folder took its place"),
        ("folder", IsADirectoryError, "is a directory"),
        ("gone", FileNotFoundError, "No such file or directory"),
    ],
)
def test_what_took_the_place_of_a_listed_file_is_not_read(
    write_files, how, error, reason
):
    """Nor waited for: nobody writes to the pipe. What the link leads to has the size and the time of the file."""
    root = write_files({"b/a.txt": "file"})
    secret = write_files({"a.txt": "key!"}, "elsewhere") / "a.txt"
    file = root / "b" / "a.txt"
    stamp = file.stat().st_mtime_ns
    os.utime(secret, ns=(stamp, stamp))
    folder = Folder(str(root))
    (listed,) = folder.files()
    swap(file, how, secret)
    with pytest.raises(error, match=reason):
        folder.open(listed)


def test_a_link_within_the_folder_is_opened_until_it_leads_out(write_files):
    root = write_files({"a.txt": "file"})
    secret = write_files({"a.txt": "key!"}, "elsewhere") / "a.txt"
    (root / "link").symlink_to(root / "a.txt")
    folder = Folder(str(root))
    _, link = folder.files()
    with folder.open(link) as stream:
        assert stream.read() == b"file"
    (root / "link").unlink()
    (root / "link").symlink_to(secret)
    with pytest.raises(NotAsListed, match="a link out of the folder"):
        folder.open(link)


def test_a_link_to_a_folder_is_not_followed(write_files):
    root = write_files({"a.txt": "x", "b/c.txt": "y"})
    (root / "link").symlink_to(root / "b")
    assert paths(root) == ["a.txt", "b/c.txt"]


@pytest.mark.parametrize(
    "name",
    ["a::b.txt", "a*b[1].txt", "with space.txt", "ünï.txt", "a#b?.txt", "100%.txt"],
)
def test_odd_names_are_listed_and_opened(write_files, name):
    folder = Folder(str(write_files({name: "x"}, "odd::session [1]*")))
    (file,) = folder.files()
    with folder.open(file) as stream:
        assert (file.path, stream.read()) == (name, b"x")


def test_a_rewritten_file_has_another_version(write_files):
    root = write_files({"a.txt": "one"})
    stamp = (root / "a.txt").stat().st_mtime_ns
    first = Folder(str(root)).files()[0].version
    write_files({"a.txt": "three"})
    # copied with its time, as rsync -t does
    os.utime(root / "a.txt", ns=(stamp, stamp))
    second = Folder(str(root)).files()[0].version
    os.utime(root / "a.txt", ns=(stamp, stamp + 1))
    assert len({first, second, Folder(str(root)).files()[0].version}) == 3


def test_a_rewritten_target_of_a_link_has_another_version(write_files):
    root = write_files({"a.txt": "one"})
    (root / "link").symlink_to(root / "a.txt")
    first = {f.path: f.version for f in Folder(str(root)).files()}
    write_files({"a.txt": "three"})
    assert {f.path: f.version for f in Folder(str(root)).files()}["link"] != first[
        "link"
    ]


def test_folders_are_the_ones_directly_below(write_files):
    root = write_files({"b/x": "", "a/c/y": "", "z": ""})
    assert Folder(str(root)).folders() == ["a", "b"]
    assert Folder(str(root / "nowhere")).folders() == []
    assert not Folder(str(root / "nowhere")).exists()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b"])
def test_a_name_that_leads_elsewhere_is_refused(write_files, name):
    with pytest.raises(ValueError, match="not a folder name"):
        Folder(str(write_files({"a/x": ""}))).below(name)


def test_a_blob_is_named_by_its_hash_and_comes_back(tmp_path):
    blobs = BlobStore(str(tmp_path / "blobs"))
    assert blobs.put(io.BytesIO(b"hello")) == HELLO
    assert blobs.get(HELLO) == b"hello"
    with blobs.open(HELLO) as stream:
        assert (stream.seek(1), stream.read(2)) == (1, b"el")
    assert (blobs.exists(HELLO), blobs.matches(HELLO), list(blobs.names())) == (
        True,
        True,
        [HELLO],
    )


def test_a_blob_is_written_once_and_leaves_no_other_file(tmp_path):
    blobs = BlobStore(str(tmp_path / "blobs"))
    blobs.put(io.BytesIO(b"hello"))
    path = tmp_path / "blobs" / HELLO[:2] / HELLO
    written = path.stat()
    blobs.put(io.BytesIO(b"hello"))
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (
        written.st_ino,
        written.st_mtime_ns,
    )
    assert [p for p in (tmp_path / "blobs").rglob("*") if p.is_file()] == [path]


def test_a_changed_blob_is_refused(tmp_path):
    blobs = BlobStore(str(tmp_path / "blobs"))
    blobs.put(io.BytesIO(b"hello"))
    (tmp_path / "blobs" / HELLO[:2] / HELLO).write_bytes(b"jello")
    assert not blobs.matches(HELLO)
    with pytest.raises(ValueError, match="has changed"):
        blobs.get(HELLO)


def test_a_missing_blob_is_not_found(tmp_path):
    blobs = BlobStore(str(tmp_path / "blobs"))
    assert (blobs.exists(HELLO), list(blobs.names())) == (False, [])
    with pytest.raises(FileNotFoundError):
        blobs.get(HELLO)


def test_a_write_that_breaks_off_leaves_nothing(tmp_path, monkeypatch):
    def break_off(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    blobs = BlobStore(str(tmp_path / "blobs"))
    monkeypatch.setattr(os, "fsync", break_off)
    with pytest.raises(OSError, match="No space"):
        blobs.put(io.BytesIO(b"hello"))
    assert not [p for p in (tmp_path / "blobs").rglob("*") if p.is_file()]


@given(st.binary(max_size=200))
def test_hashing_a_stream_equals_hashing_its_bytes(data):
    import hashlib

    assert hash_stream(io.BytesIO(data)) == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Run 7", "run-7"),
        ("a.b", "a-b"),
        ("__x__", "x"),
        ("2026-11-03", "2026-11-03"),
        ("x" * 80, "x" * 64),
        ("Söme folder", "some-folder"),
        ("So\u0308me folder", "some-folder"),
        ("Straße Łódź Ærø", "strasse-lodz-aero"),
        ("Küche 日本", "kuche"),
    ],
)
def test_a_session_key_from_a_folder_name(name, key):
    assert session_key(name) == key


@pytest.mark.parametrize("name", ["", "..", "---", "日本"])
def test_a_name_without_usable_characters_gives_no_key(name):
    with pytest.raises(ValueError, match="gives no session name"):
        session_key(name)


@pytest.mark.parametrize(
    ("name", "key"),
    [("Söme folder", "s-me-folder"), ("Run 7", "run-7"), ("ö", ""), ("\udcff", "")],
)
def test_the_key_that_a_name_had_without_its_letters(name, key):
    assert unspelt_key(name) == key


@given(st.text(max_size=80))
def test_every_key_is_one_and_maps_to_itself(name):
    try:
        key = session_key(name)
    except ValueError:
        return
    assert session_key(key) == key


def nest(root, levels: int, name: str) -> None:
    """Folders in each other, made from the inside of each: the whole path may be longer than the system takes."""
    at = os.open(root, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=at)
        inner = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)


def test_folders_nested_deeper_than_a_path_may_be_long_are_listed_with_a_fault(
    write_files,
):
    root = write_files({"a.txt": "a"})
    nest(root, 20, "d" * 240)
    a, deep = Folder(str(root)).files()
    assert (a.path, a.fault) == ("a.txt", None)
    assert deep.path.endswith("d/") and "name too long" in deep.fault.reason
    assert "less deep" in deep.fault.remedy


@contextmanager
def shallow_stack(num_calls: int = 150):
    """No more than so many calls in each other."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + num_calls)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def test_many_folders_in_each_other_are_walked(write_files):
    root = write_files({"/".join("d" * 300) + "/a.txt": "a"})
    with shallow_stack():
        assert [f.path.count("/") for f in Folder(str(root)).files()] == [300]


def test_a_folder_that_may_not_be_listed_hides_no_neighbour(
    write_files, permissions_bind
):
    root = write_files({"a.txt": "a", "locked/b.txt": "b"})
    (root / "locked").chmod(0)
    a, locked = Folder(str(root)).files()
    assert (a.path, a.fault) == ("a.txt", None)
    assert locked.path == "locked/" and "Permission denied" in locked.fault.reason
    (root / "locked").chmod(0o755)


def test_a_link_to_itself_is_listed_with_a_fault(write_files):
    root = write_files({"a.txt": "a"})
    (root / "loop").symlink_to("loop")
    a, loop = Folder(str(root)).files()
    assert (a.fault, loop.path) == (None, "loop")
    assert "symbolic links" in loop.fault.reason


def test_a_place_that_is_gone_cannot_be_listed(tmp_path):
    with pytest.raises(FileNotFoundError):
        Folder(str(tmp_path / "gone")).files()
    with pytest.raises(FileNotFoundError):
        list(Folder(str(tmp_path / "gone")).pages())


@given(
    st.binary(max_size=40)
    | st.sampled_from([rb"\xff", b"\xff", rb"\x5cxff", "ü".encode()])
)
def test_names_of_any_bytes_are_stored_without_loss(name):
    stored = store_name(os.fsdecode(name))
    assert os.fsencode(restore_name(stored)) == name
    stored.encode()


def test_ordinary_names_are_stored_as_they_are():
    for name in ("a.png", "ü/二.png", "o\\p.png", "\\x", "%20.png"):
        assert store_name(name) == name
