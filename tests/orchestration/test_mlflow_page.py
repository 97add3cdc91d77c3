"""MLflow's page brings a first choice along, before its own scripts; everything else is MLflow's."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from orchestration.mlflow_page import OpenOnRuns, add_choices


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    index = tmp_path / "index.html"
    index.write_text("<html><head><script src=main.js></script></head></html>")
    return TestClient(OpenOnRuns(PlainTextResponse("of MLflow"), index))


def test_the_page_chooses_before_it_starts(client):
    page = client.get("/").text
    chosen = page.index('"mlflow.workflowType_v1": "\\"machine_learning\\""')
    assert chosen < page.index("main.js")
    assert "getItem(name) === null" in page, "what a visitor chose stays"


def test_what_is_not_the_page_is_handed_on(client):
    assert client.get("/api/2.0/mlflow/runs").text == "of MLflow"
    assert client.post("/").text == "of MLflow"


def test_a_page_that_has_another_form_is_told():
    with pytest.raises(ValueError, match="install the locked MLflow"):
        add_choices("<html></html>")


def test_the_names_are_those_of_the_installed_mlflow():
    found = find_spec("mlflow")
    assert found is not None and found.origin is not None
    pages = Path(found.origin).parent / "server" / "js" / "build"
    (main,) = (pages / "static" / "js").glob("main.*.js")
    text = main.read_text()
    for name in (
        "mlflow.workflowType",
        "mlflow.telemetry.info.alert.dismissed",
        "mlflow.settings.telemetry.enabled",
        "mlflow.assistant.fab.autoOpenedOnFirstLoad",
    ):
        assert f'"{name}"' in text
