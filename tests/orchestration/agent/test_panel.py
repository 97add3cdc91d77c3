"""Questions and proposals in the browser's server: answers with sources, refusals, and nothing that decides."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from bench.scripted_model import ask_tools, play, say, serve_model
from orchestration.browse.serving import build_app, build_browser
from orchestration.cli import run_verb
from orchestration.profiles import load_settings
from tests.orchestration.agent.conftest import PLEA, SERIAL

POST = {"X-Daguerre": "1"}


@pytest.fixture
def ask_page(agent_home):
    """ask_page(question, ...): the status and the JSON of the answer."""
    settings = load_settings()
    with TestClient(
        build_app(settings, build_browser(settings), "Anna", run_verb)
    ) as client:

        def act(question: str, **more):
            body = {"question": question, **more}
            answer = client.post("/api/ask", json=body, headers=POST)
            return answer.status_code, answer.json()

        act.client = client
        yield act


def test_an_answer_has_its_sentences_rows_and_sources(ask_page):
    status, told = ask_page("how many frames has tuesday?")
    assert status == 200 and told["is_known"] and told["rung"] == "rules"
    (sentence,) = told["sentences"]
    assert (
        sentence["text"] == "20 stored frames."
        and sentence["sources"][0]["kind"] == "sql"
    )
    status, told = ask_page("which sessions are there?")
    (rows,) = told["rows"]
    assert {source["kind"] for source in rows["sources"]} == {"session"}
    assert len(rows["sources"]) == len(rows["rows"]) == 2
    unknown = ask_page("how bright is it on the moon?")[1]
    assert not unknown["is_known"] and unknown["proposals"] == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"question": ""}, "at least 1 character"),
        ({"question": "x" * 2000}, "at most 1000 characters"),
        ({"question": "status", "approve": "P-1"}, "Extra inputs are not permitted"),
        ({"question": "status", "rung": "person"}, "rules' or 'model'"),
        ({"question": "status", "rung": "model"}, "the settings name no language"),
    ],
)
def test_what_is_no_question_is_refused(ask_page, body, told):
    answer = ask_page.client.post("/api/ask", json=body, headers=POST)
    assert answer.status_code == 400 and told in answer.json()["error"]


def test_no_other_page_can_ask(ask_page):
    answer = ask_page.client.post("/api/ask", json={"question": "status"})
    assert answer.status_code == 403


def test_proposals_are_shown_with_plan_and_command_and_the_link_decides_about_none(
    ask, ask_page, agent_home
):
    wanted = {"task": "detection", "strategy": "random", "budget": 3}
    ask("propose_queue", **wanted, because=PLEA)
    told = ask_page.client.get("/api/asking")
    (shown,) = told.json()["proposals"]
    assert shown["approve"] == f"daguerre approve {shown['proposal']}"
    assert "asked: 3" in shown["plan"]
    # the reasons of others are for who may decide
    assert shown["because"] is None and PLEA not in told.text
    assert "somebody" not in told.text and SERIAL not in told.text
    answer = ask_page("which proposals are open?")[1]
    assert shown["proposal"] in answer["rows"][0]["rows"][0]
    assert "somebody" not in json.dumps(answer)
    for act in ("approve", "reject"):
        said = {"proposal": shown["proposal"], "act": act, "because": "mine"}
        refused = ask_page.client.post("/api/decide", json=said, headers=POST)
        assert refused.status_code == 403 and "operator" in refused.json()["error"]
    assert run_verb(("proposals", shown["proposal"])).facts["state"] == "open"


def test_a_model_proposes_only_where_the_person_lets_it(agent_home, monkeypatch):
    pytest.importorskip("pydantic_ai", reason="daguerre[ask] is not installed")
    wanted = {"task": "detection", "strategy": "random", "because": "to see more"}
    script = play(ask_tools(("propose_queue", wanted)), say("It is proposed."))
    with serve_model(script) as model:
        monkeypatch.setenv("DAGUERRE_ASK_ADDRESS", model.address)
        monkeypatch.setenv("DAGUERRE_ASK_MODEL", "scripted")
        settings = load_settings()
        app = build_app(settings, build_browser(settings), "Anna", run_verb)
        with TestClient(app) as client:
            for may, count in ((False, 0), (True, 1)):
                body = {"question": "how bright is the moon?", "propose": may}
                told = client.post("/api/ask", content=json.dumps(body), headers=POST)
                assert len(told.json()["proposals"]) == count, told.text
            page = client.get("/api/asking").json()
    assert (page["model"], page["is_local"]) == ("scripted", True)
    assert [one["state"] for one in page["proposals"]] == ["open"]
