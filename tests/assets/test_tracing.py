"""Spans: nothing at all while they are off; one trace over processes, with the id of the run, when they are on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from assets import tracing

CHECKOUT = Path(__file__).resolve().parents[2]
VARIABLES = (
    "OTEL_SDK_DISABLED",
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
)


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def run(code: str, **environment: str) -> tuple[str, list[dict]]:
    """What the code prints, and the spans that its process sent."""
    done = subprocess.run(
        [sys.executable, "-c", f"from assets.tracing import *\n{code}"],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), [json.loads(line) for line in done.stderr.splitlines()]


@pytest.mark.parametrize(
    ("environment", "is_on"),
    [
        ({}, False),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_the_standard_variables_turn_it_on(environment, is_on, monkeypatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert tracing.is_on() is is_on


def test_off_nothing_is_imported_and_nothing_is_known() -> None:
    code = """
import sys, time, uuid
with run_span(str(uuid.uuid4()), "run"), span("step") as opened, continued("00-1-1-01"):
    opened.fail("hm")
    record("epoch", 0, time.time_ns())
    print(traceparent(), trace_id())
flush()
require_exporter()
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
    assert run(code) == ("None None\n[]", [])


def test_the_trace_of_a_run_has_its_id_and_goes_on_in_another_process() -> None:
    run_id = str(uuid.uuid4())
    code = f"""
with run_span({run_id!r}, "train", session="monday"):
    with span("step"):
        print(traceparent())
"""
    parent, spans = run(code, OTEL_TRACES_EXPORTER="console")
    by_name = {span["name"]: span for span in spans}
    trace = f"0x{uuid.UUID(run_id).hex}"
    assert {span["context"]["trace_id"] for span in spans} == {trace}
    assert by_name["train"]["parent_id"] is None
    assert by_name["step"]["parent_id"] == by_name["train"]["context"]["span_id"]
    assert by_name["train"]["attributes"]["daguerre.session"] == "monday"
    assert by_name["train"]["resource"]["attributes"]["service.name"] == "daguerre"

    code = f"""
with continued({parent!r}), span("worker", rank=1):
    record("epoch", 1, 2, epoch=1)
import os
os._exit(0)  # nothing is sent after the context
"""
    _, others = run(code, OTEL_TRACES_EXPORTER="console")
    assert [span["name"] for span in others] == ["epoch", "worker"]
    assert {span["context"]["trace_id"] for span in others} == {trace}
    assert others[1]["parent_id"] == by_name["step"]["context"]["span_id"]
    assert others[0]["start_time"] == "1970-01-01T00:00:00.000000Z"


def test_an_error_marks_its_span_without_the_password_in_it() -> None:
    code = """
try:
    with span("step", place="postgresql://me:marker-8@host/db"):
        raise OSError("postgresql://me:marker-8@host/db is away")
except OSError:
    pass
"""
    _, (told,) = run(code, OTEL_TRACES_EXPORTER="console")
    assert told["status"]["status_code"] == "ERROR"
    assert told["status"]["description"].startswith("OSError: postgresql://me:***@")
    assert "marker-8" not in json.dumps(told)


@pytest.mark.parametrize(
    ("environment", "remedy"),
    [
        (
            {"OTEL_TRACES_EXPORTER": "zipkin"},
            "pip install opentelemetry-exporter-zipkin",
        ),
        (
            {
                "OTEL_TRACES_EXPORTER": "otlp",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
            },
            "use http/protobuf or grpc",
        ),
    ],
)
def test_what_cannot_be_sent_is_said_before_and_fails_no_work(
    environment, remedy
) -> None:
    code = """
try:
    require_exporter()
except ValueError as error:
    print(error)
import logging; logging.disable()
with span("step"):
    print("worked")
"""
    told, spans = run(code, **environment)
    assert remedy in told and told.endswith("worked")
    assert spans == []
