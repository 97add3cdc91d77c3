"""Questions that count: what they are read as, what is not read, and the rows of their statements."""

from __future__ import annotations

import re

import pytest

from orchestration.agent.asking.answering import answer
from orchestration.agent.asking.choosing import choose
from orchestration.agent.asking.count_sql import write_count
from orchestration.agent.asking.counting import Count, read_count
from orchestration.agent.asking.names import Question

_NAMES = {"session": ("monday",), "class": ("cup",), "number": ("10",)}


def ask(text: str) -> Question:
    kinds = re.findall(r"<(\w+)>", text)
    return Question(tuple(text.split()), {k: _NAMES.get(k, ("x",)) for k in kinds})


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("how many frames are there", Count("frame")),
        ("how many <class> in <session>", Count("label")),
        ("<session> labels", Count("label")),
        ("how many frames has each session", Count("frame", "session")),
        ("labels of <class> per session", Count("label", "session")),
        ("which session has the most labels", Count("label", "session", "most")),
        ("the smallest session", Count("frame", "session", "least")),
        ("which class is the rarest", Count("label", "class", "least")),
        ("in which session is <class> most frequent", Count("label", "session", "most")),
        ("for the slides of my boss how many frames are there", Count("frame")),
        ("how many frames by camera <sensor>", Count("frame")),
        ("which session has the largest number of labels", Count("label", "session", "most")),
        ("which camera made the most pictures", Count("frame", "sensor", "most")),
        ("sessions with more than <number> frames", Count("frame", "session", than=(">", 10))),
        ("frames of <session> without labels", Count("frame", is_labelled=False)),
        ("how many images do not have any label", Count("frame", is_labelled=False)),
        ("how many frames have labels", Count("frame", is_labelled=True)),
        ("frames that are not from <sensor>", Count("frame", without="sensor")),
        ("how many frames have no <class>", Count("frame", without="class")),
        ("how many frames were never labelled", Count("frame", is_labelled=False)),
        ("which sessions have no labels", Count("session", is_labelled=False, is_list=True)),
        ("which sessions contain <class>", Count("label", "session")),
        ("which sensors are there", Count("frame", "sensor")),
        ("how many cameras are there", Count("sensor")),
        ("how is <release> split", Count("frame", "part")),
        ("how many train and test frames has <release>", Count("frame", "part")),
        ("which models were trained on <release>", Count("model", is_list=True)),
        ("how many frames wait for labels", Count("frame", is_open=True)),
        ("how many fraems has <session>", Count("frame")),
        ("how much frames comes from <sensor>", Count("frame")),
        ("how many images has <session> and how many <session>", Count("frame")),
        ("datasets", Count("release", is_list=True)),
        ("how big is <session>", Count("frame")),
        ("frame count of all sessions", Count("frame")),
        ("pics overall", Count("frame")),
        ("which labels do we use", Count("label", "class")),
        ("the distribution of labels", Count("label", "class")),
        ("what waits for labels", Count("frame", is_open=True)),
        ("how many unlabelled frames are in the queue", Count("frame", is_open=True)),
        ("which object categories are there", Count("label", "class")),
    ],
)  # fmt: skip
def test_a_question_is_read_by_what_it_counts_and_under_which_conditions(text, count):
    assert read_count(ask(text)) == count


@pytest.mark.parametrize(
    "text",
    [
        "how many blurry frames are there",
        "how many dogs are labelled in <session>",
        "how many persons are labelled in <session>",
        "how many frames and labels are there",
        "how many labels has the largest session",
        "frames of <sensor> and not of <sensor>",
        "average number of labels per session",
        "which session has the most labels without <class>",
        "who labelled <session>",
        "when were the frames of <session> recorded",
        "why has <session> so many frames",
        "how many frames has <session> <time>",
        "how many frames did <model> see",
        "the newest release",
        "which sessions are there",
        "frames",
        "the <number> frames of <session>",
        "how many frames have exactly one label",
        "how many frames have only a <class>",
        "which sessions have more labels than frames",
        "how many frames has it",
        "how many of them have labels",
        "how many masks has <session>",
    ],
)
def test_a_question_with_a_word_that_no_count_explains_is_not_read(text):
    assert read_count(ask(text)) is None


def test_a_name_cannot_end_its_text_in_the_statement():
    said = write_count(Count("label"), {"class": ("it's",)})
    assert said == "select count(*) as stored_labels from labels where class_name IN ('it''s')"  # fmt: skip


def test_what_no_table_tells_has_no_statement():
    assert write_count(Count("label"), {"sensor": ("cam",)}) is None
    assert write_count(Count("class"), {"release": ("ab12cd",)}) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # 12 frames of monday and 20 of tuesday
        ("which session has fewest pictures?", 'Stored frames: "monday" 12.'),
        ("sessions with more than 15 frames", 'Stored frames: "tuesday" 20.'),
        ("how many frames have monday and tuesday?", 'Stored frames: "tuesday" 20, "monday" 12.'),
        ("how many sessions are there?", "2 stored sessions."),
    ],
)  # fmt: skip
def test_the_statement_says_what_was_asked(open_world, text, told):
    assert answer(open_world(), text)[1].text == told


def test_sessions_and_frames_without_labels_are_those_of_which_no_label_is_stored():
    import duckdb

    with duckdb.connect() as tables:
        tables.execute("create table captures as select unnest(['a', 'b']) as session")
        tables.execute(
            "create table frames as select unnest(['f1', 'f2', 'f3']) as frame_id, 'a' as session"
        )
        tables.execute(
            "create table labels as select 'a' as session, 'f1' as frame_id, 'cup' as class_name"
        )
        for count, names, rows in (
            (Count("frame", is_labelled=False), {}, [(2,)]),
            (Count("frame", without="class"), {"class": ("cup",)}, [(2,)]),
            (Count("session", is_labelled=False, is_list=True), {}, [("b",)]),
            (Count("label", "session", "least"), {}, [("b", 0)]),
            (Count("label", "session", than=("<", 1)), {}, [("b", 0)]),
            (Count("label", "session"), {"class": ("cup",)}, [("a", 1)]),
        ):  # fmt: skip
            statement = write_count(count, names)
            assert statement and tables.execute(statement).fetchall() == rows


@pytest.mark.parametrize(
    "text",
    [
        "how many frames have a <class> and a <class>",
        "which sessions have <class> and <class>",
    ],
)
def test_what_has_both_of_two_names_is_not_counted_as_what_has_one(text):
    both = Question(tuple(text.split()), {"class": ("cup", "mug")})
    assert read_count(both) is None


def test_labels_of_two_classes_are_counted_for_each():
    each = Question(("labels", "of", "<class>", "and", "<class>"), {"class": ("cup", "mug")})  # fmt: skip
    assert read_count(each) == Count("label")


def test_what_goes_on_from_another_question_is_not_guessed(open_world):
    assert not any(one.is_clear for one in choose(open_world(), "and for monday?"))
