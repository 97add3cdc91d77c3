"""Who gets /metrics: behind the gate who knows the token, alone who calls this machine by its own name."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import ASGIApp

from orchestration.cli import app as verbs
from orchestration.gate import Gate, as_header
from orchestration.metrics.exposition import CONTENT_TYPE
from orchestration.metrics.families import CLAIMS
from orchestration.metrics.page import Metrics, make_page
from orchestration.metrics.scrape import Scraper
from orchestration.roles.keys import Keys
from orchestration.roles.rights import Person

HOST = "127.0.0.1:3000"
ORIGINS = [f"http://{HOST}", "http://localhost:3000"]
SCRAPER = Scraper({"ledger": lambda: [CLAIMS.at(2)]})


def ask(
    app: ASGIApp, path: str = "/metrics", method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], str]:
    sent: list[dict] = []
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [
            (name.encode(), text.encode())
            for name, text in {"host": HOST, **headers}.items()
        ],
    }

    async def send(message) -> None:
        sent.append(message)

    async def receive() -> dict:
        return {"type": "http.request", "body": b"", "more_body": False}

    asyncio.run(app(scope, receive, send))
    told = {key.decode(): text.decode() for key, text in sent[0]["headers"]}
    body = b"".join(m.get("body", b"") for m in sent[1:]).decode()
    return sent[0]["status"], told, body


async def behind(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"another page"})


def test_behind_the_gate_they_are_for_who_knows_the_token() -> None:
    gate = Gate(
        Metrics(behind, SCRAPER), ORIGINS, Keys("a-token", Person("Anna")), "door"
    )
    assert ask(gate)[0] == 401
    assert ask(gate, **as_header("another"))[0] == 401
    assert "daguerre_" not in ask(gate)[2]
    status, headers, body = ask(gate, authorization="Bearer a-token")
    assert (status, headers["content-type"]) == (200, CONTENT_TYPE)
    assert "daguerre_intake_claims 2\n" in body
    assert ask(gate, "/runs", authorization="Bearer a-token")[0] == 299


def test_alone_they_are_for_programs_of_this_machine() -> None:
    page = make_page(SCRAPER, ORIGINS)
    status, _, body = ask(page)
    assert status == 200 and 'daguerre_up{store="ledger"} 1\n' in body
    assert ask(page, host="localhost:3000")[0] == 200
    assert ask(page, host="evil.example")[0] == 400, "DNS rebinding"
    assert ask(page, method="POST")[0] == 405
    assert ask(page, "/")[0] == 404
    told = ask(page, origin="http://evil.example")[1]
    assert not [name for name in told if name.startswith("access-control")]


@pytest.mark.filterwarnings("default")
def test_the_verb_tells_them_once_as_text_and_as_json(full_home, run_on) -> None:
    from typer.testing import CliRunner

    told = run_on(full_home.home)("metrics")
    by_name = {family["name"]: family for family in told}
    assert by_name["daguerre_runs_total"]["type"] == "counter"
    assert by_name["daguerre_champion_version"]["samples"] == [
        {"labels": {"task": "detection"}, "value": 3.0}
    ]
    done = CliRunner().invoke(verbs, ["metrics", "--once"])
    assert done.exit_code == 0
    assert 'daguerre_champion_version{task="detection"} 3\n' in done.stdout
    (full_home.home / "mlflow").mkdir()
    (full_home.home / "mlflow" / "mlflow.db").write_bytes(b"broken" * 300)
    done = CliRunner().invoke(verbs, ["metrics", "--once"])
    assert done.exit_code == 1
    assert 'daguerre_up{store="registry"} 0\n' in done.stdout
