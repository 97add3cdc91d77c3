"""`daguerre reconstruct` and `daguerre export sparse`: of a session into tables and folders, and how they end."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from assets.tables.catalog import Catalog
from orchestration.cli import app
from tests.assets.reconstruction.conftest import store_scene


@pytest.fixture
def run(home, monkeypatch):
    """run("reconstruct", "hall", "--json"): the exit code, and what stands on stdout."""
    monkeypatch.setenv("DAGUERRE_HOME", str(home))

    def call(*words):
        done = CliRunner().invoke(app, [str(word) for word in words])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout

    return call


def test_a_session_is_reconstructed_and_exported(run, catalog: Catalog, tmp_path):
    store_scene(catalog)
    code, told = run("reconstruct", "hall", "--dry-run")
    assert code == 0 and "6 of 6 pictures, 15 pairs (all)" in told
    assert "left: by the recording of hall" in told
    code, told = run("reconstruct", "hall", "--dry-run", "--json")
    planned = json.loads(told)
    assert planned["cameras"][0]["intrinsics_from"] == "recorded"
    assert planned["imus"] == []
    assert not catalog.exists("sparse_models")
    code, told = run("reconstruct", "hall")
    assert code == 0 and "6 of 6 pictures" in told and "scale: m; stereo" in told
    code, told = run("reconstruct", "hall", "--json")
    facts = json.loads(told)
    assert not facts["made"] and len(facts["images"]) == 6
    assert "sessions_have_a_sparse_model" in {c["name"] for c in facts["checks"]}

    name = facts["model"]["sparse_model_id"][:12]
    code, told = run("export", "sparse", name, tmp_path / "colmap", "--json")
    assert code == 0 and json.loads(told)["images"] == 6
    import pycolmap

    read = pycolmap.Reconstruction(tmp_path / "colmap" / "sparse" / "0")
    assert read.num_reg_images() == 6
    pictures = {f.name for f in (tmp_path / "colmap" / "images").iterdir()}
    assert {image.name for image in read.images.values()} == pictures
    run("export", "sparse", name, tmp_path / "text", "--format", "colmap-text")
    text = pycolmap.Reconstruction(tmp_path / "text" / "sparse" / "0")
    assert text.num_points3D() == read.num_points3D() > 0
    run("export", "sparse", name, tmp_path / "nerf", "--format", "nerfstudio")
    stored = json.loads((tmp_path / "nerf" / "transforms.json").read_text())
    assert (tmp_path / "nerf" / stored["frames"][0]["file_path"]).exists()
    with pytest.raises(ValueError, match="form 'ply' is not known"):
        run("export", "sparse", name, tmp_path / "other", "--format", "ply")
    assert not (tmp_path / "other").exists()


def test_one_picture_exits_with_1_and_the_reason(run, catalog):
    store_scene(catalog, num_views=1, sensors=("left",))
    code, told = run("reconstruct", "hall")
    assert code == 1 and "no model: one picture alone" in told
    assert "FAILED sessions_have_a_sparse_model" in told


def test_a_model_that_a_check_refused_is_not_exported(run, catalog, tmp_path):
    store_scene(catalog)
    code, told = run("reconstruct", "hall", "--json")
    name = json.loads(told)["model"]["sparse_model_id"]
    catalog.hold(
        "sparse_models", "hall", catalog.latest_version("sparse_models"), "it is bad"
    )
    told = r"hall is not published: it is bad; `daguerre reconstruct hall` says"
    with pytest.raises(ValueError, match=told):
        run("export", "sparse", name, tmp_path / "colmap")
    assert code == 0 and not (tmp_path / "colmap").exists()


def test_a_session_that_is_not_there_is_a_mistake(run):
    with pytest.raises(ValueError, match="monday has no published colour picture"):
        run("reconstruct", "monday")
