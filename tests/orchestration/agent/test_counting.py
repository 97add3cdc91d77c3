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
        ("which class is the most frequent among all labels", Count("label", "class", "most")),
        ("the frames are from how many different cameras", Count("sensor")),
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
        ("average number of labels per session", Count("label", "session", figure="average")),
        ("how many frames has a session on average", Count("frame", "session", figure="average")),
        ("how large is a session on average in frames", Count("frame", "session", figure="average")),
        ("median labels per frame", Count("label", "frame", figure="median")),
        ("the largest number of labels per frame", Count("label", "frame", figure="most")),
        ("what share of frames has labels", Count("frame", share_of="label", is_labelled=True)),
        ("percentage of labels that are <class>", Count("label", share_of="class")),
        ("percentage of labels per class", Count("label", "class", share_of="class")),
        ("the <number> largest sessions", Count("frame", "session", "most", limit=10)),
        ("how many frames have exactly one label", Count("label", "frame", than=("=", 1), is_counted=True)),
        (
            "how many sessions have more than <number> frames",
            Count("frame", "session", than=(">", 10), is_counted=True),
        ),
        ("how many frames have only a <class>", Count("frame", together_of="class", is_only=True)),
        ("unlabelled frames per session", Count("frame", "session", is_labelled=False)),
        ("how many labels are something other than <class>", Count("label", without="class")),
        ("the top class by labels", Count("label", "class", "most")),
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
        "what share of labels in <session> is of <sensor>",
        "which sessions have more labels than frames",
        "how many frames has it",
        "how many of them have labels",
        "how many masks has <session>",
        "labels per class per session",
        "how many frames have labels by a person",
        "how many frames do <sensor> and <sensor> share",
    ],
)
def test_a_question_with_a_word_that_no_count_explains_is_not_read(text):
    assert read_count(ask(text)) is None


def test_a_name_cannot_end_its_text_in_the_statement():
    said = write_count(Count("label"), {"class": ("it's",)})
    assert said == "select count(*) as stored_labels from labels where class_name IN ('it''s')"  # fmt: skip


def test_what_no_table_tells_has_no_statement():
    assert write_count(Count("model"), {"class": ("cup",)}) is None
    assert write_count(Count("class"), {"release": ("ab12cd",)}) is None
    unlabelled = Count("frame", is_labelled=False)
    assert write_count(unlabelled, {"release": ("ab12cd",)}) is None


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


@pytest.fixture(scope="module")
def tables():
    """Two sessions of four frames by two cameras: f1 has a cup and a plate, f2 two cups, f3 nothing, f4 a plate."""
    import duckdb

    with duckdb.connect() as made:
        made.execute("create table captures as select unnest(['a', 'b']) as session")
        made.execute(
            "create table frames as select * from (values ('f1', 'a', 'left'), ('f2', 'a', 'right'), "
            "('f3', 'b', 'left'), ('f4', 'a', 'left')) as f(frame_id, session, sensor)"
        )
        made.execute(
            "create table labels as select * from (values ('1', 'f1', 'a', 'cup'), ('2', 'f1', 'a', 'plate'), "
            "('3', 'f2', 'a', 'cup'), ('4', 'f2', 'a', 'cup'), ('5', 'f4', 'a', 'plate')) "
            "as l(label_id, frame_id, session, class_name)"
        )
        yield made


@pytest.mark.parametrize(
    ("text", "names", "rows"),
    [
        ("how many frames have a <class> and a <class>", {"class": ("cup", "plate")}, [(1,)]),
        ("which sessions have both <class> and <class>", {"class": ("cup", "plate")}, [("a",)]),
        ("how many frames have a <class> but no <class>", {"class": ("cup", "plate")}, [(1,)]),
        ("how many frames have only a <class>", {"class": ("plate",)}, [(1,)]),
        ("how many frames have exactly one <class>", {"class": ("cup",)}, [(1,)]),
        ("how many frames have at least two labels", {}, [(2,)]),
        # (3 + 1) / 2 frames, (2 + 2 + 0 + 1) / 4 labels
        ("average number of frames per session", {}, [(2.0,)]),
        ("average number of labels per frame", {}, [(1.25,)]),
        ("the largest number of labels per session", {}, [(5,)]),
        # 3 of 4 frames; 2 of 5 labels, which are on f1 and f4
        ("what share of frames has labels", {}, [(75.0,)]),
        ("percentage of labels that are <class>", {"class": ("plate",)}, [(40.0,)]),
        ("percentage of labels per class", {}, [("cup", 60.0), ("plate", 40.0)]),
        ("how many <class> labels are on frames of <sensor>", {"class": ("cup",), "sensor": ("left",)}, [(1,)]),
        ("labels per sensor", {}, [("left", 3), ("right", 2)]),
        ("unlabelled frames per session", {}, [("b", 1)]),
    ],
)  # fmt: skip
def test_what_is_asked_is_what_the_statement_counts(tables, text, names, rows):
    question = Question(tuple(text.split()), names)
    count = read_count(question)
    assert count is not None
    statement = write_count(count, names)
    assert statement and tables.execute(statement).fetchall() == rows


@pytest.mark.parametrize(
    "text",
    ["how many frames of <class> and <class>", "frames with only <class> and both"],
)
def test_two_names_that_may_mean_both_or_either_are_not_counted(text):
    assert read_count(Question(tuple(text.split()), {"class": ("cup", "mug")})) is None


def test_labels_of_two_classes_are_counted_for_each():
    each = Question(("labels", "of", "<class>", "and", "<class>"), {"class": ("cup", "mug")})  # fmt: skip
    assert read_count(each) == Count("label")


def test_what_goes_on_from_another_question_is_not_guessed(open_world):
    assert not any(one.is_clear for one in choose(open_world(), "and for monday?"))
