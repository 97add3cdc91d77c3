"""`daguerre serve` as a person starts it, asks it, and ends it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assets.tables.catalog import Catalog
from assets.tables.rows import ChampionRow
from assets.tables.schemas import TABLES, to_table
from orchestration.cli import app
from orchestration.profiles import load_settings
from orchestration.serving_follower import look_into_registry
from tests.assets.serving.colours import (
    COLOURS,
    RELEASE,
    crown,
    describe_model,
    paint,
    write_colour_model,
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose champion of recognition says what colour it sees."""
    from assets.serving.versions import Version

    made = tmp_path_factory.mktemp("serve") / "home"
    package = write_colour_model(made / "models")
    version = Version(
        "recognition",
        "daguerre-recognition",
        1,
        package.model_sha256,
        RELEASE,
        package.folder,
        COLOURS,
    )
    catalog = Catalog(str(made / "tables"))
    catalog.merge("models", to_table(TABLES["models"], [describe_model(version)]))
    crown(catalog, version)
    return made


def call(
    port: int, path: str, token: str = "", body: bytes | None = None
) -> tuple[int, bytes]:
    headers = {"Content-Type": "image/png", "Authorization": f"Bearer {token}"}
    address = f"http://127.0.0.1:{port}{path}"
    request = urllib.request.Request(address, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_a_server_answers_who_has_its_token_and_ends_with_its_samples_kept(
    home, encoder, tmp_path
):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["--port", str(port), "--replicas", "1", "--sample", "1"]
    environment = {
        **os.environ,
        "DAGUERRE_HOME": str(home),
        "DAGUERRE_ENCODER": str(encoder),
    }
    said = tmp_path / "said"
    with said.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "daguerre", "serve", *words],
            env=environment,
            stderr=stream,
        )
    try:
        while "the token is in" not in said.read_text():
            assert process.poll() is None, said.read_text()
            time.sleep(0.05)
        token = (home / "serve_token").read_text()
        assert oct((home / "serve_token").stat().st_mode)[-3:] == "600"
        while True:  # it says so a moment before it listens
            try:
                status, _ = call(port, "/healthz", token)
                break
            except urllib.error.URLError:
                time.sleep(0.05)
        assert status == 200
        status, page = call(port, "/v1/recognition", "wrong", paint("red"))
        assert status == 401 and b"daguerre serve" in page
        status, page = call(port, "/v1/recognition", token, paint("blue"))
        assert status == 200, page
        best = json.loads(page)["answers"][0]["classes"][0]
        assert best["class_name"] == "blue"
        _, page = call(port, "/metrics", token)
        line = 'daguerre_serving_requests_total{task="recognition",status="200"} 1'
        assert line in page.decode().splitlines()
        assert token not in said.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, said.read_text()
    (row,) = Catalog(str(home / "tables")).read_latest("requests").to_pylist()
    assert (row["class_names"][0], row["role"]) == ("blue", "champion")
    assert row["vector_version"].endswith(encoder.name)


def test_a_home_without_a_champion_has_nothing_to_serve(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(tmp_path))
    done = CliRunner().invoke(app, ["serve", "--replicas", "1"])
    assert isinstance(done.exception, ValueError)
    assert "there is no champion of recognition" in str(done.exception)


@pytest.mark.filterwarnings("default")  # of MLflow's own store
def test_a_champion_that_somebody_deleted_in_mlflow_is_named(home, tmp_path):
    from mlflow import MlflowClient

    shutil.copytree(home / "tables", tmp_path / "tables")
    settings = load_settings({"DAGUERRE_HOME": str(tmp_path)})
    (tmp_path / "mlflow").mkdir()
    client = MlflowClient(settings.mlflow_url, settings.mlflow_url)
    client.create_registered_model("daguerre-recognition")
    row: ChampionRow = Catalog(str(tmp_path / "tables")).read_latest("champions").to_pylist()[0]  # fmt: skip
    tags = {"model_sha256": row["model_sha256"]}
    client.create_model_version("daguerre-recognition", "somewhere", tags=tags)
    look = look_into_registry(settings)
    assert look.find_fault(row) is None
    assert look.find_version("recognition", row["model_sha256"]) == 1
    client.delete_model_version("daguerre-recognition", "1")
    fault = look.find_fault(row) or ""
    assert fault.startswith(
        "champion daguerre-recognition v1 is not in MLflow any more"
    )
    assert "restore" in fault
    assert look.find_version("recognition", row["model_sha256"]) is None
