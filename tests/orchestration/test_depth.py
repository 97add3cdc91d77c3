"""`daguerre depth`: of a session into the table, or as a try; what it says, and how it ends."""

from __future__ import annotations

import hashlib
import json

import pytest
from typer.testing import CliRunner

from assets.tables.catalog import Catalog
from orchestration.cli import app
from tests.assets.inference.tiny_stereo_net import write_stereo_net
from tests.assets.reconstruction.conftest import store_stereo


@pytest.fixture
def run(home, monkeypatch):
    """run("desk", "--json"): the exit code, and what stands on stdout."""
    monkeypatch.setenv("DAGUERRE_HOME", str(home))

    def call(*words):
        done = CliRunner().invoke(app, ["depth", *words])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout

    return call


def test_depth_of_a_session_is_stored_and_published(run, catalog: Catalog):
    store_stereo(catalog)
    code, told = run("desk", "--dry-run", "--json")
    facts = json.loads(told)
    assert code == 0 and facts["pairs"] == 2 and not facts["kept"]
    assert not catalog.exists("depth_maps") or not len(catalog.read("depth_maps"))
    code, told = run("desk")
    assert (
        code == 0 and "left and right: 2 depth maps by the calibration of desk" in told
    )
    assert "px off the depth camera" in told
    assert len(catalog.read("depth_maps")) == 2
    code, told = run("desk", "--json")
    facts = json.loads(told)
    assert facts["made"] == 0 and "payload" not in facts["maps"][0]
    assert "every_capture_has_depth" in {c["name"] for c in facts["checks"]}


def test_a_net_of_the_setting_matches_and_one_that_is_not_there_is_refused(
    run, catalog, tmp_path, monkeypatch
):
    store_stereo(catalog)
    path = write_stereo_net(tmp_path / "net.onnx")
    monkeypatch.setenv("DAGUERRE_STEREO_NET", str(path))
    code, told = run("desk", "--dry-run")
    assert code == 0 and f"by the net {hash_file(path)[:8]}" in told
    monkeypatch.setenv("DAGUERRE_STEREO_NET", str(tmp_path / "nowhere.onnx"))
    with pytest.raises(ValueError, match="there is no file"):
        run("desk", "--dry-run")


def hash_file(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_session_without_a_calibration_exits_with_1_and_the_reason(run, catalog):
    store_stereo(catalog, calibrated=())
    code, told = run("desk")
    assert code == 1
    assert "no depth: left: the camera has no calibration" in told
    assert "FAILED every_capture_has_depth" in told
    assert run("desk", "--dry-run")[0] == 1


def test_a_session_that_is_not_there_is_a_mistake(run):
    with pytest.raises(ValueError, match="monday has no published colour picture"):
        run("monday")
