"""A file in parts is told from a whole one by what its format ends with."""

from __future__ import annotations

import io
import tarfile
import zipfile

import pytest

from assets.capture import partial
from assets.capture.partial import find_missing_end, find_partial
from assets.storage import Folder

# the last box reaches to the end
BOXES = b"\0\0\0\x0cftypisom" + b"\0\0\0\x09moov!" + b"\0\0\0\0mdat" + b"frames"


def explain(path: str, data: bytes) -> str | None:
    return find_missing_end(path, io.BytesIO(data))


def make_zip(comment: bytes = b"") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.txt", "a" * 100)
        archive.comment = comment
    return target.getvalue()


def make_tar() -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return target.getvalue()


def test_whole_files_have_their_end(recording):
    whole = {
        "a.mcap": recording,
        "A.MCAP": recording,
        "a.zip": make_zip(),
        "b.zip": make_zip(b"PK\x05\x06 not here"),
        "a.tar": make_tar(),
        "a.mp4": BOXES,
    }
    assert {path: explain(path, data) for path, data in whole.items()} == dict.fromkeys(
        whole
    )


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_a_recording_in_parts_is_not_whole(recording, share):
    assert "ends without the magic bytes of MCAP" in explain(
        "a.mcap", recording[: int(share * len(recording))]
    )


def test_every_cut_of_an_archive_is_seen():
    for path, whole in (("a.zip", make_zip(b"comment")), ("a.tar", make_tar()[:2048])):
        for size in range(262, len(whole)) if path == "a.tar" else range(4, len(whole)):
            cut = whole[:size]
            is_whole_tar = path == "a.tar" and size % 512 == 0 and not any(cut[-1024:])
            assert is_whole_tar or explain(path, cut), (path, size)


def test_a_video_in_parts_is_not_whole():
    assert "the rest of its last box" in explain("a.mp4", BOXES[:20])
    assert "the index of its frames" in explain(
        "a.mov", b"\0\0\0\x0cftypqt  " + b"\0\0\0\x08mdat"
    )
    large = (
        b"\0\0\0\x0cftypisom"
        + b"\0\0\0\x01mdat"
        + (17).to_bytes(8, "big")
        + b"x"
        + b"\0\0\0\x08moov"
    )
    assert explain("a.mp4", large) is None and explain("a.mp4", large[:-9]) is not None


def test_what_is_no_such_file_is_left_to_its_reader():
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    assert [
        explain(path, pointer) for path in ("a.mcap", "a.zip", "a.mp4", "a.png", "a")
    ] == [None] * 5
    assert explain("a.mcap", b"") is None


def test_the_files_of_a_session_that_are_in_parts_are_named(
    write_files, recording, make_png
):
    folder = Folder(
        str(
            write_files(
                {
                    "a.mcap": recording,
                    "b/cut.mcap": recording[:9999],
                    "c.png": make_png(1)[:50],
                }
            )
        )
    )
    assert find_partial(folder.files(), folder.open) == ["b/cut.mcap"]


def test_no_more_boxes_of_a_video_than_the_limit_are_looked_at(lower):
    assert explain("a.mp4", BOXES) is None
    # the index is the second
    lower(partial, _MAX_BOXES=1)
    assert "the index of its frames" in explain("a.mp4", BOXES)
