"""`daguerre fuse` and `export mesh`: into the tables or as a try; what they say, and how they end."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from assets.tables.catalog import Catalog
from orchestration.cli import app
from tests.assets.reconstruction.test_odometry_and_meshes import NUM, store_room


@pytest.fixture
def run(home, monkeypatch):
    """run("fuse", "room", "--json"): the exit code, and what stands on stdout."""
    monkeypatch.setenv("DAGUERRE_HOME", str(home))

    def call(*words):
        done = CliRunner().invoke(app, [*words])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout

    return call


def test_a_session_is_fused_and_its_mesh_written(run, catalog: Catalog, tmp_path):
    store_room(catalog)
    code, told = run("fuse", "room", "--dry-run", "--json")
    facts = json.loads(told)
    assert code == 0 and facts["frames"] == NUM and not facts["kept"]
    assert not catalog.exists("odometry") or not len(catalog.read("odometry"))
    code, told = run("fuse", "room", "--voxel-mm", "40")
    assert code == 0 and f"depth: {NUM} of {NUM} frames have a pose, in 1 part" in told
    assert "off the recorded poses" in told and "triangles at 40 mm" in told
    code, told = run("fuse", "room", "--voxel-mm", "40", "--json")
    facts = json.loads(told)
    assert code == facts["made"] == facts["meshes_made"] == 0
    assert "surfaces_are_sharp" in {c["name"] for c in facts["checks"]}
    code, told = run("export", "mesh", "room", str(tmp_path / "out"), "--json")
    assert code == 0 and json.loads(told)["meshes"] == 1
    assert [f.suffix for f in (tmp_path / "out").iterdir()] == [".ply"]


def test_pictures_of_another_size_exit_with_1_and_the_reason(run, catalog):
    store_room(catalog, color_px=(200, 150))
    code, told = run("fuse", "room")
    assert code == 1 and "depth: no path: depth images have 160 x 120 px" in told
    assert "FAILED every_depth_camera_has_a_path" in told
    assert run("fuse", "room", "--dry-run")[0] == 1
    with pytest.raises(ValueError, match="room has no published mesh"):
        run("export", "mesh", "room", "out")


def test_mistakes_are_told(run):
    with pytest.raises(ValueError, match="monday has no published frame"):
        run("fuse", "monday")
    with pytest.raises(ValueError, match="voxels of -1 mm"):
        run("fuse", "monday", "--voxel-mm", "-1")
