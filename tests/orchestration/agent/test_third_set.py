"""The third set: who asks how much, of which kinds, and that a question has the names that its tool is given."""

import re
from collections import Counter
from pathlib import Path

from orchestration.agent.exam import questions
from orchestration.agent.exam.kinds import KINDS, UNANSWERED
from orchestration.agent.exam.questions import read_templates

THIRD = Path(questions.__file__).parent / "questions" / "third.toml"
SLOT = re.compile(r"\{\w+\}")


def test_each_of_twelve_people_asks_twenty_questions():
    people = Counter(re.findall(r'",  # (\w+)$', THIRD.read_text(), re.MULTILINE))
    assert len(people) == 12 and set(people.values()) == {20}


def test_thirty_questions_have_no_answer_and_every_kind_has_two_or_three():
    kinds = Counter(kind for kind, _ in read_templates("third"))
    assert kinds.pop(UNANSWERED) == 30
    assert kinds.keys() == KINDS.keys() - {UNANSWERED}
    assert set(kinds.values()) == {2, 3}


def test_a_question_has_each_name_that_its_tool_is_given():
    for kind, template in read_templates("third"):
        wanted = set(SLOT.findall(str(KINDS[kind].arguments)))
        assert wanted <= set(SLOT.findall(template)), template
