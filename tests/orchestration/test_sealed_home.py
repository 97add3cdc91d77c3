"""A home with a sealed session, put through what a home goes through: nothing shows an original, and nothing breaks."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from assets.capture.session import anonymise
from assets.storage import Folder
from checks.gates import gate_session
from models.faces.covering import FILL_RGB
from orchestration import cli
from orchestration.cli import app
from orchestration.profiles import load_settings
from orchestration.resources import build_catalog, build_intake
from tests.assets.privacy.test_recordings import (
    BOX,
    POLICY,
    list_places_of,
    write_recordings,
)

SESSION = "street"
INSIDE = np.s_[BOX[1] + 8 : BOX[3] - 8, BOX[0] + 8 : BOX[2] - 8]  # beside JPEG's blocks
GATED = ("captures", "frames", "labels", "annotated_frames", "anonymised_frames")
Run = Callable[..., Any]


def run(*words: str, code: int = 0) -> Any:
    """A verb on the home of the settings; its answer from JSON."""
    result = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory) -> Iterator[tuple[Path, dict[str, bytes]]]:
    """A home whose one session, a video, an MCAP file and an archive, lies elsewhere; and what each of them holds."""
    folder = tmp_path_factory.mktemp("sealed")
    contents = write_recordings(folder / "in")
    (folder / "in" / "daguerre.yaml").write_text(POLICY)
    home = folder / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGUERRE_HOME", str(home))
        intake = build_intake(load_settings())
        intake.ingest(Folder(str(folder / "in")), SESSION)
        gate_session(intake.catalog, "frames", SESSION)
        anonymise(SESSION, intake)
        for table in GATED:
            gate_session(intake.catalog, table, SESSION)
    yield home, contents


@pytest.fixture
def home(sealed, tmp_path, monkeypatch) -> Path:
    """A copy of it, which is the home of the settings."""
    copy = shutil.copytree(sealed[0], tmp_path / "home")
    monkeypatch.setenv("DAGUERRE_HOME", str(copy))
    monkeypatch.chdir(tmp_path)
    return copy


def find_shown(contents: dict[str, bytes], folder: Path) -> list[str]:
    """Files below a folder that hold a piece of an original."""
    return [place for one in contents.values() for place in list_places_of(one, folder)]


def test_a_backup_names_the_key_that_it_leaves_out_and_restored_it_is_asked_for(
    home, sealed, tmp_path, monkeypatch
):
    made = run("backup", "copies")
    (key,) = made["seal_keys"]
    assert (key["num_originals"], key["place"]) == (8 + 4, str(home / "seal_key"))
    assert not list((tmp_path / "copies").rglob("seal_key*"))
    assert find_shown(sealed[1], tmp_path / "copies") == []
    secret = (home / "seal_key").read_text().strip()
    held = [p for p in (tmp_path / "copies").rglob("*") if p.is_file()]
    assert not any(secret.encode() in path.read_bytes() for path in held)

    again = tmp_path / "again"
    monkeypatch.setenv("DAGUERRE_HOME", str(again))
    told = run("restore", "copies")
    assert [one["key_id"] for one in told["missing_keys"]] == [key["key_id"]]
    assert run("verify")["ok"], "what is sealed is proven without its key"
    frame_id = run("query", "select frame_id from frames limit 1")["rows"][0]["frame_id"]  # fmt: skip
    asked = ("unseal", frame_id, "--because", "asked by court", "--out", "original")
    with pytest.raises(ValueError, match=f"sealed under key {key['key_id']}"):
        run(*asked)
    assert not (again / "seal_key").exists(), "none is made in its place"
    shutil.copy2(home / "seal_key", again / "seal_key")
    assert run(*asked)["frame_id"] == frame_id
    assert run("backup", "others")["seal_keys"][0]["place"] == str(again / "seal_key")


def test_people_are_told_of_the_key_in_words(home, tmp_path, monkeypatch):
    said = CliRunner().invoke(app, ["backup", "copies"], catch_exceptions=False).stdout
    assert "not in it: the seal key" in said and "opens 12 originals" in said
    assert "in a place of its own, apart from backups" in " ".join(said.split())
    monkeypatch.setenv("DAGUERRE_HOME", str(tmp_path / "again"))
    said = CliRunner().invoke(app, ["restore", "copies"], catch_exceptions=False).stdout
    assert "12 originals sealed under key" in said
    told = f"there is no key: put {tmp_path / 'again' / 'seal_key'} back, or give"
    assert told in " ".join(said.split())


def look_at_status(capsys, monkeypatch, *words: str) -> tuple[int, str]:
    """Exit status, and what it says, on one line."""
    monkeypatch.setattr("sys.argv", ["daguerre", "status", *words])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return int(stop.value.code or 0), " ".join(capsys.readouterr().out.split())


def test_status_says_that_a_key_is_missing_or_another_and_what_helps(
    home, monkeypatch, capsys
):
    (kept,) = run("status")["seal_keys"]
    assert (kept["num_originals"], kept["summary"]) == (12, "")
    code, said = look_at_status(capsys, monkeypatch, "--health")
    assert code == 0 and "may open 12 originals" in said and "WARNING" not in said

    (home / "seal_key").unlink()
    code, said = look_at_status(capsys, monkeypatch)
    told = f"WARNING: 12 originals sealed under key {kept['key_id']}, and there is no"
    remedy = f"key: put {home / 'seal_key'} back, or give DAGUERRE_SEAL_KEY"
    assert code == 0 and f"{told} {remedy}" in said
    assert look_at_status(capsys, monkeypatch, "--health")[0] == 3

    monkeypatch.setenv("DAGUERRE_SEAL_KEY", base64.b64encode(bytes(32)).decode())
    (other,) = run("status")["seal_keys"]
    assert other["place"] == "" and other["key_id"] == kept["key_id"]
    assert "DAGUERRE_SEAL_KEY holds key" in other["summary"]
    monkeypatch.setenv("DAGUERRE_SEAL_KEY", "short")
    code, said = look_at_status(capsys, monkeypatch, "--health")
    assert code == 3 and "DAGUERRE_SEAL_KEY holds no key" in said


def test_care_and_upgrades_need_no_key_and_leave_it_sealed(home, sealed):
    (home / "seal_key").unlink()
    before = run("query", "select frame_id, sha256 from frames order by all")["rows"]
    assert run("upgrade")["tables"]
    run("maintain")
    assert run("verify")["ok"]
    after = run("query", "select frame_id, sha256 from frames order by all")["rows"]
    assert after == before and len(after) == 8
    assert find_shown(sealed[1], home) == []


FORMS = ("images", "coco", "cvat", "yolo", "label-studio", "masks")


def test_every_export_of_pictures_has_them_covered(home, sealed, tmp_path):
    out = tmp_path / "out"
    for form in FORMS:
        told = run("export", "frames", str(out / form), "--format", form)
        assert told["images"] == 8, form
    pictures = [p for p in out.rglob("*") if p.suffix in (".png", ".jpg")]
    assert len(pictures) == 8 * len(FORMS)
    for path in pictures:
        shown = cv2.imread(str(path))[..., ::-1].astype(int)
        assert np.abs(shown[INSIDE] - FILL_RGB[0]).max() <= 8, path
        assert np.ptp(shown) > 100, path
    assert run("export", "rerun", SESSION, "--out", str(out / "one.rrd"))["images"] == 8
    assert find_shown(sealed[1], out) == []


def test_a_path_that_cannot_be_computed_of_it_says_why_and_opens_nothing(home):
    """Depth images have no colour frame beside them; the key is not there to be asked."""
    (home / "seal_key").unlink()
    (reason,) = {row["reason"] for row in run("fuse", SESSION, code=1)["poses"]}
    assert reason.startswith("no depth image")


def test_erased_it_is_in_no_table_and_its_sealed_recordings_are_no_blobs(home):
    sealed = run("query", "select sealed_sha256 from sealed_recordings")["rows"]
    blobs = build_catalog(load_settings()).blobs
    assert len(sealed) == 4 and all(blobs.exists(r["sealed_sha256"]) for r in sealed)
    done = run("forget", SESSION, "--erase", "--because", "asked", "--yes")
    assert done["frames"] == 8
    for table in ("frames", "sealed_frames", "sealed_recordings", "anonymised_frames"):
        assert run("query", f"select * from {table}")["rows"] == [], table
    assert not any(blobs.exists(row["sealed_sha256"]) for row in sealed)
    assert run("verify")["ok"]
