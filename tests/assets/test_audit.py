"""The record of acts: each entry follows from the one before, and what is changed, dropped or cut off is found."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from assets.audit import RECORD, Act, check_record, note, read_acts


@pytest.fixture
def home(tmp_path):
    for number in range(4):
        note(tmp_path, Act("consent", "anna", f"session {number}", "she signed"))
    return tmp_path


def find_breaks(home) -> list[tuple[int, str]]:
    return [(b.number, b.reason) for b in check_record(home) if b is not None]


def rewrite(home, change) -> None:
    lines = (home / RECORD).read_text().splitlines()
    (home / RECORD).write_text("".join(f"{line}\n" for line in change(lines)))


def test_entries_are_numbered_and_each_holds_the_hash_of_the_one_before(home):
    acts = read_acts(home)
    assert [a["number"] for a in acts] == [1, 2, 3, 4]
    assert [a["before"] for a in acts[1:]] == [a["sha256"] for a in acts[:-1]]
    assert find_breaks(home) == []
    assert len(list(check_record(home))) == 4


def test_a_changed_entry_is_named(home):
    rewrite(
        home, lambda lines: [line.replace("session 1", "session 9") for line in lines]
    )
    assert find_breaks(home) == [(2, "its hash is not that of its content")]


def test_a_dropped_entry_is_named_by_the_one_behind_it(home):
    rewrite(home, lambda lines: [lines[0], *lines[2:]])
    assert find_breaks(home) == [(2, "it does not follow entry 1")]


def test_an_end_that_is_cut_off_is_seen_by_the_head(home):
    rewrite(home, lambda lines: lines[:2])
    said = "the record ends behind entry 2: its head names entry 4, which is not there"
    assert find_breaks(home) == [(2, said)]


@pytest.mark.parametrize("num_left", [0, 2])
def test_what_was_cut_off_is_missed_after_the_next_acts_too(home, num_left):
    rewrite(home, lambda lines: lines[:num_left])
    for name in ("bob", "carol"):
        note(home, Act("approved", name, "detection/3"))
    assert [a["number"] for a in read_acts(home)[-2:]] == [5, 6]
    place = num_left + 1
    assert find_breaks(home) == [(place, f"it does not follow entry {num_left}")]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"number": 4', '"number": "4"', "its fields are not those of an entry"),
        ('"who": "anna"', '"who": ["anna"]', "its fields are not those of an entry"),
        ('"why"', '"why": "bob", "why"', "it is not written as an entry is"),
        ('{"number"', '{ "number"', "it is not written as an entry is"),
    ],
)
def test_an_end_that_is_not_as_it_was_written_is_named_and_nothing_follows(
    home, old, new, reason
):
    rewrite(home, lambda lines: [*lines[:3], lines[3].replace(old, new)])
    assert (4, reason) in find_breaks(home)
    with pytest.raises(ValueError, match=reason):
        note(home, Act("approved", "bob", "detection/3"))


@pytest.mark.parametrize("head", ["[]", '{"number": "4", "sha256": "0"}', "{}x"])
def test_a_head_that_is_none_is_named(home, head):
    (home / "audit/head.json").write_text(head)
    assert find_breaks(home) == [(4, "its head is gone or unreadable")]


def test_a_line_that_is_no_entry_is_named_and_the_others_are_looked_at(home):
    rewrite(home, lambda lines: [lines[0], "{}", *lines[2:]])
    assert find_breaks(home)[0] == (2, "it has other fields than an entry")


def test_half_a_line_of_a_power_cut_is_taken_away_by_the_next_entry(home):
    with (home / RECORD).open("a") as file:
        file.write('{"number": 5, "at": "20')
    note(home, Act("approved", "bob", "detection/3"))
    acts = read_acts(home)
    assert (acts[-1]["number"], acts[-1]["act"]) == (5, "approved")
    assert find_breaks(home) == []


def test_nothing_is_added_behind_a_damaged_end(home):
    rewrite(home, lambda lines: [*lines[:3], "damaged"])
    with pytest.raises(ValueError, match="restore the record from a backup"):
        note(home, Act("approved", "bob", "detection/3"))


def test_those_who_write_at_once_follow_each_other(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: note(tmp_path, Act("read", "bob", str(n))), range(12)))
    assert find_breaks(tmp_path) == []
    assert sorted(int(a["of"]) for a in read_acts(tmp_path)) == list(range(12))


def test_line_breaks_in_a_reason_make_no_entries(tmp_path):
    note(tmp_path, Act("consent", "anna", "monday", "one\ntwo\u2028three"))
    note(tmp_path, Act("consent", "anna", "monday", "four"))
    assert [
        json.loads(line)["why"] for line in (tmp_path / RECORD).read_text().splitlines()
    ] == ["one\ntwo\u2028three", "four"]
    assert find_breaks(tmp_path) == []
