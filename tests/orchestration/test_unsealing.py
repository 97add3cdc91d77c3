"""`daguerre unseal` and what `status` and `plan` say of privacy, as a person runs them."""

from __future__ import annotations

import stat

import cv2
import numpy as np
import pytest

from assets.capture.session import anonymise
from assets.storage import Folder
from orchestration.cli.unsealing import unseal
from orchestration.profiles import load_settings
from orchestration.resources import build_intake


@pytest.fixture
def content() -> bytes:
    image = np.random.default_rng(1).integers(0, 255, (60, 80, 3), np.uint8)
    return cv2.imencode(".png", image)[1].tobytes()


@pytest.fixture
def run(tmp_path, run_on, content):
    """A home with a session of one picture under a policy."""
    folder = tmp_path / "in"
    (folder / "cam0").mkdir(parents=True)
    (folder / "cam0" / "0.png").write_bytes(content)
    (folder / "daguerre.yaml").write_text(
        "privacy: {faces: false, regions: {cam0: [[0, 0, 40, 60]]}}\n"
    )
    run = run_on(tmp_path / "home")
    assert run("status")["privacy"] == []
    intake = build_intake(load_settings())
    intake.ingest(Folder(str(folder)), "street")
    return run


def test_a_person_opens_one_original_and_is_written_down(run, tmp_path, content):
    (frame,) = run("query", "select frame_id from frames")["rows"]
    out = tmp_path / "original.png"
    words = ("unseal", frame["frame_id"], "--because", "asked by court")
    told = run(*words, "--out", str(out))
    assert out.read_bytes() == content
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    (row,) = run("query", "select who, reason, session from unsealings")["rows"]
    assert row == {"who": told["who"], "reason": "asked by court", "session": "street"}


def test_a_file_that_exists_is_not_written_over(run, tmp_path, monkeypatch):
    out = tmp_path / "there.png"
    out.write_bytes(b"mine")
    with pytest.raises(ValueError, match="name a file that is new"):
        unseal("a" * 32, out, "because")
    assert out.read_bytes() == b"mine"


def test_a_file_in_no_folder_is_refused_before_it_is_written_down(run, tmp_path):
    (frame,) = run("query", "select frame_id from frames")["rows"]
    with pytest.raises(ValueError, match="there is no folder"):
        unseal(frame["frame_id"], tmp_path / "none" / "a.png", "asked by court")
    assert run("query", "select * from unsealings")["rows"] == []


def test_status_and_plan_tell_what_is_blank_and_then_what_is_covered(run):
    (told,) = run("status")["privacy"]
    assert (told["frames"], told["covered"], told["blank"]) == (1, 0, 1)
    lines = run("plan")["lines"]
    mine = [line for line in lines if line["asset"] == "capture/anonymised_frames"]
    assert [line["reason"] for line in mine] == ["missing"]
    anonymise("street", build_intake(load_settings()))
    (told,) = run("status")["privacy"]
    assert (told["covered"], told["blank"], told["recordings"]) == (1, 0, 0)
    assert told["covers"] == "1 fixed regions"
