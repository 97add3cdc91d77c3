"""What of a text is asked: greetings and reasons go, names come in place of pronouns, conditions stay; SQL in words."""

from __future__ import annotations

import pytest

from orchestration.agent.asking.answer_forms import drop_forms
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
        ("Some files could not be read. Which, and why?", "which Some files could not be read"),
        ("Two quick things: which runs failed?", "which runs failed"),
        ("I was away yesterday; list the runs of that day", "list the runs of yesterday"),
        # names and conditions stay
        ("I mean monday. How many frames has tuesday?", "monday"),
        ("The tool calls: list them", "which The tool calls"),
        ("I just started here: which runs failed?", "which runs failed"),
        ("Since yesterday, which runs failed?", "Since yesterday, which runs failed"),
        ("good morning", "good morning"),
    ],
)  # fmt: skip
def test_what_is_asked_is_left_and_nothing_that_changes_it_goes(text, asked):
    left = trim(text, find_names)
    assert asked in left
    if len(asked.split()) > 2:
        assert left == asked


@pytest.mark.parametrize(
    "told", ["We have no interest in cups", "I have only monday", "I work without the labelled ones"]
)  # fmt: skip
def test_what_may_be_a_condition_or_only_tell_of_who_asks_is_not_guessed(told):
    with pytest.raises(LookupError):
        trim(f"{told}. How many frames are there?", find_names)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("frames per session as a little table", "frames per session"),
        ("which session has most frames, name and count", "which session has most frames"),
        ("The biggest session: which one is it, and how many does it have?", "The biggest session?"),
        ("frames like that one, the closest first", "frames like that one"),
        ("how many models, all tasks together?", "how many models?"),
        ("runs, oldest first", "runs, oldest first"),
        ("as a table", "as a table"),
    ],
)  # fmt: skip
def test_what_says_the_form_of_the_answer_is_left_out_and_another_order_stays(
    text, asked
):
    assert drop_forms(text) == asked


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("select sensor, count(*) from frames group by 1", "number of frames per sensor"),
        ("count labels where class_name <> cup", "count labels of not cup"),
        ("session having count(frames) > 8", "session with more than 8 frames"),
        ("count frames left join labels where label_id is null", "count frames without labels"),
        ("runs where created >= 2026-11-28", "runs since 2026-11-28"),
        ("select session from frames group by session having count(*) > 8", "list session with more than 8 frames"),
        ("labels/session", "labels per session"),
        ("frames w/o labels", "frames without labels"),
        ("parts of it where release_id like '8f20c6634a97%'", "parts of it of 8f20c6634a97"),
        ("select * from runs where status = 'FAILURE'", "list runs that failed"),
        ("count labels != 'cup'", "count labels not 'cup'"),
        ("~frames.id.isin(labels.frame) sum", "number of frames without labels"),
        ("labels[labels.session=='east']['class'].unique()", "which classes in 'east'"),
        ("frames.session.value_counts().idxmax()", "which session has most frames"),
        ("len(labels)/len(frames)", "average number of labels per frame"),
        ("labels.groupby('frame').size().mean()", "average number of labels per frame"),
        ("df.groupby('session').size() for the frames", "number of frames per session"),
        ("(labels['class'] == 'cup').sum()", "number of labels of 'cup'"),
        ("# of classes", "number of classes"),
        ("tally of pictures, one line per camera", "tally of pictures per camera"),
        ("where is monday from", "where is monday from"),
    ],
)  # fmt: skip
def test_sql_is_read_as_the_words_that_others_use(text, words):
    assert " ".join(say_in_words(text).split()) == words
