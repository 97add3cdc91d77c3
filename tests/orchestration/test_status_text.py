"""What `daguerre status` prints fits the terminal, breaks between words and says where everything lies."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.cli.status_text import _list_drift, _tell_requests, tell_session
from orchestration.cli.tables import print_lines, print_table

# third parties warn inside the checks
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def test_status_says_what_the_landing_zone_is_and_where_sessions_lie(
    home, monkeypatch, make_png, write_files, narrow
):
    """Held, elsewhere, and with a reason that is longer than a line."""
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    run = CliRunner()
    empty = run.invoke(app, ["status"]).stdout
    assert " ".join(empty.split()).endswith(
        "landing: empty; a folder that is put there becomes a session, which `daguerre ui` takes in by itself "
        "sessions: none yet `daguerre ingest PLACE` takes one in, from anywhere"
    )
    place = write_files(
        {"good.png": make_png(1), "cut.png": make_png(2)[:60]}, "monday"
    )
    run.invoke(app, ["ingest", str(place)])
    text = run.invoke(app, ["status"]).stdout
    lines = text.splitlines()
    long = [line for line in lines if len(line) > 80 and " " in line.strip()]
    assert not long
    assert f"in {place}" in " ".join(text.split())
    assert "could not be read and are in quarantine" in " ".join(text.split())
    wide = run.invoke(app, ["status", "--wide"]).stdout
    assert "(50 %) could not be read and are in quarantine\n" in wide
    words = {word for line in wide.splitlines() for word in line.split()}
    broken = {word for line in lines for word in line.split()} - words
    assert not {word for word in broken if word.isalpha() and word != "held"}


def test_a_session_that_is_of_nearly_one_picture_says_so_below_its_counts():
    counts = dict.fromkeys(("waiting", "ingested", "quarantined", "dropped"), 0)
    facts = {"session": "desk", "state": "ingested", "files": 30, "frames": 30}
    facts |= {**counts, "place": "", "fault": "", "copy_of": [], "held": []}
    assert len(list(tell_session({**facts, "alike": ""}, "/landing"))) == 1
    told = list(tell_session({**facts, "alike": "29 of 30 frames"}, "/landing"))
    assert told[1:] == ["      WARNING: 29 of 30 frames"]


def test_what_is_said_of_three_models_for_one_reason_stands_once():
    asked = {"session": "dusk", "model_version": "1", "reason": "it is dark"}
    tasks = ("detection", "recognition", "segmentation")
    requests = [{**asked, "task": task, "answer": "no daemon runs"} for task in tasks]
    requests.append({**requests[0], "reason": "it is blurred", "answer": "training"})
    assert list(_tell_requests({"retraining_requests": requests})) == [
        "retraining request: detection (champion 1), recognition (champion 1), segmentation (champion 1) for dusk: "
        "it is dark",
        "  -> no daemon runs",
        "retraining request: detection (champion 1) for dusk: it is blurred",
        "  -> training",
    ]
    drift = [{**asked, "model_name": task, "is_drifted": True} for task in tasks]
    assert _list_drift({"drift": drift}) == [
        {
            "session": "dusk",
            "models": "detection/1, recognition/1, segmentation/1",
            "is_drifted": True,
            "reason": "it is dark",
        }
    ]


def test_lines_are_broken_between_words_and_long_words_stay_whole(narrow, capsys):
    path = "/" + "long-name/" * 9
    print_lines([f"  in {path} and more", "short", f"  {'word ' * 30}".rstrip()])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["  in", f"      {path}", "      and more"]
    assert lines[3] == "short" and lines[4].startswith("  word word")
    assert {word for line in lines[4:] for word in line.split()} == {"word"}
    assert max(map(len, lines[4:])) <= 80


def test_columns_are_as_wide_as_their_longest_word(narrow, capsys):
    name = "a-session-of-thirty-characters"
    print_table([{"table": name, "reason": "too many words for one line " * 2}])
    text = capsys.readouterr().out
    assert name in text and max(map(len, text.splitlines())) <= 80
    assert "characters" not in text.replace(name, "")


def test_a_column_whose_words_do_not_fit_is_named_and_not_broken(narrow, capsys):
    row = {"first": "x" * 50, "second": "y" * 40, "third": 1}
    print_table([row], more="daguerre status --wide")
    text = capsys.readouterr().out
    assert "x" * 50 in text and "y" not in text.replace("daguerre", "")
    assert "no room for second: daguerre status --wide" in text
