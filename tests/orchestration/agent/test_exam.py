"""The exam: its questions, what is right by other code, its marks of good and of bad answers, what is kept of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import pytest
from typer.testing import CliRunner

from checks.agent_exam import HELD_OUT
from checks.gates import gate_session
from orchestration.agent.answer import Answer, Fact, Source, say, unknown
from orchestration.agent.asking import choosing
from orchestration.agent.asking.choosing import choose
from orchestration.agent.asking.names import list_names
from orchestration.agent.exam import questions
from orchestration.agent.exam.figures import list_invented, trace_numbers
from orchestration.agent.exam.keeping import keep
from orchestration.agent.exam.kinds import KINDS, UNANSWERED
from orchestration.agent.exam.marking import mark
from orchestration.agent.exam.questions import (
    SETS,
    Asked,
    list_questions,
    read_templates,
)
from orchestration.agent.exam.rungs import find_rung
from orchestration.agent.exam.sitting import Rung, sit
from orchestration.agent.ladder.source import ModelSource
from orchestration.agent.tool import call
from orchestration.agent.tools import find_tool
from orchestration.agent.world import Heard, World
from orchestration.cli import app

HOME = Source("home", "status")


@pytest.fixture
def ask_only(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, list[str]]], None]:
    """ask_only({kind: templates}): the sets have these templates alone."""

    def act(told: dict[str, list[str]]) -> None:
        pairs = [(kind, text) for kind, texts in told.items() for text in texts]
        monkeypatch.setattr(questions, "read_templates", lambda which: pairs)

    return act


def test_four_hundred_questions_of_twenty_kinds_are_asked_and_no_set_has_more_than_three_of_another():
    texts = {which: {t for _, t in read_templates(which)} for which in SETS}
    assert sum(map(len, texts.values())) >= 700
    for which in SETS:
        assert len({kind for kind, _ in read_templates(which)} - {UNANSWERED}) >= 28
    for one, other in combinations(SETS, 2):
        most = 3 if "seventh" in (one, other) else 2  # of two to five words
        assert len(texts[one] & texts[other]) <= most


def test_names_are_those_of_the_home_and_what_it_has_no_name_for_is_counted(
    open_world, ask_only
):
    ask_only(
        {"status_of_session": ["{session}?"], "count_labels_of_class": ["{class}"]}
    )
    asked, num_lacking = list_questions(open_world().catalog, "practice", 3)
    assert [one.text for one in asked] == ["monday?", "tuesday?"]
    assert num_lacking == 1  # nothing is labelled


@pytest.mark.parametrize(
    ("which", "tool", "arguments"),
    [
        ("second", 0.99, 0.98),
        ("held_out", 0.99, 0.98),
        ("roles", 0.99, 0.98),
        ("third", 0.97, 0.97),
        ("fourth", 0.97, 0.96),
        ("fifth", 0.93, 0.93),
    ],
)
def test_questions_find_their_tools_and_what_none_says_is_refused(
    open_world, which, tool, arguments, monkeypatch
):
    shares = _sit_by_choice(open_world, which, monkeypatch)
    assert shares["right_tool"] >= tool and shares["right_arguments"] >= arguments
    assert shares["refused"] == 1.0


def test_nine_of_ten_held_out_questions_find_their_tools_and_their_refusals(
    open_world, monkeypatch
):
    shares = _sit_by_choice(open_world, HELD_OUT, monkeypatch)
    assert min(shares[m] for m in ("right_tool", "right_arguments", "refused")) >= 0.9


def _sit_by_choice(open_world, which: str, monkeypatch) -> dict[str, float]:
    """The shares of a sitting in which tools are chosen and none is called."""
    names = list_names(open_world())
    monkeypatch.setattr(choosing, "list_names", lambda world: names)

    def ask(world: World, text: str) -> Answer:
        chosen = choose(world, text)
        assert world.heard is not None
        if not all(one.is_clear for one in chosen):
            return unknown("I don't know.")
        calls = [(c.intent.tool, a) for c in chosen if c.intent for a in c.arguments]
        world.heard.extend(Heard(*one) for one in calls)
        return Answer(())

    found = sit(open_world, Rung("choosing", "1", ask), which)
    assert len(found.marks) > 130
    return {
        share.mark: share.value
        for share in found.shares
        if share.kind == "all" and share.value is not None
    }


def test_rules_give_the_numbers_that_other_code_counts(open_world, ask_only):
    ask_only(
        {
            "count_frames": ["how many frames are there?"],
            "count_frames_of_session": ["number of pictures in {session}"],
            "count_frames_by_session": ["frames by session"],
            "frames_of_two_sessions": ["frames of {session} and {session2}"],
            "largest_session": ["which session has the most frames?"],
            "count_sessions": ["how many sessions?"],
            "list_parts_of_release": ["how is release {release} split?"],
            "models": ["which models are there?"],
            "lineage": ["where does frame {frame} come from?"],
            "columns_of_table": ["which columns has the table {table}?"],
            "failed_checks_of_session": ["why is {session} held back?"],
            UNANSWERED: ["how many zebras are asleep?"],
        }
    )
    found = sit(open_world, find_rung("rules", ModelSource()), "practice")
    assert [one.asked.text for one in found.marks if one.is_missed] == []
    assert found.find_share("right_answer").num_asked == 11
    assert found.sum("num_invented") == found.sum("num_lost") == 0
    assert found.sum("num_traced") > 15 and found.find_percentile_ms(50) > 0


def _count_wrong(world: World, text: str) -> Answer:
    """By the right tool about the right session, a frame too many."""
    statement = "select count(*) + 1 as frames from frames where session in ('monday', 'tuesday')"
    return call(find_tool("sql"), world, {"sql": statement})


def _invent(world: World, text: str) -> Answer:
    class Told(Answer):
        text = "There are 13 frames."  # type: ignore[assignment]

    return Told(())


def _name_no_source(world: World, text: str) -> Answer:
    source = Source("sql", "select count(*) as frames from frames")
    return Answer((say("{frames} frames.", Fact("frames", 13, source)),))


@pytest.mark.parametrize(
    ("ask", "marks", "invented", "lost"),
    [
        (_count_wrong, (True, True, False), 0, 0),
        (_invent, (False, False, False), 1, 0),
        (_name_no_source, (False, False, False), 0, 1),
        (lambda world, text: unknown("I don't know."), (False, False, False), 0, 0),
    ],
)
def test_bad_answers_have_bad_marks(open_world, ask_only, ask, marks, invented, lost):
    ask_only({"count_frames_of_session": ["how many frames has {session}?"]})
    (one,) = sit(open_world, Rung("bad", "1", ask), "practice").marks
    told = (one.is_right_tool, one.has_right_arguments, one.is_right_answer)
    assert told == marks and one.is_missed
    assert (one.num_invented, one.num_lost) == (invented, lost)


def test_an_answer_to_what_has_none_is_no_refusal_and_an_error_in_words_is_one(
    open_world, ask_only
):
    ask_only(
        {UNANSWERED: ["how happy is {session}?"], "status_of_session": ["{session}"]}
    )

    def raise_in_words(world: World, text: str) -> Answer:
        raise ValueError("that cannot be asked")

    known = Rung("sure", "1", lambda world, text: Answer((say("It is."),)))
    raising = Rung("raising", "1", raise_in_words)
    sure = sit(open_world, known, "practice")
    failed = sit(open_world, raising, "practice")
    assert sure.find_share("refused").value == 0.0
    assert failed.find_share("refused").value == 1.0
    assert failed.marks[1].is_right_tool is False and failed.marks[1].error


@pytest.mark.parametrize(
    ("arguments", "is_right"),
    [
        ({"since": "2026-11-28T00:00:00Z"}, True),
        ({"since": "2026-11-28T00:00:00Z", "before": "2026-11-30T00:00:00Z"}, True),
        ({"since": "2026-11-27T00:00:00Z"}, False),
        ({"before": "2026-11-28T00:00:00Z"}, False),
        ({"since": "2026-11-28T00:00:00Z", "status": "FAILURE"}, False),
    ],
)
def test_an_end_may_be_given_to_runs_since_a_day_and_nothing_else(
    open_world, arguments, is_right
):
    world = replace(open_world(), heard=[Heard("runs", arguments)])
    asked = Asked("runs since 2026-11-28", "runs_since_day", {"day": "2026-11-28"})
    assert mark(world, asked, None, "", 0.0).has_right_arguments is is_right


def test_a_number_is_traced_to_the_row_that_has_it(open_world):
    world = open_world()
    count = "select count(*) as n from frames"
    facts = (
        Fact("right", 32, Source("sql", count)),
        Fact("wrong", 33, Source("sql", count)),
        Fact("gone", 1, Source("frame", "0" * 32)),
        Fact("here", 2, Source("session", "monday")),
        Fact("nowhere", 2, Source("session", "sunday")),
        Fact("name", "monday", Source("session", "sunday")),  # no number
    )
    traced = trace_numbers(world, Answer((), more=facts))
    assert traced.num_facts == 5
    assert [fact.name for fact in traced.lost] == ["wrong", "gone", "nowhere"]


def test_a_number_that_is_no_fact_counts_as_invented(open_world):
    fine = Answer((say("{n} of them.", Fact("n", 12, HOME)),))
    assert list_invented(fine) == []
    quoted = Answer((say("{n}.", Fact("n", "room 9", HOME)),))
    assert list_invented(quoted) == []
    assert list_invented(_invent(open_world(), "")) == ["13"]


def test_an_exam_is_kept_once_for_the_same_code_and_questions_and_is_judged(
    open_world, ask_only
):
    ask_only(
        {"count_sessions": ["how many sessions?", "{session}: how many sessions?"]}
    )
    catalog = open_world().catalog
    good = sit(open_world, find_rung("rules", ModelSource()), HELD_OUT)
    first = keep(catalog, good, lambda: 1)
    assert keep(catalog, good, lambda: 2) == first
    (row,) = catalog.read_latest("agent_exams").to_pylist()
    assert row["examined_ns"] == 2 and row["num_questions"] == 2
    assert row["rung"] == "rules" and len(row["rung_version"]) == 16
    marks = catalog.read_latest("agent_marks").to_pylist()
    assert {m["mark"] for m in marks} >= {"right_tool", "right_answer"}
    verdicts = {v.name: v.passed for v in gate_session(catalog, "agent_exams", None)}
    assert verdicts["no_number_is_invented"] and verdicts["every_number_is_traced"]
    assert verdicts["exams_ask_enough"] is False
    bad = replace(good, rung=replace(good.rung, ask=_invent, code_version="2"))
    keep(catalog, sit(open_world, bad.rung, HELD_OUT), lambda: 3)
    later = {v.name: v.passed for v in gate_session(catalog, "agent_exams", None)}
    assert later["no_number_is_invented"] is False
    (known,) = [v for v in gate_session(catalog, "agent_marks", None) if "held_out" in v.name]  # fmt: skip
    assert not known.passed and "miss" in known.summary


def test_the_verb_says_what_it_would_ask_and_refuses_an_unknown_rung(agent_home):
    runner = CliRunner()
    told = runner.invoke(app, ["exam", "--dry-run", "--questions", "second", "--json"])
    facts = json.loads(told.stdout)
    assert told.exit_code == 0 and len(facts["second"]["questions"]) > 130
    assert facts["second"]["lacking"] > 0
    wrong = runner.invoke(app, ["exam", "--rung", "oracle"])
    assert wrong.exit_code != 0 and "--rung oracle: choose one" in str(wrong.exception)


def test_every_kind_has_questions_and_tools_that_there_are():
    asked = {kind for which in SETS for kind, _ in read_templates(which)}
    assert asked == set(KINDS)
    for kind in KINDS.values():
        assert [find_tool(name).name for name in kind.tools] == list(kind.tools)
        for name in kind.tools:
            assert (
                kind.arguments.keys() <= find_tool(name).arguments.model_fields.keys()
            )
