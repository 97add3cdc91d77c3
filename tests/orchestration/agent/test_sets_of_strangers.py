"""The sets of strangers: who asks how much, of which kinds, and that questions have the names that tools are given."""

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from orchestration.agent.exam import questions
from orchestration.agent.exam.kinds import KINDS, UNANSWERED
from orchestration.agent.exam.questions import read_templates

FOLDER = Path(questions.__file__).parent / "questions"
SLOT = re.compile(r"\{\w+\}")
NOT_OF_THIRD = {"average_labels_of_frame", "average_labels_of_session"}

SETS = ("third", "fourth", "fifth", "sixth", "seventh")
each_set = pytest.mark.parametrize("which", SETS)


@each_set
def test_each_of_twelve_people_asks_ten_questions_or_more(which: str) -> None:
    told = (FOLDER / f"{which}.toml").read_text()
    people = Counter(re.findall(r'", *# ([\w ]+)$', told, re.MULTILINE))
    assert len(people) == 12 and min(people.values()) >= 10
    assert people.total() == 240


@each_set
def test_thirty_questions_have_no_answer_and_every_kind_has_two_or_three(
    which: str,
) -> None:
    lacking = NOT_OF_THIRD if which == "third" else set()
    kinds = Counter(kind for kind, _ in read_templates(which))
    assert kinds.pop(UNANSWERED) == 30
    assert kinds.keys() == KINDS.keys() - {UNANSWERED} - lacking
    assert set(kinds.values()) == {2, 3}


@each_set
def test_a_question_has_each_name_that_its_tool_is_given(which: str) -> None:
    for kind, template in read_templates(which):
        wanted = set(SLOT.findall(str(KINDS[kind].arguments)))
        assert wanted <= set(SLOT.findall(template)), template


def test_questions_of_a_counted_kind_have_the_same_names_in_all_sets() -> None:
    for one, other in pairwise(map(_list_names, SETS)):
        for kind in one.keys() & other.keys():
            assert one[kind] == other[kind], kind


def _list_names(which: str) -> dict[str, set[frozenset[str]]]:
    """By kind that has a truth: which names its questions have; of lineage any one is right."""
    found: dict[str, set[frozenset[str]]] = {}
    for kind, template in read_templates(which):
        if KINDS[kind].truth is not None and kind != "lineage":
            slots = frozenset(SLOT.findall(template))
            found.setdefault(kind, set()).add(slots)
    return found
