"""The child of a video: it may load before its video is known, and then it is the one that decodes it, or is ended."""

from __future__ import annotations

import time
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest

from assets.sandbox import video_process
from assets.sandbox.guard import ImageGuard
from assets.sandbox.video_channel import END, FRAME
from assets.sandbox.video_process import child_ahead, decode_in_child
from assets.storage import Folder
from tests.assets.formats.images.test_video_reader import encode_video


@pytest.fixture
def started(monkeypatch):
    """The children that are started."""
    children = []
    start = video_process.start_child

    def start_and_note(*arguments):
        children.append(start(*arguments))
        return children[-1]

    monkeypatch.setattr(video_process, "start_child", start_and_note)
    return children


def test_the_first_video_is_given_to_the_child_that_was_ahead(started):
    with child_ahead(True):
        assert len(started) == 1
        for number in (1, 2):
            messages = list(
                decode_in_child(
                    BytesIO(encode_video("mjpeg", "mp4", pixel_format="yuvj420p")),
                    "mov",
                )
            )
            assert [m.kind for m in messages].count(FRAME) == 12
            assert messages[-1].kind == END
            assert len(started) == number
    assert all(child.poll() is not None for child in started)


def test_a_child_for_which_no_video_came_is_ended(started):
    with pytest.raises(ZeroDivisionError), child_ahead(True):
        raise ZeroDivisionError
    (child,) = started
    assert child.poll() is not None
    with child_ahead(False):
        assert len(started) == 1


def test_children_keep_the_memory_of_a_picture_for_the_next(started):
    with child_ahead(True):
        given = read_environment(started[0].pid).split(b"\0")
    assert b"MALLOC_TRIM_THRESHOLD_=67108864" in given


def read_environment(pid: int) -> bytes:
    """That of a program, which the kernel shows a moment after it was started."""
    shown = Path(f"/proc/{pid}/environ")
    for _ in range(500):
        if given := shown.read_bytes():
            return given
        time.sleep(0.01)
    raise AssertionError("the child has no environment")


@pytest.mark.parametrize(
    ("names", "starts"), [(["a.mp4"], []), (["a.mp4", "b.png"], [2])]
)
def test_a_session_of_videos_alone_starts_no_image_guard(
    tmp_path, open_at, monkeypatch, names, starts
):
    asked = []
    monkeypatch.setattr(
        ImageGuard, "start", lambda _, num_images: asked.append(num_images)
    )
    folder = tmp_path / "monday"
    folder.mkdir()
    home = tmp_path / "home"
    home.mkdir()
    for name in names:
        is_video = name.endswith(".mp4")
        png = cv2.imencode(".png", np.full((8, 8), 9, np.uint8))[1].tobytes()
        (folder / name).write_bytes(encode_video("mpeg4", "mp4") if is_video else png)
    report = open_at(home).ingest(Folder(str(folder)), "monday")
    assert (report.frames, report.quarantined) == (12 + len(names) - 1, 0)
    assert asked == starts
