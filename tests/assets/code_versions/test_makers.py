"""Versions that people gave to code, and those that code has by itself."""

from __future__ import annotations

import json

import pytest

from assets.code_versions.__main__ import main
from assets.code_versions.makers import list_versions, merge_listed, name_version

FIRST = {"frame_quality": {"2": {"aa" * 16: ""}}}
NOW = list_versions()["frame_quality"].fingerprint


def write(tmp_path, listed):
    path = tmp_path / "versions.json"
    everything = {
        name: {"1": {v.fingerprint: ""}} for name, v in list_versions().items()
    }
    path.write_text(json.dumps(everything | listed))
    return path


def read(path):
    return json.loads(path.read_text())["frame_quality"]


def test_code_that_is_not_listed_is_a_version_of_its_own():
    found = name_version("frame_quality", "bb" * 16, FIRST)
    assert (found.value, found.is_listed, found.table) == (
        "code-bbbbbbbbbbbb",
        False,
        "frame_quality",
    )
    assert name_version("frame_quality", "aa" * 16, FIRST).value == "2"


def test_code_that_is_not_listed_is_told_with_the_two_ways_out(tmp_path, capsys):
    path = write(tmp_path, FIRST)
    assert main([], path) == 1
    makers, ways_out = capsys.readouterr().out.splitlines()
    assert "'frame_quality'" in makers
    assert "--accept MAKER" in ways_out and "--same MAKER" in ways_out


def test_other_rows_are_the_next_version(tmp_path):
    path = write(tmp_path, FIRST)
    assert main(["--accept", "frame_quality"], path) == 0
    assert read(path) == {"2": {"aa" * 16: ""}, "3": {NOW: ""}}
    assert main([], path) == 0


def test_equal_rows_keep_their_version_and_say_why(tmp_path):
    path = write(tmp_path, FIRST)
    assert main(["--same", "frame_quality", "--because", "only faster"], path) == 0
    assert read(path) == {"2": {"aa" * 16: "", NOW: "only faster"}}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--same", "frame_quality"], "--same takes --because"),
        (["--accept", "frames"], "'frames' is no maker that is not listed"),
    ],
)
def test_a_wrong_word_lists_nothing(tmp_path, capsys, words, told):
    path = write(tmp_path, FIRST)
    before = path.read_text()
    with pytest.raises(SystemExit, match="2"):
        main(words, path)
    assert told in capsys.readouterr().err and path.read_text() == before


def test_what_is_said_here_counts_for_a_commit_and_what_it_said_stays():
    theirs = json.dumps({"frame_quality": {"2": {"aa" * 16: ""}, "x": {"cc": ""}}})
    ours = {"frame_quality": {"3": {"aa" * 16: "after all"}}}
    merged = merge_listed(ours, theirs.encode())
    assert name_version("frame_quality", "aa" * 16, merged).value == "3"
    assert name_version("frame_quality", "cc", merged).value == "x"
    assert merge_listed(ours, None) == ours
