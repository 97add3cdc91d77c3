"""How questions are read: what words mean, slips of fingers, stretches of time, orders."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestration.agent.asking.moments import find_time
from orchestration.agent.asking.spelling import correct, mend
from orchestration.agent.asking.words import (
    find_counted,
    is_order,
    list_deciding,
    list_meanings,
)

NOW = datetime(2026, 11, 30, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meanings"),
    [
        ("how many photographs are there", ["count", "frame"]),
        ("please give me the total of pictures", ["count", "frame"]),
        ("what is out of date", ["stale"]),
        ("session <session> sensors", ["<session>", "sensor"]),
        ("where is <frame> from", ["origin", "<frame>"]),
    ],
)
def test_words_of_one_meaning_are_one(text, meanings):
    assert list(list_meanings(text.split())) == meanings


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("how many photographs are there", "frame"),
        ("how many different <class> are labelled", "<class>"),
        ("how many <class> labels are there", "label"),
        ("number of the fraems", "frame"),
        ("how many dogs are labelled", ""),  # a slip away from "does"
        ("how many persons are there", ""),
        ("how many rows has <table>", "row"),
        ("how many times was <class> labelled", None),
        ("how many are there", None),
        ("which frames are there", None),
    ],
)
def test_what_is_counted_stands_behind_how_many(text, counted):
    assert find_counted(text.split()) == counted


@pytest.mark.parametrize(
    ("text", "deciding"),
    [
        ("who took the pictures", ["who"]),
        ("how do i train a model", ["how to"]),
        ("when was <session> recorded", ["when"]),
        ("frames without labels", ["without"]),
        ("which checks did not pass", []),  # one phrase, of one meaning
    ],
)
def test_some_words_decide_what_kind_of_answer_is_right(text, deciding):
    assert list(list_deciding(text.split())) == deciding


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("fraems", "frames"),  # two letters in turn
        ("sesions", "sessions"),  # one left out
        ("pictture", "picture"),  # one too many
        ("sensur", "sensor"),  # another
        ("franes", "frames"),  # by the key beside
        ("weather", "weather"),  # near nothing
        ("film", "film"),  # and no "file": the keys lie apart
        ("masks", "masks"),  # a word of its own
        ("cat", "cat"),
        ("life", "life"),  # English words are no mistyped ones
        ("persons", "persons"),
        ("lidar", "lidar"),  # nor those of the trade
        ("hwo", "how"),
        ("lsat", "last"),
        ("tagels", "tables"),  # by the key below
        ("ebtween", "between"),  # the first two in turn
        ("lables", "labels"),  # and not "tables": a first letter is seldom wrong
    ],
)
def test_a_slip_of_the_fingers_is_read_as_what_was_meant(typed, meant):
    assert correct(typed) == meant


@pytest.mark.parametrize(
    ("text", "words", "period"),
    [
        (
            "runs yesterday",
            "runs <time>",
            "2026-11-29T00:00:00Z/2026-11-30T00:00:00Z",
        ),
        ("runs of today", "runs <time>", "2026-11-30T00:00:00Z/2026-11-30T12:30:00Z"),
        (
            "runs in the last 3 days",
            "runs <time>",
            "2026-11-27T12:30:00Z/2026-11-30T12:30:00Z",
        ),
        (
            "runs since 2026-11-28 please",
            "runs <time> please",
            "2026-11-28T00:00:00Z/2026-11-30T12:30:00Z",
        ),
        (
            "runs 2 hours ago",
            "runs <time>",
            "2026-11-30T10:30:00Z/2026-11-30T12:30:00Z",
        ),
        ("runs after 2026-11-28", "runs <time>", "2026-11-29T00:00:00Z/2026-11-30T12:30:00Z"),
        ("runs before 2026-11-28", "runs <time>", "/2026-11-28T00:00:00Z"),
        ("runs up to 2026-11-28", "runs up <time>", "/2026-11-29T00:00:00Z"),
        ("runs between 2026-11-28 and yesterday", "runs between <unknown> and yesterday", ""),
        ("runs the day before yesterday", "runs <time>", "2026-11-28T00:00:00Z/2026-11-29T00:00:00Z"),
        ("runs since monday", "runs <time>", "2026-11-23T00:00:00Z/2026-11-30T12:30:00Z"),  # it is a Monday
        ("runs last sunday", "runs <time>", "2026-11-29T00:00:00Z/2026-11-30T00:00:00Z"),
        ("runs over the weekend", "runs <time>", "2026-11-28T00:00:00Z/2026-11-30T00:00:00Z"),
        ("runs of the last couple of days", "runs <time>", "2026-11-28T12:30:00Z/2026-11-30T12:30:00Z"),
        ("runs two hours ago", "runs <time>", "2026-11-30T10:30:00Z/2026-11-30T12:30:00Z"),
        ("runs this morning", "runs <time>", "2026-11-30T00:00:00Z/2026-11-30T12:00:00Z"),
        ("the last run", "the last run", ""),
        ("runs on 2026-13-45", "runs on 2026-13-45", ""),
    ],
)  # fmt: skip
def test_a_stretch_of_time_is_read_in_utc(text, words, period):
    assert find_time(text.split(), NOW) == (words.split(), period)


@pytest.mark.parametrize("text", ["kindly delete it", "can you just approve all", "label all frames"])  # fmt: skip
def test_orders_are_told_however_polite(text):
    assert is_order(text.split())


@pytest.mark.parametrize("text", ["labels of <session>", "runs", "open proposals", ""])
def test_questions_in_few_words_are_no_orders(text):
    assert not is_order(text.split())


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("fraems", "frames"),
        ("mnay", "many"),  # tells nothing, and decides what is asked
        ("dogs", "dogs"),  # a slip away from "does", and of other letters
        ("kept", "kept"),
    ],
)
def test_a_mistyped_word_is_mended_where_it_is_sure_what_was_meant(word, meant):
    assert mend(word, {"kept"}) == meant
