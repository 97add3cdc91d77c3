"""`daguerre localise`: what it says of a picture that was taken there, and of one that was not, and how it ends."""

import json

import cv2
import pytest
from typer.testing import CliRunner

from assets.reconstruction.sparse_models import refresh_model
from checks.gates import gate_session
from orchestration.cli import app
from tests.assets.reconstruction.conftest import VIEW_STEP_M, draw_planes, store_scene


@pytest.fixture
def run(home, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    return lambda *words: CliRunner().invoke(app, ["localise", *map(str, words)])


def test_a_picture_has_a_place_or_is_not_here(run, catalog, tmp_path):
    store_scene(catalog)
    refresh_model(catalog, "hall")
    gate_session(catalog, "sparse_models", "hall")
    there, other = tmp_path / "there.png", tmp_path / "other.png"
    cv2.imwrite(str(there), draw_planes(0.5 * VIEW_STEP_M))
    cv2.imwrite(str(other), draw_planes(0.1, seed=9))
    words = ("--model", "hall", "--sensor", "left")
    done = run(there, *words, "--json")
    (facts,) = json.loads(done.stdout)["pictures"]
    assert done.exit_code == 0 and facts["picture"] == "there.png"
    assert len(facts["world_from_camera"]) == 7 and len(facts["covariance"]) == 6
    done = run(other, *words)
    assert done.exit_code == 1 and "other.png: not here: " in done.stdout
    assert "there is nothing at" in str(run(tmp_path / "none.png", *words).exception)
