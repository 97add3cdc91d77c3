"""What a person asked for is written whole or not at all, and a place that cannot be written is said so first."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from assets.retrieval.frame_export import Order, export_frames
from assets.retrieval.rerun_export import export_session
from assets.tables.schemas import TABLES, to_table
from assets.whole_output import writing_file, writing_folder
from orchestration.cli import app


@pytest.fixture
def exports(catalog, frame_rows):
    """Name -> a function that exports to a path: into a file, and into a folder."""
    rows = frame_rows(1)
    catalog.merge("frames", rows)
    (frame,) = rows.to_pylist()
    capture = {
        **dict.fromkeys(TABLES["captures"].schema.names),
        "capture_id": frame["capture_id"],
        "session": "monday",
        "path": "a.png",
        "source_uri": "/monday",
        "reader": "image_folder",
        "size_bytes": 1,
        "num_frames": 1,
        "num_signals": 0,
        "num_labels": 0,
        "num_problems": 0,
        "code_version": "1",
    }
    catalog.merge("captures", to_table(TABLES["captures"], [capture]))
    return {
        "rerun": lambda out: export_session(catalog, "monday", out),
        "frames": lambda out: export_frames(catalog, [frame], out, Order("coco")),
    }


@pytest.mark.parametrize("name", ["rerun", "frames"])
def test_every_export_makes_the_folders_above_it(exports, name, tmp_path):
    exports[name](tmp_path / "a" / "b" / "out")
    assert [p.name for p in (tmp_path / "a" / "b").iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["rerun", "frames"])
def test_every_export_says_which_path_cannot_be_written(exports, name, tmp_path):
    (tmp_path / "file").write_text("is no folder")
    with pytest.raises(ValueError, match=r"file/out cannot be written \(a file lies"):
        exports[name](tmp_path / "file" / "out")


def test_a_locked_folder_is_told_with_what_helps(
    exports, tmp_path, permissions_bind, home, monkeypatch
):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    for name in ("rerun", "frames"):
        with pytest.raises(ValueError, match="name a place where you may write"):
            exports[name](locked / "deep" / "out")
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    words = ["export", "rerun", "monday", "--out", str(locked / "x.rrd")]
    done = CliRunner().invoke(app, words)
    assert str(done.exception).startswith(f"{locked / 'x.rrd'} cannot be written")
    assert list(locked.iterdir()) == []


def test_what_fails_leaves_nothing_and_no_folders_that_were_made_for_it(tmp_path):
    (tmp_path / "kept").mkdir()
    with (
        pytest.raises(ZeroDivisionError),
        writing_folder(tmp_path / "kept" / "new" / "deep" / "out") as folder,
    ):
        (folder / "half").write_text("half")
        assert 1 / 0
    assert list(tmp_path.rglob("*")) == [tmp_path / "kept"]


def test_a_file_takes_the_place_of_one_when_it_is_whole(tmp_path):
    out = tmp_path / "page"
    out.write_text("former")
    with pytest.raises(ZeroDivisionError), writing_file(out) as partial:
        partial.write_text("half")
        assert 1 / 0
    assert [p.read_text() for p in tmp_path.iterdir()] == ["former"]
    with writing_file(out) as partial:
        partial.write_text("new")
    assert [p.read_text() for p in tmp_path.iterdir()] == ["new"]


def test_what_is_there_is_not_written_over_by_a_folder_nor_a_folder_by_a_file(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("a")
    with (
        pytest.raises(ValueError, match="full is not empty: name a new folder"),
        writing_folder(tmp_path / "full"),
    ):
        pass
    with (
        pytest.raises(ValueError, match="full is a folder: name a file"),
        writing_file(tmp_path / "full"),
    ):
        pass
