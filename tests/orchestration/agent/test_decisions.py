"""Roles where programs propose: who may decide about a proposal through the server, and what a token asks over MCP."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from assets.audit import read_acts
from orchestration.agent.mcp_server import build_server
from orchestration.agent.mcp_serving import build_gated
from orchestration.agent.tools import PROPOSING
from orchestration.agent.world import World
from orchestration.browse.serving import (
    ASK_FOR_LINK,
    build_app,
    build_browser,
    build_keys,
)
from orchestration.cli import run_verb
from orchestration.gate import Gate, as_header
from orchestration.profiles import load_settings
from orchestration.roles.book import RoleBook
from orchestration.roles.rights import Person

PORT = 8500
ADDRESS = f"http://127.0.0.1:{PORT}"
WANTED = {"task": "detection", "strategy": "random", "budget": 3}


@pytest.fixture
def book(agent_home) -> RoleBook:
    return RoleBook(load_settings().roles_file)


@pytest.fixture
def enter(book):
    """enter("ben", "operator"): a client of the frame browser with their token."""
    settings = load_settings()
    app = build_app(settings, build_browser(settings), "Carl", run_verb)
    keys = build_keys(settings, "start", "Carl")
    gate = Gate(app, [ADDRESS], keys, "door", ASK_FOR_LINK)

    def act(name: str, role: str) -> TestClient:
        headers = as_header(book.grant(name, [role])) | {"X-Daguerre": "1"}
        return TestClient(gate, ADDRESS, headers=headers)

    return act


def test_who_operates_carries_out_a_proposal_and_stands_in_the_record(
    ask, enter, agent_home
):
    ask("propose_queue", **WANTED, because="to see more")
    (proposal,) = run_verb(("proposals",)).facts
    named = proposal["proposal_id"]
    said = {"proposal": named, "act": "approve", "because": "we need them"}
    approver, operator = enter("anna", "approver"), enter("ben", "operator")
    refused = approver.post("/api/decide", json=said)
    assert refused.status_code == 403
    assert "which the role operator has" in refused.json()["error"]
    shown = [c.get("/api/asking").json()["proposals"][0] for c in (approver, operator)]
    assert [one["may_decide"] for one in shown] == [False, True]
    done = operator.post("/api/decide", json=said).json()
    assert done["is_done"] and done["exit_code"] == 0, done
    (proposal,) = run_verb(("proposals",)).facts
    assert (proposal["state"], proposal["decided_by"]) == ("done", "ben")
    (act,) = read_acts(agent_home)
    assert (act["act"], act["who"]) == ("approve proposal", "ben")
    assert act["why"] == "we need them"
    again = operator.post("/api/decide", json=said)
    assert again.status_code == 400 and "approved by ben" in again.json()["error"]


def test_over_http_a_program_has_the_rights_of_its_token(book):
    pytest.importorskip("mcp", reason="the extra daguerre[mcp] is not installed")
    settings = load_settings()

    def open_world(person: Person) -> World:
        return World(settings, f"{person.name} by mcp", run_verb, person.rights)

    server = build_server(open_world, "1", may_propose=True)
    gated = build_gated(settings, server, PORT, "start", "Carl")
    with TestClient(gated, ADDRESS) as client:
        assert call(client, "another", "sql", {}).status_code == 401
        reader = book.grant("anna", ["reader"])
        counted = call(client, reader, "sql", {"sql": "select count(*) from frames"})
        assert counted.json()["result"]["structuredContent"]["text"] == "32."
        wanted = WANTED | {"because": "to see more"}
        refused = call(client, reader, "propose_queue", wanted).json()["result"]
        assert refused["isError"]
        assert "anna has no right to let a program propose" in str(refused)
        for tool in PROPOSING:
            told = call(client, reader, tool.name, {}).json()["result"]
            assert "has no right to let a program propose" in str(told), tool.name
        assert run_verb(("proposals",)).facts == []
        operator = book.grant("ben", ["operator"])
        kept = call(client, operator, "propose_queue", wanted).json()["result"]
        assert not kept["isError"], kept
        told = str(call(client, reader, "calls", {}).json()["result"])
        assert "anna by mcp" in told and "ben" not in told and "propose_queue" in told
    (proposal,) = run_verb(("proposals",)).facts
    assert proposal["by"] == "ben by mcp"


def call(client: TestClient, token: str, tool: str, arguments: dict):
    """A call of a tool, as the protocol has it."""
    headers = as_header(token) | {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2025-06-18",
    }
    asked = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": tool, "arguments": arguments},
    }
    return client.post("/mcp", json=asked, headers=headers)
