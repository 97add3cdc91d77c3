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
        ("a histogram of labels over sessions", "a number of labels per sessions"),
        ("frame count over cameras", "number of frame per cameras"),
        ("how do the frames split between the sensors", "number of frames per sensors"),
        ("for all cameras the number of frames", "number of frames per cameras"),
        ("list the categories with their box counts", "list the number of box per categories"),
        ("which cameras has <session> with their frame counts", "which number of frame per cameras has <session>"),
        ("if labels were spread evenly over frames how many each", "average number of labels per frames"),
        ("frames above 8 which sessions", "which sessions have above 8 frames"),
        ("<class> labels on <sensor> frames", "<class> labels of <sensor>"),
        ("<class> was annotated how many times", "how many <class> labels"),
        ("frames with nothing labelled", "frames without labels"),
        ("labels that are not a <class>", "labels other than <class>"),
        ("distinct classes", "number of different classes"),
        ("total over train val and test of <release>", "total of <release>"),
        ("<session> and <session> separately", "<session> and <session>"),
        ("how many models do we need", "how many models recommended"),
        ("which class has the largest boxes", "which class has the area of boxes"),
        ("sessions that are out of distribution", "sessions that are drifted"),
        ("between <release> and <release> what came in", "compare <release> and <release> what came in"),
        ("runs on or after 2026-11-27", "runs since 2026-11-27"),
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
