"""`daguerre calibrate`: of a folder nothing is kept, what is refused says why, and a blocking check is exit code 1."""

from __future__ import annotations

import cv2
import numpy as np
import pytest


@pytest.fixture
def run(tmp_path, run_on):
    return run_on(tmp_path / "home", (0, 1))


def test_the_shared_chessboards_are_calibrated_and_nothing_is_kept(
    run, tmp_path, test_data
):
    folder = test_data("calibration/opencv_stereo_chessboard")
    found = run("calibrate", f"{folder}/", "--board", "chessboard:9x6")
    left, right = found["cameras"]
    assert (
        left["fx_px"] == pytest.approx(535.9, rel=0.005)
        and right["reference_sensor"] == "left"
    )
    assert [c["name"] for c in found["checks"] if not c["passed"]] == []
    assert not list((tmp_path / "home").glob("tables/rig_*"))


def test_a_folder_without_the_board_is_refused_by_a_check(run, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "left01.png"), np.full((48, 64, 3), 90, np.uint8))
    found = run("calibrate", f"{folder}/", "--board", "chessboard:9x6")
    (failed,) = (c for c in found["checks"] if not c["passed"])
    assert failed["name"] == "every_camera_is_calibrated" and failed["stops"]
    assert failed["examples"] == ["left: no picture shows the board chessboard:9x6"]


def test_a_folder_here_needs_no_slash(run, tmp_path, monkeypatch):
    (tmp_path / "my board").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="my board holds no image"):
        run("calibrate", "my board", "--board", "chessboard:9x6")


def test_what_cannot_be_asked_is_refused(run, tmp_path):
    with pytest.raises(ValueError, match="a folder does not say which board it shows"):
        run("calibrate", f"{tmp_path}/")
    with pytest.raises(ValueError, match="there is nothing at"):
        run("calibrate", f"{tmp_path}/none", "--board", "chessboard:9x6")
    for asked in ([], ["--check"]):
        with pytest.raises(ValueError, match="there is no session 'monday'"):
            run("calibrate", "monday", *asked)
    with pytest.raises(ValueError, match="there is no session 'monday'"):
        run("calibrate", "monday", "--board", "chessboard:9x6", "--dry-run")
    with pytest.raises(ValueError, match="--check takes a SESSION alone"):
        run("calibrate", "monday", "--check", "--board", "chessboard:9x6")
