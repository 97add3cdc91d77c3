"""What is learnt from: questions by kind, those of the exam that were read and those that were written for it.

Belongs here: reading both, in the words that a question is read in. Does not: the held-out set of the exam.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assets.tables.schemas import TABLES
from checks.agent_exam import HELD_OUT
from orchestration.agent.asking.counting import read_count
from orchestration.agent.asking.intents import COUNTED, INTENTS
from orchestration.agent.asking.learnt import UNANSWERED
from orchestration.agent.asking.names import Known, Question
from orchestration.agent.asking.reading import read_example, read_question
from orchestration.agent.exam.questions import SETS, fill, read_templates

_SAID = Path(__file__).parent / "said"
# the kinds of the exam that are called otherwise where questions are answered
_CALLED = {
    **dict.fromkeys(
        ("runs_since", "runs_of_late", "runs_of_day", "runs_since_day"), "runs_of_time"
    ),
    "runs_before_day": "runs_of_time",
    "failed_runs_since": "failed_runs_of_time",
    "calls_since": "calls_of_time",
    "all_terms": "terms_of_all",
}
_OF_SEVERAL = "two_questions"  # each of them is a kind of its own
# in the place of those that a home has
_NAMES: dict[str, Sequence[str]] = {
    "session": ("desk-north", "yard-east"),
    "sensor": ("front-cam", "rear-cam"),
    "class": ("cup", "coffee pot", "spoon"),
    "release": ("a1b2c3d4e5f6", "0f9e8d7c6b5a"),
    "model": ("b1b2c3d4e5f6", "1f9e8d7c6b5a"),
    "run": ("0a1b2c3d-0a1b-4c2d-8e3f-0a1b2c3d4e5f",),
    "frame": ("c1b2c3d4e5f6", "2f9e8d7c6b5a"),
    "asset": ("curation/frame_quality", "capture/frames", "monitoring/drift"),
    "task": ("detection", "recognition", "segmentation"),
    "table": sorted(TABLES),
    "number": ("8", "15"),
    "day": ("2026-11-27", "2026-11-28"),
}


@dataclass(frozen=True)
class Example:
    """One question in words, `<kind>` for names, and the kind that it is of."""

    kind: str
    words: tuple[str, ...]


def list_texts() -> list[tuple[str, str]]:
    """(kind, template) of all that is learnt from, in a fixed order, each once.

    What somebody also asked in the held-out set, by the same words, is left out.
    """
    kept_away = {_plain(text) for _, text in read_templates(HELD_OUT)}
    found = [pair for which in SETS if which != HELD_OUT for pair in read_templates(which)]  # fmt: skip
    for path in sorted(_SAID.glob("*.toml")):
        told = tomllib.loads(path.read_text())
        found += [(kind, text) for kind, texts in told.items() for text in texts]
    return [
        (_CALLED.get(kind, kind), text)
        for kind, text in dict.fromkeys(found)
        if kind != _OF_SEVERAL and _plain(text) not in kept_away
    ]


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[\w{}]+", text.lower()))


def hash_texts(texts: Sequence[tuple[str, str]]) -> str:
    """The sha256 over all that is learnt from."""
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def list_examples(texts: Sequence[tuple[str, str]]) -> Iterator[Example]:
    """Each in the words in which a question is read."""
    for intent in INTENTS:
        if intent is not COUNTED:
            yield from (Example(intent.name, read_example(e)) for e in intent.examples)
    for kind, question in list_questions(texts):
        if kind != UNANSWERED or read_count(question) is None:
            yield Example(kind, question.words)


def list_questions(
    texts: Sequence[tuple[str, str]],
) -> Iterator[tuple[str, Question]]:
    """Each template with names as a home may have them, and its kind."""
    names = {k: frozenset(v) for k, v in _NAMES.items() if k not in ("number", "day")}
    known = Known(names, None)
    for number, (kind, template) in enumerate(texts):
        for asked in fill(kind, template, _NAMES, number, 1):
            yield kind, read_question(known, asked.text)
