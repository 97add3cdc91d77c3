"""What a person sees in the browser: the graph with its groups, an asset with its checks, the sensors, MLflow."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(240)
GROUPS = ("capture", "curation", "training", "evaluation", "registry", "monitoring")


def test_the_asset_graph_shows_every_stage_as_a_group(ui, browser, screenshots: Path) -> None:
    page = browser.new_page(viewport={"width": 1800, "height": 1000})
    page.goto(f"{ui['Dagster']}/asset-groups", wait_until="networkidle", timeout=120_000)
    for group in GROUPS:
        page.get_by_text(group, exact=True).first.wait_for(timeout=60_000)
    page.screenshot(path=screenshots / "asset_graph.png")
    assert all(page.get_by_text(group, exact=True).count() for group in GROUPS)


def test_an_asset_shows_its_blocking_checks(ui, browser, screenshots: Path) -> None:
    page = browser.new_page(viewport={"width": 1600, "height": 1000})
    page.goto(f"{ui['Dagster']}/assets/capture/frames?view=checks", wait_until="networkidle", timeout=120_000)
    check = page.get_by_text("frames_match_their_hashes", exact=True).first
    check.wait_for(timeout=60_000)
    page.screenshot(path=screenshots / "asset_checks.png")
    assert check.is_visible()


def test_the_sensors_are_listed(ui, browser, screenshots: Path) -> None:
    page = browser.new_page(viewport={"width": 1600, "height": 900})
    page.goto(f"{ui['Dagster']}/automation", wait_until="networkidle", timeout=120_000)
    for sensor in ("landing_zone_sensor", "unjudged_session_sensor", "drift_sensor"):
        page.get_by_text(sensor, exact=True).first.wait_for(timeout=60_000)
    page.screenshot(path=screenshots / "sensors.png")
    assert page.get_by_text("drift_sensor", exact=True).first.is_visible()


def test_mlflow_answers_on_loopback(ui) -> None:
    with urllib.request.urlopen(f"{ui['MLflow']}/health", timeout=30) as answer:
        assert answer.read() == b"OK"
