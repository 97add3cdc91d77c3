"""DAGUERRE_LOG=json: every line on stderr is one object, which says of which run and session, and holds no password."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from assets.training.progress import follow_events
from assets.under_way import working_on
from orchestration.cli.progress import show_activity
from orchestration.console import RunConsole
from orchestration.log_lines import choose_log, tell, tell_failure

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def as_json() -> Iterator[None]:
    log = logging.getLogger("daguerre")
    before = log.level, log.propagate, log.handlers
    log.handlers = []
    choose_log({"DAGUERRE_LOG": "json"})
    yield
    log.level, log.propagate, log.handlers = before


def read(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_record_says_when_what_and_of_which_run(as_json, capsys) -> None:
    with working_on(run_id="a-run"), working_on(session="monday"):
        logging.getLogger("daguerre.training").warning("loss is %s\nno more", 0.5)
    logging.getLogger("daguerre.tables").debug("not told")
    (told,) = read(capsys)
    at = datetime.fromisoformat(told.pop("time"))
    assert at.tzinfo == UTC and abs((datetime.now(UTC) - at).total_seconds()) < 60
    assert told == {
        "level": "warning",
        "logger": "daguerre.training",
        "message": "loss is 0.5\nno more",
        "run_id": "a-run",
        "session": "monday",
        "trace_id": None,
    }


def test_neither_messages_nor_tracebacks_hold_a_password(as_json, capsys) -> None:
    address = "postgresql://me:marker-41@host/db"
    log = logging.getLogger("daguerre.tables")
    log.warning("%s is away", address)
    try:
        raise OSError(f"cannot reach {address}")
    except OSError:
        log.exception("no answer")
    text = capsys.readouterr().err
    assert "marker-41" not in text and text.count("***") == 2
    assert "Traceback" in json.loads(text.splitlines()[1])["exception"]


def test_what_commands_tell_people_are_records_too(as_json, capsys) -> None:
    console = RunConsole()
    with console.step("train detection"):
        console.tell("one of two")
    with show_activity("loading"):
        pass
    tell_failure("there is no such session")
    told = read(capsys)
    messages = [record["message"] for record in told]
    assert messages[:2] == ["train detection", "one of two"]
    assert messages[2].endswith(" s") and messages[3:] == [
        "loading ...",
        "there is no such session",
    ]
    assert told[-1]["level"] == "error"


def test_a_record_is_told_once_beside_a_console(as_json, capsys) -> None:
    RunConsole()
    logging.getLogger("daguerre.training").info("epoch 1 of 5")
    assert [record["message"] for record in read(capsys)] == ["epoch 1 of 5"]


def test_what_a_followed_training_tells_is_of_its_run(
    as_json, capsys, tmp_path
) -> None:
    events = tmp_path / "events.jsonl"
    log = logging.getLogger("daguerre.training")
    with working_on(run_id="a-run"), follow_events(events, lambda e: log.info(e["n"])):
        events.write_text('{"n": 1}\n')
    assert [r["run_id"] for r in read(capsys)] == ["a-run"]


def test_lines_for_people_stay_as_they_are(capsys) -> None:
    choose_log({})
    tell("one")
    tell_failure("two")
    assert capsys.readouterr().err == "one\ndaguerre: two\n"


def test_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match="DAGUERRE_LOG='xml' is not known: use text"):
        choose_log({"DAGUERRE_LOG": "xml"})


def test_a_command_and_the_code_of_dagster_write_objects_alone(home, tmp_path) -> None:
    landed = tmp_path / "pictures"
    landed.mkdir()
    environment = {**os.environ, "DAGUERRE_HOME": str(home), "DAGUERRE_LOG": "json"}

    def run(*command: str) -> list[dict]:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=CHECKOUT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return [json.loads(line) for line in done.stderr.splitlines()]

    (told,) = run("-m", "daguerre", "ingest", str(landed))
    assert (told["level"], told["logger"]) == ("error", "daguerre.command")
    code = "import logging, orchestration.definitions; logging.getLogger('daguerre.tables').warning('hm')"
    (told,) = run("-c", code)
    assert (told["message"], told["logger"]) == ("hm", "daguerre.tables")
