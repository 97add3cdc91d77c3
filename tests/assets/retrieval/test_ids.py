"""A beginning of an id is enough for every verb that takes one."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from assets.tables.ids import complete_id
from assets.tables.schemas import TABLES, to_table
from orchestration.cli import app


def test_one_of_six_characters_or_more_is_completed(world):
    release = world.release_id
    for length in (6, 12, 32):
        assert complete_id(world.catalog, "releases", release[:length]) == release
    with pytest.raises(ValueError, match=r"too short for an id: .*release_id from rel"):
        complete_id(world.catalog, "releases", release[:5])
    with pytest.raises(ValueError, match="no release begins with 000000;"):
        complete_id(world.catalog, "releases", "000000")


def test_of_several_the_ids_are_named(world):
    (row,) = world.catalog.read_latest("models").to_pylist()
    mine = row["model_sha256"]
    other = mine[:10] + "0" * 54
    rows = to_table(TABLES["models"], [row | {"model_sha256": other}])
    world.catalog.merge("models", rows)
    both = " ".join(sorted([mine, other]))
    with pytest.raises(ValueError, match=f"2 models begin with {mine[:8]}: {both};"):
        complete_id(world.catalog, "models", mine[:8])


def test_a_training_takes_the_beginning_of_a_release(world, home, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    words = ["train", "detection", "--dry-run", "--json", "--release"]
    done = CliRunner().invoke(app, [*words, world.release_id[:8]])
    assert json.loads(done.stdout)["release_id"] == world.release_id
    refused = CliRunner().invoke(app, [*words, "abcdef"])
    assert "no release begins with abcdef" in str(refused.exception)
