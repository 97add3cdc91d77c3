"""What a terminal gets: tables that fit it, CSV, errors as JSON, and the version."""

from __future__ import annotations

import csv
import io
import json
import sys

import pytest
from typer.testing import CliRunner

from orchestration.cli import app, main
from orchestration.cli.columns import rank_columns
from orchestration.cli.tables import choose_columns

LONG = ", ".join(f"'{'word ' * 12}' as column_{n}" for n in range(9))


@pytest.fixture
def run(home, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *words: CliRunner().invoke(app, list(words), catch_exceptions=False)


def test_columns_are_chosen_by_what_they_need_at_least():
    # 1 of the frame, 3 beside each: 1 + (10 + 3) + (14 + 3) + (20 + 3) = 54
    assert choose_columns([10, 14, 20], 54) == [0, 1, 2]
    assert choose_columns([10, 14, 20], 53) == [0, 1]
    assert choose_columns([14, 14, 5], 27) == [0, 2]
    assert choose_columns([14, 14], 3) == [0]
    # a mark of 8 takes 11: 1 + 13 + 11 = 25 leave no room for 17 more
    assert choose_columns([10, 14, 8], 41, always=[2]) == [0, 2]
    assert choose_columns([10, 14, 8], 30, order=[1, 0, 2]) == [1, 2]
    assert choose_columns([10, 14, 8], 3, always=[0, 1, 2]) == [0, 1, 2]
    assert choose_columns([], 80) == []


def test_what_a_star_stands_for_is_ranked_by_use():
    rows = [
        {
            "frame_id": "0123456789abcdef" * 2,
            "session": "monday",
            "sensor": sensor,
            "source_offset": 7,
            "note": None,
            "score": 0.5,
        }
        for sensor in ("left", "right")
    ]
    expected = ["sensor", "session", "score", "source_offset", "frame_id", "note"]
    assert rank_columns(rows, ()) == expected
    # the same in both rows: after what differs, in the order in which they come
    assert rank_columns(rows, ("note",))[:2] == ["note", "sensor"]


def test_every_column_that_was_named_is_shown_however_many(run):
    names = [f"column_{n}" for n in range(9)]
    lines = run("query", f"select {LONG}").stdout.splitlines()
    head = " ".join(lines[:3])
    assert all(name in head for name in names) and "no room" not in head


def test_a_star_leaves_out_what_has_no_room_and_a_name_beside_it_does_not(run):
    sql = f"select * exclude column_8, column_8 as last from (select {LONG})"
    done = run("query", sql).stdout
    lines = done.splitlines()
    assert max(map(len, lines)) <= 80 and "last" in lines[1]
    assert "no room for" in done and lines[-1].endswith("--wide or --csv")


def test_a_table_fits_80_columns_and_names_what_does_not(run):
    lines = run("query", f"from (select {LONG})").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "no room for column_4, column_5" in " ".join(lines)
    assert lines[-1].endswith("--wide or --csv")


def test_a_wide_table_has_all_on_one_line(run):
    text = run("query", "--wide", f"select {LONG}").stdout
    assert len(text.splitlines()) == 5 and "no room" not in text
    assert text.count("word word word word") >= 9


def test_csv_holds_values_in_full_and_moves_no_cursor(run):
    sql = "select repeat('a', 200) as long, 'a\"b' as quoted, chr(27) as escape, null as absent"
    rows = list(csv.reader(io.StringIO(run("query", "--csv", sql).stdout)))
    assert rows == [
        ["long", "quoted", "escape", "absent"],
        ["a" * 200, 'a"b', "\\x1b", ""],
    ]


def test_bytes_are_left_out_and_named_but_json_has_their_hash(run):
    done = run("query", "select 1 as n, 'abc'::blob as payload")
    assert "abc" not in done.stdout and "payload" not in done.stdout
    assert done.stderr == "left out, being bytes: payload\n"
    (row,) = json.loads(
        run("query", "--json", "select 'abc'::blob as payload, 1 as n").stdout
    )["rows"]
    assert (row["n"], row["payload"]["bytes"]) == (1, 3)


def test_held_sessions_are_told_beside_the_rows(run, catalog, frame_rows):
    for session in ("desk", "dusk"):
        catalog.merge("frames", frame_rows(2, session=session))
    version = catalog.latest_version("frames")
    catalog.publish("frames", "desk", version)
    catalog.hold("frames", "dusk", version, "too dark")
    sql = "select count(*) as n from frames"
    for form in ((), ("--csv",), ("--wide",)):
        done = run("query", sql, *form)
        assert "4" in done.stdout and "dusk" not in done.stdout
        assert done.stderr.startswith("held, and not for training: dusk (frames); ")
        assert len(done.stderr.splitlines()) == 1
    found = json.loads(run("query", sql, "--json").stdout)
    held = [{"session": "dusk", "table": "frames"}]
    assert found == {"rows": [{"n": 4}], "held": held}
    only = "session not in (select session from publications where is_held)"
    done = run("query", f"{sql} where {only}", "--csv")
    assert (done.stdout, done.stderr) == ("n\n2\n", "")


def test_the_version_is_told(run):
    assert run("--version").stdout.startswith("daguerre 0.")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("query", "selec"), "syntax error"),
        (("query", "select 1", "--unknown"), "No such option: --unknown"),
        (("ingest", "nowhere"), "does not exist"),
        (("lineage", "frame"), "ID"),
        (("unknown",), "No such command 'unknown'"),
    ],
)
def test_an_error_is_one_json_object_with_the_exit_code(
    words, told, home, monkeypatch, capsys, tmp_path
):
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["daguerre", *words, "--json"])
    with pytest.raises(SystemExit) as stop:
        main()
    captured = capsys.readouterr()
    facts = json.loads(captured.out)
    assert told in facts["error"] and facts["exit_code"] == stop.value.code == 2
    assert "Traceback" not in captured.err


def test_without_json_an_error_leaves_stdout_empty(home, monkeypatch, capsys):
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    monkeypatch.setattr(sys, "argv", ["daguerre", "query", "select 1", "--unknown"])
    with pytest.raises(SystemExit) as stop:
        main()
    captured = capsys.readouterr()
    assert (stop.value.code, captured.out) == (2, "")
    assert "No such option" in captured.err
