"""What is learnt of how people ask: from which examples, what both models make of them, and how a guess is told."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from checks.agent_exam import HELD_OUT
from orchestration.agent.asking.answering import answer
from orchestration.agent.asking.choosing import choose
from orchestration.agent.asking.chosen import fill
from orchestration.agent.asking.intents import COUNTED, INTENTS
from orchestration.agent.asking.learnt import (
    UNANSWERED,
    Learnt,
    load_learnt,
    read_forms,
)
from orchestration.agent.asking.names import Question
from orchestration.agent.asking.neighbours import Neighbours
from orchestration.agent.asking.reading import read_example
from orchestration.agent.exam.questions import read_templates
from orchestration.agent.learning.examples import (
    Example,
    hash_texts,
    list_examples,
    list_questions,
    list_texts,
)
from orchestration.agent.learning.fitting import fit

ANSWERED = {intent.name for intent in INTENTS if intent is not COUNTED}
FEW = (
    *(Example("runs", tuple(t.split())) for t in ("which runs", "list runs", "runs")),
    *(Example("drift", tuple(t.split())) for t in ("any drift", "did it drift", "drift")),
    *(Example(UNANSWERED, tuple(t.split())) for t in ("hello", "hello you", "oh hello")),
)  # fmt: skip


def test_what_was_learnt_is_of_the_examples_that_are_here():
    assert load_learnt().examples_sha256 == hash_texts(list_texts()), (
        "examples have changed: python -m orchestration.agent.learning"
    )


def test_every_kind_that_can_be_answered_is_learnt_by_ten_examples_or_has_one_in_plain_words():
    kinds = Counter(example.kind for example in list_examples(list_texts()))
    assert kinds.keys() == {*read_forms(), *ANSWERED, UNANSWERED}
    assert kinds.keys() == set(load_learnt().kinds)
    rare = {kind for kind, count in kinds.items() if count < 10}
    assert rare == {
        *("running_runs", "newest_runs", "successful_runs_of_time"),
        *("log_of_run", "triage_of_run"),
    }


def test_nothing_is_learnt_from_the_questions_that_are_held_out():
    learnt, held_out = (
        {text.lower().rstrip("?. ") for _, text in texts}
        for texts in (list_texts(), read_templates(HELD_OUT))
    )
    assert not learnt & held_out and len(learnt) > 3000


def test_examples_have_the_names_of_their_kind():
    ways = {**read_forms(), **{i.name: i.examples for i in INTENTS}}
    for kind, text in list_texts():
        if kind == UNANSWERED:
            continue
        said = set(re.findall(r"\{(\w+?)2?\}", text)) - {"day"}
        allowed = [set(re.findall(r"<(\w+)>", way)) - {"time", "text"} for way in ways[kind]]  # fmt: skip
        assert said in allowed, (kind, text)


def test_what_the_grammar_reads_of_the_examples_is_what_their_kinds_ask():
    """Some are read by another statement of the same answer: with "at least one" for "which have"."""
    questions = [(k, q) for k, q in list_questions(list_texts()) if k != UNANSWERED]
    read = [(k, q, fill(COUNTED, q, 1.0)) for k, q in questions]
    read = [one for one in read if one[-1].is_clear]
    right = [told.arguments == put_plainly(kind, q) for kind, q, told in read]
    assert len(read) > 1900 and sum(right) > 0.98 * len(read)


def put_plainly(kind: str, question: Question):
    """What the grammar reads in the form of a kind; None for a kind that counts nothing."""
    form = read_forms().get(kind)
    plain = form and replace(question, words=tuple(form[0].split()))
    return plain and fill(COUNTED, plain, 1.0).arguments


@pytest.mark.parametrize("intent", sorted(ANSWERED))
def test_the_first_example_of_a_kind_is_taken_for_it(intent):
    shares = load_learnt().find_shares(read_example(ways_of(intent)[0]))
    assert max(shares, key=lambda kind: shares[kind]) == intent


def ways_of(name: str) -> tuple[str, ...]:
    return next(intent.examples for intent in INTENTS if intent.name == name)


def test_a_few_examples_are_told_apart_and_a_file_says_the_same(tmp_path: Path):
    made = fit(FEW, "of few")
    made.save(tmp_path / "learnt.safetensors")
    read = Learnt.load(tmp_path / "learnt.safetensors")
    assert read.examples_sha256 == "of few" and read.kinds == made.kinds
    for words, kind in (("the runs", "runs"), ("is there drift", "drift")):
        shares = made.find_shares(words.split())
        assert read.find_shares(words.split()) == pytest.approx(shares, abs=1e-6)
        assert max(shares, key=lambda one: shares[one]) == kind


def test_weights_that_lie_by_columns_are_saved_as_they_are(tmp_path: Path):
    made = fit(FEW, "of few")
    weights = np.asfortranarray(made.regression.weights)
    turned = replace(made, regression=replace(made.regression, weights=weights))
    turned.save(tmp_path / "learnt.safetensors")
    read = Learnt.load(tmp_path / "learnt.safetensors")
    assert np.array_equal(read.regression.weights, made.regression.weights)


def test_a_word_that_no_example_has_makes_every_kind_less_probable():
    known, other = (
        load_learnt().regression.find_shares(text.split())
        for text in ("which runs failed", "which runs failed xylophonically")
    )
    assert other.max() < known.max() - 0.01 and other.sum() <= 1.0


def test_neighbours_share_what_they_weigh_by_their_cosines():
    told = Neighbours.of([["drift"], ["drift"], ["runs"]], [0, 0, 1], 2)
    shares = told.find_shares(["drift"])
    # two that mean the same weigh 1 each, one that shares nothing exp(-10)
    weights = np.array([2.0, np.exp(-10.0)])
    assert shares == pytest.approx(weights / (weights.sum() + 0.15))


def test_a_guess_says_what_it_was_taken_for_and_what_is_sure_does_not(open_world):
    chosen, said = answer(open_world(), "gimme the picture tally per campaign")
    assert [one.taken_for for one in chosen] == ["how many frames has each session"]
    assert said.text.startswith('Taken for "how many frames has each session?"')
    chosen, said = answer(open_world(), "which runs failed?")
    assert chosen[0].taken_for == "" and "Taken for" not in said.text


def test_a_form_with_other_names_than_the_question_is_not_taken(open_world):
    (chosen,) = choose(open_world(), "has monday drifted in the table captures")
    assert not chosen.is_clear
