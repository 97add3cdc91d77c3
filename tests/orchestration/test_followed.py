"""A run that is followed: one trace with the run's id, a span a step, and the run known while it goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
_GRAPH = """
import json
import sys
from pathlib import Path
import dagster as dg
from assets.tracing import span, trace_id
from assets.under_way import current_work
from orchestration.followed import TRACE_TAG, follow_run, followed_in_process, tag_trace

NOTE = Path(__file__).with_suffix(".json")

@dg.op
def first():
    with span("inner"):
        known = [current_work().run_id, current_work().session, trace_id()]
        NOTE.write_text(json.dumps(known))

@dg.op(ins={"after": dg.In(dg.Nothing)})
def second():
    raise ValueError("on purpose\\nand at length")

def make_job():
    @dg.job(executor_def=followed_in_process)
    def two_steps():
        second(first())
    return two_steps

def tell(run):
    told = json.loads(NOTE.read_text())
    is_loaded = any(name.startswith("opentelemetry") for name in sys.modules)
    print(json.dumps([run.run_id, run.tags.get(TRACE_TAG), told, is_loaded]))

quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""
_BY_EXECUTOR = """
if __name__ == "__main__":
    with dg.DagsterInstance.ephemeral() as instance:
        job = dg.reconstructable(make_job)
        tags = {"dagster/partition": "monday"}
        done = dg.execute_job(job, instance, quiet, tags=tags)
        run = instance.get_run_by_id(done.run_id)
        tell(run)
"""
_HERE = """
import uuid
with dg.DagsterInstance.ephemeral() as instance:
    run_id = str(uuid.uuid4())
    with follow_run(instance, run_id, "two_steps", "monday"):
        make_job().execute_in_process(
            quiet, instance, raise_on_error=False, run_id=run_id, tags=tag_trace(run_id)
        )
    run = instance.get_run_by_id(run_id)
    tell(run)
"""


def run(tmp_path: Path, code: str, **environment: str) -> tuple[list, list[dict]]:
    """What the script prints, and the spans that it sent."""
    script = tmp_path / "followed_script.py"
    script.write_text(_GRAPH + code)
    path = os.pathsep.join([str(CHECKOUT), str(tmp_path)])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script)],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("{")]
    return json.loads(done.stdout), [json.loads(line) for line in lines]


@pytest.mark.parametrize("code", [_BY_EXECUTOR, _HERE], ids=["daemon", "command"])
def test_a_run_is_a_trace_whose_steps_are_spans(tmp_path, code) -> None:
    told, spans = run(tmp_path, code, OTEL_TRACES_EXPORTER="console")
    run_id, tag, [of_run, session, trace], is_loaded = told
    assert is_loaded
    assert (of_run, session) == (run_id, "monday")
    assert tag == trace == run_id.replace("-", "")
    assert {span["context"]["trace_id"] for span in spans} == {f"0x{trace}"}
    by_name = {span["name"]: span for span in spans}
    assert list(by_name) == ["inner", "first", "second", "two_steps"]
    ids = {name: span["context"]["span_id"] for name, span in by_name.items()}
    parents = {name: span["parent_id"] for name, span in by_name.items()}
    assert parents == {
        "inner": ids["first"],
        "first": ids["two_steps"],
        "second": ids["two_steps"],
        "two_steps": None,
    }
    states = {name: span["status"]["status_code"] for name, span in by_name.items()}
    assert states["first"] == "UNSET"
    assert states["second"] == states["two_steps"] == "ERROR"
    reason = by_name["two_steps"]["status"]["description"]
    assert reason == "second: ValueError: on purpose"


def test_off_a_run_is_known_and_nothing_of_traces_is_loaded(tmp_path) -> None:
    told, spans = run(tmp_path, _BY_EXECUTOR, OTEL_TRACES_EXPORTER="")
    run_id, tag, known, is_loaded = told
    assert known == [run_id, "monday", None]
    assert (tag, is_loaded, spans) == (None, False, [])
