"""A source says once which frames of videos are taken; its sessions follow, or say otherwise."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from assets.capture.source_settings import read_video, stamp_video
from assets.sandbox.video_choice import VideoChoice
from assets.storage import Folder
from tests.assets.capture.test_labels_of_frames import write_video


@pytest.fixture
def source(tmp_path) -> Path:
    (tmp_path / "landing").mkdir()
    for name in ("monday", "tuesday"):
        write_video(tmp_path / "landing" / name / "a.avi", 4)
    # equal bytes would be one capture
    write_video(tmp_path / "landing" / "packed" / "a.avi", 3)
    packed = tmp_path / "landing" / "packed"
    with zipfile.ZipFile(packed / "a.zip", "w") as archive:
        archive.write(packed / "a.avi", "a.avi")
    (packed / "a.avi").unlink()
    with (tmp_path / "landing" / "tuesday" / "a.avi").open("ab") as video:
        video.write(b"JUNK\0\0\0\0")
    return tmp_path / "landing"


@pytest.fixture
def take_in(source, tmp_path, open_at):
    """take_in("monday"): the sequences of the session's frames that are there then."""
    (tmp_path / "home").mkdir()
    intake = open_at(tmp_path / "home")

    def run(session: str) -> list[int]:
        intake.ingest(Folder(str(source / session)), session)
        where = f"session = '{session}'"
        rows = intake.catalog.read_latest("frames", ["sequence"], where)
        return sorted(rows["sequence"].to_pylist())

    run.intake = intake
    return run


def test_sessions_inherit_and_may_say_otherwise(source, take_in):
    (source / "daguerre.yaml").write_text("video: {every: 2}\n")
    assert take_in("monday") == [0, 2]
    (capture,) = take_in.intake.catalog.read_latest("captures").to_pylist()
    notes = json.loads(capture["notes"])
    assert notes["frames of videos, by daguerre.yaml of its source"] == "every: 2"
    (source / "tuesday" / "daguerre.yaml").write_text("video: {every: 1}\n")
    assert take_in("tuesday") == [0, 1, 2, 3]
    # also of what is packed
    assert take_in("packed") == [0, 2]


def test_another_choice_of_the_source_reads_its_videos_again(source, take_in):
    assert take_in("monday") == [0, 1, 2, 3]
    (source / "daguerre.yaml").write_text("video: {every: 3}\n")
    assert take_in("monday") == [0, 3]
    (source / "daguerre.yaml").unlink()
    assert take_in("monday") == [0, 1, 2, 3]


def test_other_entries_of_a_session_are_kept_beside_the_inherited_one(source, take_in):
    (source / "daguerre.yaml").write_text("video: {every: 2}\n")
    (source / "monday" / "daguerre.yaml").write_text("no_clock: [camera]\n")
    take_in("monday")
    rows = take_in.intake.catalog.read_latest("frames", ["sequence", "t_ns"])
    assert rows["t_ns"].null_count == len(rows) == 2


@pytest.mark.parametrize("text", ["video: {every: 0}\n", "vidoe: 1\n", "- x\n", ""])
def test_faulty_settings_of_a_source_are_told_and_nothing_is_taken_in(
    source, take_in, text
):
    (source / "daguerre.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"landing/daguerre\.yaml holds no settings"):
        take_in("monday")
    assert not take_in.intake.catalog.exists("frames")
    assert stamp_video(Folder(str(source))) == " with faulty settings"


def test_a_link_that_leads_out_of_the_source_is_no_setting(source, tmp_path):
    (tmp_path / "elsewhere.yaml").write_text("video: {every: 2}\n")
    (source / "daguerre.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    assert read_video(Folder(str(source))) == VideoChoice()
    assert stamp_video(Folder(str(source))) == ""


def test_a_bucket_has_settings_too():
    source = Folder("memory://zone-of-settings/landing")
    source.fs.pipe("/zone-of-settings/landing/monday/a.txt", b"x")
    session = source.below("monday")
    assert session.above().uri == source.uri
    assert read_video(source) == VideoChoice()
    source.fs.pipe("/zone-of-settings/landing/daguerre.yaml", b"video: {fps: 2}")
    assert read_video(session.above()) == VideoChoice(fps=2)
    assert Folder("memory://zone-of-settings").above() is None
    assert Folder("/").above() is None
