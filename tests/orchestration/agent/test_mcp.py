"""The MCP server, asked by the official client: in this process, and once as a program starts it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import anyio
import pytest

from orchestration.agent.call_log import CallLog
from orchestration.agent.mcp_server import build_server
from orchestration.agent.tools import PROPOSING, READING
from orchestration.agent.world import World
from orchestration.cli import run_verb
from orchestration.profiles import load_settings
from tests.orchestration.agent.conftest import PLEA, SERIAL

mcp = pytest.importorskip("mcp", reason="the extra daguerre[mcp] is not installed")
CODE = Path(__file__).resolve().parents[3]


@pytest.fixture
def converse(agent_home):
    """converse(act, may_propose=False): what act(client) returns."""

    def run(act, may_propose: bool = False):
        server = build_server(
            lambda person: World(load_settings(), person.name, run_verb),
            "1",
            may_propose,
        )

        async def talk():
            async with mcp.Client(server) as client:
                return await act(client)

        return anyio.run(talk)

    return run


def test_the_client_finds_the_tools_with_their_bounds_and_reads_answers(converse):
    async def act(client):
        listed = await client.list_tools()
        said = await client.call_tool("sql", {"sql": "select count(*) from frames"})
        return listed.tools, said

    tools, said = converse(act)
    assert [tool.name for tool in tools] == [tool.name for tool in READING]
    assert all(tool.annotations.read_only_hint for tool in tools)
    sql = next(tool for tool in tools if tool.name == "sql").input_schema
    assert sql["properties"]["limit"]["maximum"] == 200 and sql["required"] == ["sql"]
    assert not said.is_error and said.structured_content["text"] == "32."
    assert json.loads(said.content[0].text) == said.structured_content
    (fact,) = said.structured_content["facts"]
    assert fact["source"]["follow"].startswith("daguerre query 'select count(*)")


def test_without_propose_nothing_can_be_proposed(converse):
    wanted = {"task": "detection", "strategy": "random", "because": "more"}
    said = converse(lambda client: client.call_tool("propose_queue", wanted))
    assert said.is_error
    assert "there is no tool 'propose_queue'" in said.structured_content["error"]
    assert run_verb(("proposals",)).facts == []


def test_with_propose_a_proposal_is_kept_and_nothing_is_done(converse):
    async def act(client):
        listed = await client.list_tools()
        wanted = {"task": "detection", "strategy": "random", "because": PLEA}
        return listed.tools, await client.call_tool("propose_queue", wanted)

    tools, said = converse(act, may_propose=True)
    hints = {tool.name: tool.annotations.read_only_hint for tool in tools}
    assert [n for n, is_read in hints.items() if not is_read] == [
        tool.name for tool in PROPOSING
    ]
    assert not said.is_error and "Nothing was done" in said.structured_content["text"]
    (kept,) = run_verb(("proposals",)).facts
    assert (kept["state"], kept["by"]) == ("open", "mcp")
    assert not any("approve" in name and "propose" not in name for name in hints)


def test_what_is_wrong_is_told_to_the_program_and_private_values_are_not(
    converse, agent_home
):
    async def act(client):
        wrong = await client.call_tool("sql", {"sql": "select 1", "depth": 1})
        hidden = {"sql": "select body_serial from frame_exif"}
        return wrong, await client.call_tool("sql", hidden)

    wrong, hidden = converse(act)
    assert wrong.is_error and "its arguments are" in wrong.structured_content["error"]
    assert hidden.is_error and SERIAL not in hidden.content[0].text
    assert [call["error"] for call in CallLog(agent_home).read(2)] == [
        "QueryError",
        "ValueError",
    ]


def test_a_program_starts_it_on_stdin_and_stdout(agent_home):
    from mcp import StdioServerParameters
    from mcp.client.stdio import stdio_client

    names = ("PATH", "HOME", "DAGUERRE_HOME")
    path = os.pathsep.join([str(CODE), os.environ.get("PYTHONPATH", "")])
    env = {name: os.environ[name] for name in names} | {"PYTHONPATH": path}
    started = StdioServerParameters(
        command=sys.executable, args=["-m", "orchestration.cli", "mcp"], env=env
    )

    async def talk():
        async with mcp.Client(stdio_client(started)) as client:
            return await client.call_tool("quarantine", {})

    said = anyio.run(talk)
    assert not said.is_error
    assert PLEA in said.content[0].text


def test_without_its_package_the_verb_says_what_to_install(agent_home, monkeypatch):
    from orchestration.agent import mcp_server

    monkeypatch.setattr(mcp_server, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'daguerre\[mcp\]'"):
        run_verb_without_json("mcp")


def run_verb_without_json(*words: str) -> None:
    from orchestration.cli import app

    app([*words], standalone_mode=False, prog_name="daguerre")
