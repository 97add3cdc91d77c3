"""Runs that really failed, and sessions that are really held: the kind of cause, its evidence, what helps."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from assets.ledger import Ledger
from assets.retrieval.run_failures import ErrorLink, StepError
from orchestration.agent.answer import Source
from orchestration.agent.tool import call
from orchestration.agent.tools import find_tool
from orchestration.agent.world import World
from orchestration.cli import run_verb
from orchestration.cli.triaging import _tell
from orchestration.profiles import CHECKOUT, load_settings
from orchestration.triage import of_run
from orchestration.triage.diagnosis import Diagnosis, Evidence
from orchestration.triage.kinds import Kind, name_error
from orchestration.triage.remedies import Stopped, choose_proposal, list_remedies
from tests.orchestration.agent.conftest import HELD, PLEA

# runs in a home, each of which fails by itself; the last one is killed
_FAILING = """
import os, signal, sys, time
import dagster as dg, pyarrow as pa
from pathlib import Path
from assets.addresses import hide
from assets.cluster.connection import open_ray
from assets.reconstruction.rig_export import write_rig
from assets.tables.catalog import Catalog
from checks.as_check import as_result
from checks.labels import boxes_have_area

home = Path(sys.argv[1])

def fill_disk():
    with open("/dev/full", "w") as file:
        file.write("rows")

def ask_ray():
    with open_ray(1, "127.0.0.1:1"):
        pass

def export_rig():
    write_rig(Catalog(str(home / "tables")), "tuesday", "kalibr")

def break_code():
    hide(17)

def stop():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def run(key, work):
    @dg.asset(key=key.split("/"))
    def first():
        work()

    @dg.asset(key=[key.split("/")[0], "after"], deps=[first])
    def after():
        pass

    dg.materialize([first, after], instance=instance, raise_on_error=False)

def refuse():
    @dg.asset(key=["capture", "imported_labels"])
    def labels():
        pass

    @dg.asset_check(asset=labels, blocking=True, name="boxes_have_area")
    def gate():
        sides = {"x_min": [0.0, 4.0], "y_min": [0.0, 4.0], "x_max": [2.0, 4.0], "y_max": [2.0, 9.0]}
        names = {n: ["a", "b"] for n in ("label_id", "class_name", "frame_id")}
        return as_result(labels.key, boxes_have_area(pa.table(names | sides)))

    @dg.asset(key=["annotation", "labels"], deps=[labels])
    def after():
        pass

    dg.materialize([labels, gate, after], instance=instance, raise_on_error=False)

with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
    refuse()
    for key, work in (
        ("a/disk", fill_disk), ("b/ray", ask_ray), ("c/rig", export_rig), ("d/code", break_code), ("e/term", stop),
        ("f/kill", die),
    ):
        run(key, work)
"""


@pytest.fixture(scope="module")
def failed_home(known_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("triage") / "home"
    shutil.copytree(known_home, home)
    for file in known_home.rglob("landing/*/*"):
        shutil.copystat(file, home / file.relative_to(known_home))
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT), "DAGUERRE_HOME": str(home)}
    words = [sys.executable, "-W", "ignore", "-c", _FAILING, str(home)]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return home


@pytest.fixture
def home(failed_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGUERRE_HOME", str(failed_home))
    monkeypatch.chdir(tmp_path)
    return failed_home


@pytest.fixture
def find(home: Path):
    """find("a/disk"): the id of the run that was to make it."""
    from assets.retrieval.run_failures import read_failure
    from assets.retrieval.run_history import list_runs

    def find(asset: str) -> str:
        for run in list_runs(home / "dagster", None, 50):
            told = read_failure(home / "dagster", None, run.run_id)
            if told is not None and asset in told.not_made:
                return run.run_id
        raise AssertionError(asset)

    return find


def triage(*words: str) -> dict:
    return run_verb(("triage", *words)).facts


@pytest.mark.parametrize(
    ("asset", "kind", "cause"),
    [
        ("a/disk", Kind.DISK_FULL, "OSError: [Errno 28] No space left on device"),
        ("b/ray", Kind.NO_RAY, "ValueError: DAGUERRE_RAY='127.0.0.1:1': no Ray answer"),
        ("c/rig", Kind.NO_CALIBRATION, "ValueError: tuesday has no published calib"),
        ("d/code", Kind.CODE_ERROR, "TypeError: "),
        ("e/term", Kind.KILLED, "its process was told to stop (Ctrl-C or SIGTERM)"),
    ],
)
def test_a_run_is_told_by_what_it_raised_and_what_it_left_out(find, asset, kind, cause):
    told = triage(find(asset))
    assert (told["kind"], told["also"]) == (str(kind), [])
    assert told["cause"].startswith(cause)
    stage = asset.partition("/")[0]
    assert set(told["stopped"]) == {asset, f"{stage}/after"}
    assert any(one["what"] == "error" for one in told["evidence"])


def test_what_helps_is_a_command_and_of_our_errors_what_they_say(find):
    assert "daguerre maintain" in " ".join(triage(find("a/disk"))["remedies"])
    assert "ray start" in triage(find("b/ray"))["remedies"][0]
    assert "`daguerre calibrate tuesday" in triage(find("c/rig"))["remedies"][0]
    (again,) = triage(find("e/term"))["remedies"]
    assert again == "daguerre backfill --select=e/after,e/term"


def test_an_error_in_the_code_is_told_with_its_place_in_it(find):
    told = triage(find("d/code"))
    (error,) = [one for one in told["evidence"] if one["what"] == "error"]
    assert error["at"].startswith("assets/addresses.py:")
    with pytest.raises(ValueError, match="against 'code error' nothing can be prop"):
        run_verb(("triage", find("d/code"), "--propose"))


def test_a_gate_that_refused_is_told_with_the_numbers_of_its_claim(find):
    told = triage(find("annotation/labels"))
    assert (told["kind"], told["stopped"]) == ("failed gate", ["annotation/labels"])
    (check,) = [one for one in told["evidence"] if one["what"] == "blocking check"]
    assert check["name"] == "capture/imported_labels: boxes_have_area"
    assert (
        "1 of 2 boxes (50 %)" in check["says"] and "num_offending 1" in check["numbers"]
    )


def test_who_was_killed_and_noted_nothing_is_taken_for_killed_once_it_is_quiet(
    find, lower
):
    run_id = find("f/kill")
    with pytest.raises(ValueError, match="is under way"):
        run_verb(("triage", run_id))
    lower(of_run, _QUIET_S=0.0)
    told = triage(run_id)
    assert told["kind"] == "killed" and "noted no end" in told["cause"]
    assert triage()["of"]["id"] == run_id  # the newest of all


def test_a_held_session_is_told_with_its_table_and_what_lacks_it(home):
    told = triage("tuesday")
    assert (told["kind"], told["job"]) == ("failed gate", "")
    assert told["cause"] == f"frame_exif held back: {HELD}"
    assert any("frame_exif for readers" in one for one in told["stopped"])
    assert told["of"]["follow"] == "daguerre report tuesday"


def test_a_file_that_could_not_be_read_is_the_cause_and_is_proposed_again(home):
    told = triage("monday", "--propose")
    assert told["kind"] == "bad file" and PLEA in told["cause"]
    (file,) = [one for one in told["evidence"] if one["what"] == "unread file"]
    assert file["says"] == "it is cut off after 10 bytes"
    assert told["remedies"][0] == "copy it again"
    shown = run_verb(("proposals", told["proposal"])).facts
    assert shown["command"] == "daguerre quarantine retry monday"
    assert shown["because"] == "triage of session monday: bad file"


def test_an_intake_that_failed_is_told_by_its_run(home, find):
    ledger = Ledger(f"sqlite:///{home / 'ledger.db'}")
    ledger.put_off("intake", "monday", 2, "its run failed", find("a/disk"))
    ledger.put_off("listing", "tuesday", 1, "the bucket does not answer")
    told, other = triage("monday"), triage("tuesday")
    ledger.end_pause("intake", "monday")
    ledger.end_pause("listing", "tuesday")
    ledger.engine.dispose()
    assert (told["of"]["id"], told["kind"]) == ("monday", "out of disk")
    whats = [one["what"] for one in told["evidence"]]
    assert whats[:2] == ["pause", "error"] and "unread file" in whats
    assert other["kind"] == "refused by a step"
    assert other["remedies"][0] == "daguerre status --health"


def test_the_tool_says_the_same_as_facts(home):
    world = World(load_settings(), "somebody", run_verb)
    answer = call(find_tool("triage"), world, {"what": "tuesday"})
    assert answer.text.startswith('Session "tuesday": "failed gate".')
    rows = {rows.name: rows for rows in answer.rows}
    assert rows["evidence"].rows[0]["name"] == "frame_exif"
    assert {fact.source.kind for fact in answer.facts} == {"session"}


def test_what_there_is_not_is_said_so(home):
    with pytest.raises(ValueError, match="no session is called 'friday', and no run"):
        run_verb(("triage", "friday"))


def test_where_nothing_is_the_matter_the_exit_code_is_1_and_the_tool_says_why(
    agent_home,
):
    (agent_home / "landing" / "quiet").mkdir()
    done = run_verb(("triage", "quiet"))
    assert done.exit_code == 1 and "no gate holds session quiet" in str(done.facts)
    world = World(load_settings(), "somebody", run_verb)
    answer = call(find_tool("triage"), world, {"what": "quiet"})
    assert not answer.is_known and "no gate holds session quiet" in answer.text


@pytest.mark.parametrize(
    ("cls", "says", "kind"),
    [
        ("NotFiniteError", "the loss is nan in step 3", Kind.DIVERGED),
        ("NoRoom", "9 bytes are to lie in x, and 1 are free there", Kind.DISK_FULL),
        ("RayTaskError", "gone", Kind.NO_RAY),
        ("OutOfMemoryError", "CUDA out of memory", Kind.NO_MEMORY),
        ("ValueError", "no published frames: take some in", Kind.REFUSED),
        ("ValueError", "a.png is cut off after 3 bytes", Kind.BAD_FILE),
        ("KeyError", "'no calibration'", Kind.CODE_ERROR),
    ],
)
def test_an_exception_is_of_a_kind_by_its_class_and_words(cls, says, kind):
    assert name_error(StepError("step", (ErrorLink(cls, says, ""),))) is kind


def test_people_see_three_digits_of_a_figure():
    one = Evidence("check", "frames", "1 of 180", "num 180, share 0.00555555555556")
    assert _tell(one) == "check frames: 1 of 180 [num 180, share 0.00556]"


@pytest.mark.parametrize("kind", [Kind.REFUSED, Kind.DIVERGED, Kind.NO_MEMORY, Kind.FAILED_GATE])  # fmt: skip
def test_what_would_end_the_same_is_not_proposed_and_the_remedy_says_what_to_change(
    kind,
):
    stopped = Stopped("train_detection", "", ("training/detection",))
    assert choose_proposal(kind, stopped) == ()
    assert choose_proposal(Kind.KILLED, stopped) == ("train", "detection")
    again = [r for r in list_remedies(kind, stopped) if "daguerre train" in r]
    assert again and not any(r == "daguerre train detection" for r in again)


def test_a_loss_that_is_not_finite_is_a_training_that_diverged(home, find):
    told = triage(find("training/detection"))
    assert told["kind"] == "training diverged"
    with pytest.raises(ValueError, match="against 'training diverged' nothing can be"):
        run_verb(("triage", find("training/detection"), "--propose"))


def test_evidence_for_people_adds_to_the_cause_and_does_not_repeat_it():
    cause = "ValueError: the box is empty"
    found = Diagnosis(
        Source("run", "r"),
        "job",
        Kind.REFUSED,
        cause,
        (
            Evidence("error", "step", "the box is empty"),
            Evidence("error", "step", "the box is empty", at="assets/a.py:3"),
            Evidence("log", "step", "another line"),
        ),
    )
    shown = [(one.says, one.at) for one in found.more_evidence]
    assert shown == [("", "assets/a.py:3"), ("another line", "")]
    assert len(found.to_dict()["evidence"]) == 3


def test_nothing_named_is_told_so(agent_home):
    with pytest.raises(ValueError, match="nothing is named: give a session, a run"):
        run_verb(("triage", ""))
