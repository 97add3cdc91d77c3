"""`daguerre splats` and `export splats`: into the tables or as a try; what they say, and how they end."""

from __future__ import annotations

import json

import pytest
import torch
from typer.testing import CliRunner

from assets.splat_ply import read_splats
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
from bench.synthetic_home import plain_row
from models.splats import training
from models.splats.training import Recipe
from orchestration.cli import app
from tests.assets.reconstruction.splat_session import store_hall


@pytest.fixture
def run(home, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    tiny = Recipe(32, 40, 1, 10, 400, 20, 30, 10, rates_by=4.0)
    monkeypatch.setitem(training.RECIPES, "cpu", tiny)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    def call(*words):
        done = CliRunner().invoke(app, [str(word) for word in words])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout

    return call


def test_a_session_is_learned_and_written_for_viewers(run, catalog: Catalog, tmp_path):
    store_hall(catalog)
    code, told = run("splats", "hall", "--device", "cpu", "--dry-run", "--json")
    facts = json.loads(told)
    assert code == 0 and (facts["images"], len(facts["held_out"])) == (4, 1)
    assert facts["lacks"] is None and not catalog.exists("splats")
    code, told = run("splats", "hall", "--device", "cpu")
    assert "1 held-out views: " in told and "models.splats" in told
    assert "FAILED sessions_have_splats" not in told and code == 0, told
    code, told = run("splats", "hall", "--device", "cpu", "--json")
    facts = json.loads(told)
    assert not facts["made"] and len(facts["views"]) == 5
    assert "splats_are_better_than_a_guess" in {c["name"] for c in facts["checks"]}
    file = tmp_path / "hall.ply"
    code, told = run("export", "splats", "hall", file, "--json")
    assert code == 0
    assert len(read_splats(file.read_bytes())) == json.loads(told)["gaussians"]


def test_without_a_gpu_it_ends_with_1_and_the_remedy(run, catalog, tmp_path):
    store_hall(catalog)
    code, told = run("splats", "hall", "--dry-run")
    assert code == 0 and "on cuda: no GPU is here" in told
    code, told = run("splats", "hall")
    assert code == 1 and "no splats: no GPU is here that CUDA reaches" in told
    assert "`--device cpu` makes a tiny one" in told.splitlines()[0]
    assert "FAILED sessions_have_splats" in told
    with pytest.raises(ValueError, match="hall has no published splats"):
        run("export", "splats", "hall", tmp_path / "hall.ply")
    assert not (tmp_path / "hall.ply").exists()


def test_what_is_not_there_is_a_mistake(run):
    with pytest.raises(ValueError, match="there is no session 'monday'"):
        run("splats", "monday")
    with pytest.raises(ValueError, match="there is no session 'monday'"):
        run("export", "splats", "monday", "monday.ply")


def test_splats_that_a_check_refuses_are_not_written_and_it_says_so(
    run, catalog, tmp_path
):
    store_hall(catalog)
    row = plain_row("splats", {"session": "hall", "reason": None})
    catalog.merge("splats", to_table(TABLES["splats"], [row]))
    with pytest.raises(ValueError, match="hall are not published: `daguerre splats ha"):
        run("export", "splats", "hall", tmp_path / "hall.ply")
