"""What of a text is asked: greetings and reasons go, names come in place of pronouns, conditions stay; SQL in words."""

from __future__ import annotations

import pytest

from orchestration.agent.asking.sql_words import say_in_words
from orchestration.agent.asking.trimming import trim


def find_names(text: str) -> dict[str, tuple[str, ...]]:
    named = tuple(name for name in ("monday", "tuesday") if name in text)
    return {"session": named} if named else {}


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("which runs failed?", "which runs failed"),
        ("Hello again, which runs failed? Kind regards, Ada", "which runs failed"),
        ("which class is rarest? I want to oversample it", "which class is rarest"),
        ("We cut the budget. How many frames are there?", "How many frames are there"),
        ("It is monday that is stuck. What would help it?", "What would help monday"),
        ("frames of monday, for my slides", "frames of monday"),
        ("Frames above 10. Which are they?", "which Frames above 10"),
        ("I was away yesterday; list the runs of that day", "list the runs of yesterday"),
        # names and conditions stay
        ("I have only monday. How many frames are there?", "monday"),
        ("I mean monday. How many frames has tuesday?", "monday"),
        ("I work without the labelled ones. How many frames?", "without"),
        ("good morning", "good morning"),
    ],
)  # fmt: skip
def test_what_is_asked_is_left_and_nothing_that_changes_it_goes(text, asked):
    left = trim(text, find_names)
    assert asked in left
    if len(asked.split()) > 2:
        assert left == asked


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("select sensor, count(*) from frames group by 1", "number of frames per sensor"),
        ("count labels where class_name <> cup", "count labels of not cup"),
        ("session having count(frames) > 8", "session with more than 8 frames"),
        ("count frames left join labels where label_id is null", "count frames without labels"),
        ("labels/session", "labels per session"),
        ("frames w/o labels", "frames without labels"),
        ("where is monday from", "where is monday from"),
    ],
)  # fmt: skip
def test_sql_is_read_as_the_words_that_others_use(text, words):
    assert " ".join(say_in_words(text).split()) == words
