"""Ids, names and pictures go from a text, and what only looks like one stays."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from assets.erasure import files
from assets.erasure.databases import redact_files
from assets.erasure.redaction import Redactor, list_kept_keys, list_own_words

ID, SHA = "ab" * 16, "cd" * 32
NAMES = {"monday", "images/0042.png", "odd name.png"}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"frame {ID} of {SHA}", "frame X of X"),
        (f"{ID}0 and {'ef' * 16}", f"{ID}0 and {'ef' * 16}"),
        ("/home/landing/monday/images/0042.png", "/home/landing/X/X"),
        ("monday-2 and tuesday stay, monday goes", "monday-2 and tuesday stay, X goes"),
        ('{"monday": 1, "partition": "monday"}', '{"X": 1, "partition": "X"}'),
        ('{"tags": ["tags"]}', '{"tags": ["X"]}'),
        (r'"{\"tags\": \"tags\", \"monday\": 1}"', r'"{\"tags\": \"X\", \"X\": 1}"'),
        ("read odd name.png", "read X"),
        ("other/images/0042.png", "other/X"),
    ],
)
def test_what_is_named_goes(text, left):
    kept = list_kept_keys(["tags", "monday", "a-b"])
    assert kept == {"tags"}, "a word of Dagster and of MLflow"
    redactor = Redactor({ID, SHA}, NAMES | kept, "X", kept)
    assert redactor.redact(text) == left
    assert redactor.redact(left) == left
    assert redactor.num_found == left.count("X")


@pytest.mark.parametrize(
    ("place", "left"),
    [
        ("/out/monday.zip", "/out/X.zip"),
        ("s3://a/monday/tuesday.tar.gz", "s3://a/X/tuesday.tar.gz"),
        ("monday", "X"),
        ("/out/monday-2.zip", "/out/monday-2.zip"),
    ],
)
def test_a_place_that_has_the_name_of_what_went_there_loses_it(place, left):
    assert Redactor((), {"monday"}, "X").redact_place(place) == left


@pytest.mark.parametrize("name", ["img/é.png", 'say "x".png', "a b/c d.png"])
def test_a_name_goes_from_json_and_from_json_in_json(name):
    redactor = Redactor(set(), {name, "a b"}, "erased")
    once = json.dumps({"path": name, "other": "img/kept.png"})
    for text in (name, once, json.dumps({"event": once})):
        told = redactor.redact(text)
        assert name not in told and json.dumps(name)[1:-1] not in told
        assert "u00e9" not in told and "c d" not in told
    assert "img/kept.png" in redactor.redact(once)


def test_a_log_that_is_too_long_to_be_read_is_named(tmp_path, monkeypatch):
    (tmp_path / "logs").mkdir()
    for name, length in (("long.log", 11), ("short.log", 10)):
        (tmp_path / "logs" / name).write_bytes(b"x" * length)
    monkeypatch.setattr(files, "_MAX_TEXT_BYTES", 10)
    assert [p.name for p in files.find_texts(tmp_path)] == ["short.log"]
    assert [p.name for p in files.find_long_texts(tmp_path)] == ["long.log"]


def test_pictures_go_and_charts_stay():
    redactor = Redactor((), (), "X")
    text = "![a](data:image/jpeg;base64,QUJDREVG) ![b](data:image/png;base64,BBBB)"
    left = redactor.redact(text, with_pictures=True)
    assert "QUJDREVG" not in left and "png;base64,BBBB" in left
    assert redactor.redact(text) == text


def test_words_of_daguerre_name_no_session():
    assert {"frames", "capture", "detection", "session"} <= list_own_words()
    assert "monday" not in list_own_words()


def test_a_database_tells_of_it_no_more_and_keeps_its_rows(tmp_path):
    folder = tmp_path / "dagster" / "history"
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / "runs.db")) as file:
        file.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, body TEXT)")
        file.execute("CREATE TABLE dynamic_partitions (partition TEXT UNIQUE)")
        rows = [(f"{n}: {ID}" if n % 2 else f"{n}",) for n in range(1200)]
        file.executemany("INSERT INTO events (body) VALUES (?)", rows)
        partitions = [("monday",), ("tuesday",)]
        file.executemany("INSERT INTO dynamic_partitions VALUES (?)", partitions)
        file.commit()
    redactor = Redactor({ID}, {"monday"}, "X")
    assert list(redact_files(tmp_path, redactor, is_dry_run=True)) == [
        ("dagster/history/runs.db", 601)
    ]
    assert ID.encode() in (folder / "runs.db").read_bytes()
    assert len(list(redact_files(tmp_path, redactor, is_dry_run=False))) == 1
    assert list(redact_files(tmp_path, redactor, is_dry_run=False)) == []
    with closing(sqlite3.connect(folder / "runs.db")) as file:
        bodies = [body for (body,) in file.execute("SELECT body FROM events")]
        left = file.execute("SELECT * FROM dynamic_partitions").fetchall()
    assert bodies[:2] == ["0", "1: X"] and len(bodies) == 1200
    assert left == [("tuesday",)]
    for path in folder.iterdir():
        assert ID.encode() not in path.read_bytes()
