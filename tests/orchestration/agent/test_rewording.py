"""Forms of one question: each is read as the one that examples have."""

from __future__ import annotations

import pytest

from orchestration.agent.asking.rewording import reword


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("no of sessions", "number of sessions"),
        ("num frames in <session>", "number of frames in <session>"),
        ("the classes which are they", "which the classes"),
        ("all labels together how many are they", "how many all labels together"),
        ("the <release> into which parts is it cut", "the <release> into which parts is cut"),
        ("why did not <session> get through", "why did <session> not get through"),
        ("which session is the largest one", "which session is the largest"),
        ("what sort of things are labelled", "which classes are labelled"),
        ("what cameras did they use", "what cameras did use"),
        ("could you break the number down by session", "could you the number  by session"),
        ("the session with more frames", "the session with most frames"),
        ("counts for all sessions", "counts per sessions"),
        ("top session by frame count", "top session frame"),
        ("what data is <task> trained on", "origin is <task> trained on"),
        ("what was <session> recorded with", "which sensors was <session> taken"),
        ("how many images still need labels", "how many images still wait for labels"),
        ("how many left to label", "how many wait for labels"),
        ("what is the backlog", "what is the queue size"),
        ("how many frames are left over if i ignore <session>", "how many frames without <session>"),
        ("all labels without <class> how many remain", "all labels without <class> how many"),
        ("which session has more labels than all others", "which session has most labels"),
        ("every class with its number of labels", "number of labels per class"),
        ("number of labels divided by number of frames", "average number of labels per frame"),
        ("which runs were there since 2 days", "which runs were there in the last 2 days"),
        ("how many hours does <task> take", "how long does <task> take"),
    ],
)  # fmt: skip
def test_a_form_is_read_as_the_one_that_is_known(said, read):
    assert reword(said.split()) == read.split()


@pytest.mark.parametrize(
    "text",
    [
        "how many labels has <session>",
        "does <session> have more frames than <session>",
        "the session with more than <number> frames",
        "how many frames are in the dataset <release>",
        "what made the last run break down",
        "how many frames have one label",
        "which data drifted",
    ],
)
def test_what_says_something_else_stays_as_it_is(text):
    assert reword(text.split()) == text.split()
