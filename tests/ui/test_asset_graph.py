"""What a person sees in the browser: the graph with its groups, an asset with its checks, the sensors, MLflow."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from assets.capture.simulate import SimulationSpec, simulate
from assets.tables.catalog import Catalog
from orchestration.gate import as_header

pytestmark = pytest.mark.timeout(400)
CAPTURE = (
    "recordings",
    "frames",
    "signals",
    "scans",
    "calibrations",
    "imported_labels",
)
GROUPS = (
    "capture",
    "annotation",
    "reconstruction",
    "curation",
    "training",
    "evaluation",
    "registry",
    "serving",
    "monitoring",
)


def test_the_asset_graph_shows_every_stage_as_a_group(
    ui, visitor, screenshots: Path
) -> None:
    page = visitor.new_page()
    page.set_viewport_size({"width": 1800, "height": 1800})
    page.goto(
        f"{ui['Dagster']}/asset-groups", wait_until="networkidle", timeout=120_000
    )
    for group in GROUPS:
        page.get_by_text(group, exact=True).first.wait_for(timeout=60_000)
    page.mouse.move(1300, 900)
    page.keyboard.press("Alt+KeyE")  # expand all groups
    page.get_by_text("detection_scores", exact=True).first.wait_for(timeout=60_000)
    page.get_by_text("scans", exact=True).first.wait_for(timeout=60_000)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=screenshots / "asset_graph.png", animations="disabled")
    assert all(page.get_by_text(group, exact=True).count() for group in GROUPS)


def test_an_asset_shows_its_blocking_checks(ui, visitor, screenshots: Path) -> None:
    page = visitor.new_page()
    page.goto(
        f"{ui['Dagster']}/assets/capture/frames?view=checks",
        wait_until="networkidle",
        timeout=120_000,
    )
    check = page.get_by_text("frames_match_their_hashes", exact=True).first
    check.wait_for(timeout=60_000)
    page.screenshot(path=screenshots / "asset_checks.png")
    assert check.is_visible()


def test_the_sensors_are_listed(ui, visitor) -> None:
    page = visitor.new_page()
    page.goto(f"{ui['Dagster']}/automation", wait_until="networkidle", timeout=120_000)
    for sensor in ("landing_zone_sensor", "unjudged_session_sensor", "drift_sensor"):
        page.get_by_text(sensor, exact=True).first.wait_for(timeout=60_000)
    assert page.get_by_text("drift_sensor", exact=True).first.is_visible()


def test_a_backfill_launched_from_the_ui_takes_a_session_in(ui, ui_home: Path) -> None:
    (ui_home / "landing" / "walk").mkdir(parents=True)
    simulate(ui_home / "landing" / "walk", SimulationSpec(1, 1.0, seed=5))
    location = {
        "repositoryName": "__repository__",
        "repositoryLocationName": "orchestration.definitions",
    }
    added = ask(ui, _ADD, {"key": "walk", "location": location})
    assert added["addDynamicPartition"]["__typename"] in (
        "AddDynamicPartitionSuccess",
        "DuplicateDynamicPartitionError",
    )
    assets = [{"path": ["capture", noun]} for noun in CAPTURE]
    started = ask(
        ui,
        _BACKFILL,
        {"params": {"assetSelection": assets, "partitionNames": ["walk"]}},
    )
    backfill = started["launchPartitionBackfill"]["backfillId"]
    assert wait_for_end(ui, backfill) == "COMPLETED_SUCCESS"
    frames = Catalog(str(ui_home / "tables")).read(
        "frames", ["frame_id"], "session = 'walk'"
    )
    assert len(frames) == 30  # left, right and depth, 10 each


def wait_for_end(ui, backfill: str, seconds: float = 300.0) -> str:
    tick = threading.Event()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status = ask(ui, _STATUS, {"id": backfill})["partitionBackfillOrError"][
            "status"
        ]
        if status not in ("REQUESTED", "CANCELING"):
            return str(status)
        tick.wait(1.0)
    raise AssertionError(f"backfill {backfill} did not end in {seconds} s")


def ask(ui, query: str, variables: dict) -> dict:
    """One GraphQL call of a program."""
    found = call(
        ui, f"{ui['Dagster']}/graphql", {"query": query, "variables": variables}
    )
    assert "errors" not in found, found
    return dict(found["data"])


def call(ui, address: str, body: dict) -> dict:
    headers = {"Content-Type": "application/json", **as_header(ui["token"])}
    request = urllib.request.Request(address, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(json.load(answer))


_ADD = """mutation($key: String!, $location: RepositorySelector!) {
  addDynamicPartition(
    partitionsDefName: "sessions", partitionKey: $key, repositorySelector: $location) { __typename } }"""
_BACKFILL = """mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) { ... on LaunchBackfillSuccess { backfillId } } }"""
_STATUS = """query($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"""


def test_mlflow_serves_the_store_of_the_home_and_no_process_shows_its_address(
    ui, ui_home: Path
) -> None:
    """The address may hold a password, and anybody may list the arguments of processes."""
    store = ui_home / "mlflow" / "mlflow.db"
    address = f"{ui['MLflow']}/api/2.0/mlflow/experiments/create"
    made = call(ui, address, {"name": "made-by-the-server"})["experiment_id"]
    with closing(sqlite3.connect(store)) as database:
        query = "SELECT name FROM experiments WHERE experiment_id = ?"
        assert database.execute(query, (made,)).fetchone() == ("made-by-the-server",)
    lines = [
        " ".join(process.info["cmdline"] or [])
        for process in psutil.process_iter(["cmdline"])
    ]
    assert any(str(urlsplit(ui["MLflow"]).port) in line for line in lines)
    assert [line for line in lines if f"sqlite:///{store}" in line] == []
    assert [line for line in lines if ui["token"] in line] == []


def test_prometheus_reads_the_metrics_with_the_token_alone(ui: dict[str, str]) -> None:
    address = f"{ui['Dagster']}/metrics"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(address, timeout=60)
    request = urllib.request.Request(address, headers=as_header(ui["token"]))
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert 'daguerre_up{store="ledger"} 1\n' in answer.read().decode()
