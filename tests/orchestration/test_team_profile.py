"""The profile of a team takes no store that one machine alone sees, and every address is refused in one line."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from orchestration import cli
from orchestration.profiles import load_settings

_PLACES = {
    "DAGUERRE_LANDING": "s3://bucket/landing",
    "DAGUERRE_TABLES": "s3://bucket/tables",
    "DAGUERRE_BLOBS": "s3://bucket/blobs",
    "DAGUERRE_MLFLOW_ARTIFACTS": "s3://bucket/mlflow",
}
_DATABASES = {
    "DAGUERRE_LEDGER": "postgresql://me@db/ledger",
    "DAGUERRE_DAGSTER": "postgresql://me@db/dagster",
    "DAGUERRE_MLFLOW": "postgresql://me@db/mlflow",
}


@pytest.fixture
def team(tmp_path: Path) -> dict[str, str]:
    return {
        "DAGUERRE_PROFILE": "team",
        "DAGUERRE_HOME": str(tmp_path / "home"),
        **_PLACES,
        **_DATABASES,
    }


def test_one_address_in_three_settings_gets_the_driver_that_each_needs(team):
    settings = load_settings(team)
    assert (settings.ledger_url, settings.dagster_url, settings.mlflow_url) == (
        "postgresql+psycopg://me@db/ledger",
        "postgresql+psycopg2://me@db/dagster",
        "postgresql+psycopg2://me@db/mlflow",
    )
    named = {
        **team,
        "DAGUERRE_DAGSTER": "postgresql+psycopg://me:a%40b@db:5433/dagster",
    }
    assert load_settings(named).dagster_url == (
        "postgresql+psycopg2://me:a%40b@db:5433/dagster"
    )


def test_mlflow_may_be_a_server(team):
    team["DAGUERRE_MLFLOW"] = "http://mlflow.example:5000"
    assert load_settings(team).mlflow_url == "http://mlflow.example:5000"


@pytest.mark.parametrize("name", [*_PLACES, *_DATABASES])
def test_what_is_not_given_is_named_and_no_home_is_made(team, name):
    del team[name]
    with pytest.raises(ValueError, match=f"^DAGUERRE_PROFILE='team' needs {name}, "):
        load_settings(team)
    assert not Path(team["DAGUERRE_HOME"]).exists()


@pytest.mark.parametrize("name", _DATABASES)
def test_a_file_is_no_database_of_a_team(team, name):
    team[name] = "sqlite:////tmp/x.db"
    with pytest.raises(ValueError, match=rf"needs {name}, .* not sqlite:////tmp/x\.db"):
        load_settings(team)


@pytest.mark.parametrize("text", ["mysql://me:pw@db/x", "db.example", "postgresql:"])
@pytest.mark.parametrize("name", _DATABASES)
def test_what_is_no_address_of_a_database_is_told_with_the_value(
    tmp_path, monkeypatch, capsys, name, text
):
    monkeypatch.setenv("DAGUERRE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(name, text)
    monkeypatch.setattr("sys.argv", ["daguerre", "status", "--health"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    (line,) = capsys.readouterr().err.splitlines()
    assert stop.value.code == 2 and "pw" not in line
    assert line.startswith(f"daguerre: {name}='{text.replace(':pw@', ':***@')}'")
    assert "give postgresql://user@host/database" in line


def test_a_driver_that_is_not_installed_is_named_before_anything_is_tried(
    team, monkeypatch
):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "dagster_postgres" else find(name, *rest),
    )
    with pytest.raises(
        ValueError, match=r"^DAGUERRE_DAGSTER=.*dagster_postgres.* pip "
    ):
        load_settings(team)


def test_what_lies_beside_the_blobs_follows_their_address(team, tmp_path):
    workspace = load_settings(team).workspace
    assert (
        workspace.pages.locate("report.html") == "s3://bucket/blobs/reports/report.html"
    )
    assert workspace.store is not None and workspace.store.uri == "s3://bucket/blobs"
    local = load_settings({"DAGUERRE_HOME": str(tmp_path / "mine")}).workspace
    assert local.store is None and local.copies_bytes is None
    assert local.pages.locate("a") == str(tmp_path / "mine" / "reports" / "a")


@pytest.mark.parametrize(("text", "num_bytes"), [(None, 20 << 30), ("0.5", 1 << 29)])
def test_copies_have_a_bound_where_models_lie_elsewhere(team, text, num_bytes):
    if text:
        team["DAGUERRE_CACHE_GIB"] = text
    assert load_settings(team).workspace.copies_bytes == num_bytes


def test_a_bound_that_is_no_size_is_refused_on_a_laptop_too(tmp_path):
    settings = {"DAGUERRE_HOME": str(tmp_path), "DAGUERRE_CACHE_GIB": "20 GB"}
    with pytest.raises(ValueError, match=r"DAGUERRE_CACHE_GIB='20 GB' is not a size"):
        load_settings(settings)
