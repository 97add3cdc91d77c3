"""A password that a setting holds is shown nowhere: not by a verb, a log, a run of Dagster, or a process."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import dagster as dg
import pytest
from PIL import Image

from assets.ledger import database
from assets.sandbox.guard import ImageGuard
from orchestration import cli
from orchestration.profiles import load_settings
from orchestration.ui import Ports, _commands

MARKER = "harmless-marker-5309"
NOBODY = "127.0.0.1:1"  # where no server answers
DATABASE = f"postgresql+psycopg://me:{MARKER}@{NOBODY}/daguerre"

# third parties warn inside the checks
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture
def environment(home, monkeypatch) -> dict[str, str]:
    """Every setting that may hold a secret does, and none of the stores answers."""
    settings = {
        "DAGUERRE_HOME": str(home),
        "DAGUERRE_LEDGER": DATABASE,
        "DAGUERRE_MLFLOW": DATABASE,
        "AWS_SECRET_ACCESS_KEY": MARKER,
        "AWS_SESSION_TOKEN": MARKER,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(database, "_RECONNECT_WAITS_S", ())
    return settings


def tell(capfd, monkeypatch, *words: str) -> str:
    """All that the command writes, when it cannot do what it was asked for."""
    monkeypatch.setattr(sys, "argv", ["daguerre", *words])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code in (1, 2)
    captured = capfd.readouterr()
    return captured.out + captured.err


@pytest.mark.parametrize(
    "words",
    [
        ["status", "--json"],
        ["query", "select * from files"],
        ["forget", "monday"],
    ],
)
def test_a_ledger_that_does_not_answer_is_told_without_its_password(
    environment, capfd, monkeypatch, words
):
    told = tell(capfd, monkeypatch, *words)
    assert "connection to server" in told and NOBODY.split(":")[0] in told
    assert MARKER not in told
    monkeypatch.setenv("DAGUERRE_TRACEBACK", "1")
    told = tell(capfd, monkeypatch, *words)
    assert "Traceback" in told and MARKER not in told


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DAGUERRE_LANDING", f"s3://key:{MARKER}@bucket/x"),
        ("DAGUERRE_TABLES", f"s3://{MARKER}@bucket/x"),
        ("DAGUERRE_BLOBS", f"s3://key:{MARKER}@bucket/x"),
        ("DAGUERRE_MLFLOW_ARTIFACTS", f"sftp://me:{MARKER}@host/x"),
        ("DAGUERRE_S3_ENDPOINT", f"http://me:{MARKER}@{NOBODY}"),
        ("DAGUERRE_MLFLOW", f"http://me:{MARKER}@{NOBODY}"),
        ("DAGUERRE_LEDGER", f"postgresql+psycopg://me:a@{MARKER}@{NOBODY}/x"),
    ],
)
def test_where_a_password_would_be_shown_or_written_it_is_refused(
    environment, capfd, monkeypatch, name, value
):
    monkeypatch.setenv(name, value)
    told = tell(capfd, monkeypatch, "status", "--json")
    error, _ = json.JSONDecoder().raw_decode(told)
    assert error["error"].startswith(f"{name} ")
    assert f"daguerre: {name} " in told and MARKER not in told


def test_a_place_on_the_command_line_is_refused_too(environment, capfd, monkeypatch):
    told = tell(capfd, monkeypatch, "ingest", f"s3://key:{MARKER}@bucket/monday")
    assert "s3://***@" in told and MARKER not in told


def test_a_run_that_fails_for_its_store_leaves_no_password_in_dagster(
    environment, tmp_path
):
    from orchestration.graph import build_defs

    defs = build_defs(load_settings())
    home = tmp_path / "dagster"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        instance.add_dynamic_partitions("sessions", ["monday"])
        result = defs.resolve_job_def("ingest_session").execute_in_process(
            instance=instance, partition_key="monday", raise_on_error=False
        )
        assert not result.success
        entries = instance.all_logs(result.run_id)
        told = "\n".join(dg.serialize_value(entry) for entry in entries)
        run = instance.get_run_by_id(result.run_id)
        assert "connection to server" in told, "the store's own words are kept"
        assert MARKER not in told + dg.serialize_value(run)
    written = b"".join(p.read_bytes() for p in home.rglob("*") if p.is_file())
    assert written and MARKER.encode() not in written


def test_no_process_is_started_with_a_password_in_its_arguments(environment, tmp_path):
    settings = load_settings()
    commands = _commands(
        Ports(3000, 5000, 8500), tmp_path / "code", tmp_path / "workspace.yaml"
    )
    assert MARKER in settings.ledger_url and MARKER in settings.mlflow_url
    assert MARKER not in json.dumps(commands) and MARKER not in repr(settings)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc on this system")
def test_a_decoder_is_told_no_secret(environment, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with ImageGuard() as guard:
        guard.collect(guard.submit([(tmp_path / "a.png").read_bytes()]))
        child = guard._lanes[0]._child
        assert child
        shown = Path(f"/proc/{child.pid}")
        told = (shown / "environ").read_bytes() + (shown / "cmdline").read_bytes()
    assert b"guard_child" in told and MARKER.encode() not in told
    assert MARKER in os.environ["AWS_SESSION_TOKEN"]
