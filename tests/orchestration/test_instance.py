"""Dagster's own settings follow those of the home until somebody edits them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from orchestration.instance import prepare_instance
from orchestration.jobs import ingest_session, monitor_session, train_jobs
from orchestration.profiles import Settings, load_settings

URL = "postgresql+psycopg2://me:harmless-marker-5309@127.0.0.1:1/dagster"


@pytest.fixture
def settings(home, monkeypatch) -> Settings:
    monkeypatch.setenv("DAGUERRE_DAGSTER", URL)
    return load_settings({"DAGUERRE_HOME": str(home)})


def read(settings: Settings) -> dict:
    return yaml.safe_load((settings.dagster_home / "dagster.yaml").read_text())


def limits(settings: Settings) -> dict[tuple[str, object], int]:
    runs = read(settings)["concurrency"]["runs"]
    return {
        (
            rule["key"],
            rule.get("value") if isinstance(rule.get("value"), str) else None,
        ): rule["limit"]
        for rule in runs["tag_concurrency_limits"]
    }


def test_a_laptop_has_two_runs_and_one_training_at_a_time(settings):
    prepare_instance(settings)
    found = read(settings)
    assert "storage" not in found and found["run_monitoring"] == {"enabled": True}
    assert found["concurrency"]["runs"]["max_concurrent_runs"] == 2
    assert limits(settings) == {("dagster/concurrency_key", "training"): 1}


def test_what_nobody_edited_follows_the_settings_both_ways(settings):
    prepare_instance(settings)
    team = replace(settings, dagster_url=URL)
    prepare_instance(team)
    assert read(team)["storage"] == {
        "postgres": {"postgres_url": {"env": "DAGUERRE_DAGSTER"}}
    }
    text = (settings.dagster_home / "dagster.yaml").read_text()
    assert "harmless-marker-5309" not in text
    prepare_instance(settings)
    assert "storage" not in read(settings)


def test_every_kind_of_run_has_a_limit_in_a_team_and_each_task_one(settings):
    team = replace(settings, dagster_url=URL)
    prepare_instance(team)
    found = limits(team)
    for job in (ingest_session, monitor_session, *train_jobs.values()):
        tags = job.run_tags
        assert found[("dagster/concurrency_key", tags["dagster/concurrency_key"])] > 1
    for task, job in train_jobs.items():
        assert job.run_tags[f"daguerre/trains_{task}"] == "true"
        assert found[(f"daguerre/trains_{task}", None)] == 1


def test_an_edited_file_stays_and_is_refused_where_it_keeps_runs_elsewhere(settings):
    prepare_instance(settings)
    path = settings.dagster_home / "dagster.yaml"
    edited = path.read_text().replace(
        "max_concurrent_runs: 2", "max_concurrent_runs: 7"
    )
    path.write_text(edited)
    prepare_instance(settings)
    assert path.read_text() == edited
    with pytest.raises(
        ValueError, match=r"DAGUERRE_DAGSTER is set, and .*remove it, or write"
    ):
        prepare_instance(replace(settings, dagster_url=URL))
    assert path.read_text() == edited


def test_an_edited_file_that_names_the_storage_of_the_settings_is_taken(settings):
    team = replace(settings, dagster_url=URL)
    prepare_instance(team)
    path = settings.dagster_home / "dagster.yaml"
    edited = path.read_text().replace(
        "max_concurrent_runs: 10", "max_concurrent_runs: 3"
    )
    path.write_text(edited)
    prepare_instance(team)
    assert path.read_text() == edited
