"""`daguerre results` as a wide table and as CSV: ids in full, a column a metric."""

from __future__ import annotations

import csv
import io

import pytest
from typer.testing import CliRunner

from assets.tables.schemas import TABLES, content_id, to_table
from orchestration.cli import app
from orchestration.profiles import load_settings
from orchestration.resources import build_catalog


@pytest.fixture
def run(home, monkeypatch):
    """run("--csv"): `results` on a home with a scored detector and a recogniser without a score."""
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "80")
    catalog = build_catalog(load_settings())
    for name, task in (("a", "detection"), ("b", "recognition")):
        model = {
            "model_sha256": name * 64,
            "task": task,
            "recipe": f"tiny_{task}",
            "release_id": "1" * 32,
            "code_version": "1",
            "seed": 0,
            "run_id": "run",
            "folder": f"models/{name}",
        }
        catalog.merge("models", to_table(TABLES["models"], [model]))
    score = {
        "score_id": content_id("score", "a"),
        "model_sha256": "a" * 64,
        "release_id": "1" * 32,
        "split": "test",
        "slice_by": "all",
        "slice_value": "all",
        "metric": "map50",
        "value": 0.25,
        "num_samples": 3,
    }
    catalog.upsert("scores", to_table(TABLES["scores"], [score]))
    return lambda *words: CliRunner().invoke(
        app, ["results", *words], catch_exceptions=False
    )


def test_csv_has_a_row_a_model_with_ids_in_full_and_a_column_a_metric(run):
    rows = list(csv.DictReader(io.StringIO(run("--csv").stdout)))
    assert [(row["task"], row["model_sha256"], row["map50"]) for row in rows] == [
        ("detection", "a" * 64, "0.25"),
        ("recognition", "b" * 64, ""),
    ]
    assert not {"scores", "warnings"} & rows[0].keys()


def test_a_wide_table_has_ids_in_full_on_one_line(run):
    assert "a" * 64 in run("--wide").stdout and "1" * 32 in run("--wide").stdout
    narrow = run().stdout
    assert "a" * 17 not in narrow and max(map(len, narrow.splitlines())) <= 80
