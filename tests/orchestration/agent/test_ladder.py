"""A language model behind an address: asked after the rules, within bounds, shown only where tools said its numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from bench.scripted_model import (
    KEY,
    ScriptedModel,
    ask_tools,
    play,
    say,
    serve_model,
)
from orchestration.agent.bounded_log import BoundedLog
from orchestration.agent.exam.rungs import find_rung
from orchestration.agent.ladder import metered
from orchestration.agent.ladder.answering import reply
from orchestration.agent.ladder.source import ModelSource
from orchestration.cli import app, run_verb
from tests.orchestration.agent.conftest import PLEA, SERIAL

pytest.importorskip("pydantic_ai", reason="the extra daguerre[ask] is not installed")
STRANGE = "how bright is it on the moon?"  # which no rule answers
COUNT = ("sql", {"sql": "select count(*) from frames"})


@pytest.fixture
def model(agent_home, monkeypatch) -> Iterator[ScriptedModel]:
    """A model that the settings name."""
    with serve_model(play(ask_tools(COUNT), say("The home has 32 frames."))) as served:
        monkeypatch.setenv("DAGUERRE_ASK_ADDRESS", served.address)
        monkeypatch.setenv("DAGUERRE_ASK_MODEL", "scripted")
        monkeypatch.setenv("DAGUERRE_ASK_KEY", KEY)
        yield served


def test_what_rules_answer_is_sent_nowhere(model, open_world):
    found = reply(open_world(), "how many frames has tuesday?")
    assert (found.rung, found.answer.text, model.bodies) == (
        "rules",
        "20 stored frames.",
        [],
    )


def test_what_rules_cannot_answer_the_model_does_by_the_same_tools(model, open_world):
    found = reply(open_world(), STRANGE)
    assert (found.rung, found.answer.text) == ("model", "The home has 32 frames.")
    (fact,) = found.answer.facts
    assert (fact.value, fact.source.kind) == (32, "sql")
    assert [(c.tool, c.error) for c in found.calls] == [("sql", "")]
    assert set(model.keys) == {f"Bearer {KEY}"} and found.tokens > 100
    asked = reply(open_world(), "how many frames has tuesday?", "model")
    assert asked.rung == "model"


def test_the_model_is_examined_as_the_rules_are_and_its_name_is_its_version(
    model, open_world
):
    world = open_world()
    rung = find_rung("model", world.settings.asked_model)
    assert rung.ask(world, STRANGE).text == "The home has 32 frames."
    assert "scripted" in rung.code_version
    with pytest.raises(ValueError, match="the settings name no language model"):
        find_rung("model", ModelSource())


def test_the_exam_hears_which_tools_a_model_calls(model, open_world, agent_home):
    world = replace(open_world(), heard=[])
    find_rung("model", world.settings.asked_model).ask(world, STRANGE)
    assert [(one.tool, one.arguments) for one in world.heard or ()] == [COUNT]
    assert not (agent_home / "logs" / "tool_calls.jsonl").exists()


def test_the_log_has_the_question_its_rung_tools_tokens_and_outcome(
    model, open_world, agent_home
):
    reply(open_world(), STRANGE)
    reply(open_world(), "which checks failed?")
    rules, asked = BoundedLog(agent_home, "questions").read(2)
    assert (asked["question"], asked["rung"], asked["model"]) == (STRANGE, "model", "scripted")  # fmt: skip
    assert asked["tools"] == [{"tool": "sql", "arguments": COUNT[1], "error": ""}]
    assert asked["outcome"] == "answered" and asked["took_s"] > 0 < asked["tokens"]
    assert (rules["rung"], rules["tokens"]) == ("rules", 0)
    kept = "".join(p.read_text() for p in (agent_home / "logs").glob("*.json*"))
    assert KEY not in kept and "32 frames" not in kept


def test_a_sentence_with_a_number_that_no_tool_said_is_counted_and_not_shown(
    model, open_world
):
    model.script = play(ask_tools(COUNT), say("There are 32 frames. 31 are sharp."))
    found = reply(open_world(), STRANGE)
    assert found.answer.text.startswith("There are 32 frames. Not supported")
    assert "31" not in found.answer.text and len(found.refused) == 1


def test_words_without_any_fact_are_no_answer(model, open_world):
    model.script = play(say("The moon is bright."))
    found = reply(open_world(), STRANGE)
    assert not found.answer.is_known and "moon" not in found.answer.text


def test_a_number_that_the_model_selects_or_gives_itself_is_not_said_by_a_tool(
    model, open_world
):
    for wanted, claim in (
        (("sql", {"sql": "select 77 as dark"}), "77 are dark."),
        (("sql", {"sql": "select count(*) + 45 from frames"}), "77 are dark."),
        (("sql", {"sql": "select * from range(77)"}), "77 are dark."),
        (
            ("sql", {"sql": "select frame_id from frames", "limit": 7}),
            "7 are dark.",
        ),
        (("search", {"text": "77 frames are dark"}), 'It says "77 frames are dark".'),
    ):
        model.script = play(ask_tools(wanted), say(claim))
        found = reply(open_world(), STRANGE)
        assert not found.answer.is_known, claim
        assert found.refused == ("a number or id that no tool said",)


def test_nothing_private_and_no_secret_is_sent(model, open_world, agent_home):
    model.script = play(
        ask_tools(
            ("sql", {"sql": "select * from frame_exif"}),
            ("sql", {"sql": "select body_serial from frame_exif"}),
            ("quarantine", {}),
            ("run_log", {"level": "debug"}),
            ("proposals", {"is_open": False}),
        ),
        say("It is so."),
    )
    reply(open_world(), f"what is {KEY}?", "model")
    sent = b"".join(model.bodies).decode()
    assert "is private, and not read here" in sent and PLEA in sent
    for secret in (SERIAL, KEY, str(agent_home)):
        assert secret not in sent


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"CALLS": "2"}, "more than 2 calls of tools"),
        ({"TOKENS": "6000"}, "more than 6000 tokens"),
        ({"SECONDS": "1"}, "takes more than 1 s"),
    ],
)
def test_what_costs_too_much_ends_without_an_answer(
    model, open_world, monkeypatch, setting, told
):
    for name, value in setting.items():
        monkeypatch.setenv(f"DAGUERRE_ASK_{name}", value)
    long = {"sql": "select count(*) from frames a, frames b, frames c, frames d, frames e, frames f"}  # fmt: skip
    again = long if "SECONDS" in setting else COUNT[1]
    model.script = play(ask_tools(("sql", again)))
    found = reply(open_world(), STRANGE)
    assert not found.answer.is_known and told in found.answer.text
    assert len(found.calls) <= 12


def test_a_day_has_so_many_tokens_over_all_questions(model, open_world, monkeypatch):
    monkeypatch.setenv("DAGUERRE_ASK_TOKENS_A_DAY", "30000")
    model.usage = {"prompt_tokens": 14_000, "completion_tokens": 500, "total_tokens": 14_500}  # fmt: skip
    assert reply(open_world(), STRANGE).tokens == 29_000
    with pytest.raises(ValueError, match="29000 of the 30000 tokens of this day"):
        reply(open_world(), STRANGE)
    assert (
        reply(open_world(), "how many frames has tuesday?").answer.text
        == "20 stored frames."
    )


def test_an_answer_without_end_is_not_read_to_it(model, open_world, lower):
    lower(metered, MAX_ANSWER_BYTES=1000)
    model.script = play(say("bright " * 500))
    found = reply(open_world(), STRANGE)
    assert not found.answer.is_known and "bright" not in found.answer.text
    assert "it needs more than an answer of 1000 bytes" in found.answer.text


def test_a_tool_that_there_is_not_is_told_to_the_model(model, open_world):
    model.script = play(ask_tools(("approve", {"proposal": "P-1"})), ask_tools(COUNT), say("32."))  # fmt: skip
    found = reply(open_world(), STRANGE)
    assert found.answer.text == "32." and b"Unknown tool name" in model.bodies[-1]


def test_only_who_lets_it_has_the_model_propose_and_nothing_is_done(model, open_world):
    wanted = {"task": "detection", "strategy": "random", "because": "to see more"}
    model.script = play(ask_tools(("propose_queue", wanted)), say("Done."))
    refused = reply(open_world(), STRANGE)
    assert refused.proposals == () and run_verb(("proposals",)).facts == []
    found = reply(open_world(), STRANGE, may_propose=True)
    (kept,) = run_verb(("proposals",)).facts
    assert found.proposals == (kept["proposal_id"],) and kept["state"] == "open"
    assert kept["by"].endswith("by scripted") and "Done." not in found.answer.text


def test_the_verb_says_who_worded_it_and_how_a_proposal_is_carried_out(model):
    runner = CliRunner()
    shown = runner.invoke(app, ["ask", STRANGE])
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert lines[0] == "The home has 32 frames." and "worded by scripted (" in lines[-1]
    told = json.loads(runner.invoke(app, ["ask", STRANGE, "--json"]).stdout)
    assert (told["rung"], told["model"], told["tool"]) == ("model", "scripted", "sql")
    offline = runner.invoke(app, ["ask", STRANGE, "--rung", "rules"])
    assert offline.exit_code == 1 and "I don't know" in offline.stdout
    assert len(model.bodies) == 4


def test_a_model_that_is_gone_is_told_and_rules_go_on(model, open_world, monkeypatch):
    monkeypatch.setenv("DAGUERRE_ASK_ADDRESS", "http://127.0.0.1:9/v1")
    found = reply(open_world(), STRANGE)
    assert not found.answer.is_known and "the model failed" in found.answer.text
    assert found.tokens < 10_000


def test_without_a_model_the_rung_is_refused(open_world):
    with pytest.raises(ValueError, match="the settings name no language model"):
        reply(open_world(), STRANGE, "model")
    with pytest.raises(ValueError, match="--rung words: choose one of rules, model"):
        run_verb(("ask", STRANGE, "--rung", "words"))


def test_to_ask_where_no_home_is_makes_none(tmp_path, monkeypatch):
    home = tmp_path / "deep" / "home"
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    for verb in (("ask", "status"), ("proposals",), ("reject", "P-1", "--because=no")):
        with pytest.raises(ValueError, match=f"there is no home at {home}"):
            run_verb(verb)
    assert list(tmp_path.iterdir()) == []
