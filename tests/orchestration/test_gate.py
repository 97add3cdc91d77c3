"""The gate lets in who knows the token, from its own pages, under its own name; nobody else reaches what is behind."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from orchestration.gate import Gate, as_header, name_cookie, read_token, renew_token
from orchestration.ports import list_origins
from orchestration.profiles import load_settings
from orchestration.roles.keys import Keys
from orchestration.roles.rights import Person

HOST = "127.0.0.1:3000"
TOKEN = "a-token"
ORIGINS = (f"http://{HOST}", "http://localhost:3000", "https://daguerre.example")
BY_COOKIE = {"cookie": f"door={TOKEN}"}
OURS = {"origin": f"http://{HOST}"}
LOCALHOST = {"host": "localhost:3000", "origin": "http://localhost:3000"}
OTHER_PORT = {"origin": "http://127.0.0.1:8888", "sec-fetch-site": "same-site"}
LINK = {"sec-fetch-site": "cross-site", "sec-fetch-dest": "document"}
PICTURE = {"sec-fetch-site": "same-site", "sec-fetch-dest": "image"}


def ask(
    method: str = "GET", path: str = "/", query: str = "", **headers: str
) -> tuple[object, dict[str, str]]:
    """Status and headers of the answer: 200 from behind the gate. The method WEBSOCKET gives "let in" or "closed"."""
    sent: list[dict] = []
    scope = {
        "type": "websocket" if method == "WEBSOCKET" else "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [
            (name.encode(), text.encode())
            for name, text in {"host": HOST, **headers}.items()
        ],
    }

    async def behind(scope, receive, send) -> None:
        await send({"type": "let in", "status": 200, "headers": []})

    async def send(message) -> None:
        sent.append(message)

    async def receive() -> dict:
        raise AssertionError("the gate answers without the body")

    gate = Gate(behind, ORIGINS, Keys(TOKEN, Person("Anna")), "door")
    asyncio.run(gate(scope, receive, send))
    if method == "WEBSOCKET":
        return {"let in": "let in", "websocket.close": "closed"}[sent[0]["type"]], {}
    answered = {key.decode(): text.decode() for key, text in sent[0]["headers"]}
    return sent[0]["status"], answered


@pytest.mark.parametrize("path", ["/", "/graphql", "/runs/1", "/static/a.js"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
def test_without_the_token_nothing_is_answered(method: str, path: str) -> None:
    assert ask(method, path)[0] == 401
    assert ask(method, path, **OURS, cookie="door=another")[0] == 401
    assert ask(method, path, **OURS, authorization="Bearer another")[0] == 401


def test_our_page_reads_and_changes_with_the_cookie() -> None:
    assert ask(**BY_COOKIE)[0] == 200
    assert ask("POST", "/graphql", **BY_COOKIE, **OURS)[0] == 200
    assert ask("POST", "/graphql", **BY_COOKIE, **LOCALHOST)[0] == 200
    assert ask("WEBSOCKET", "/graphql", **BY_COOKIE, **OURS)[0] == "let in"


def test_a_program_reads_and_changes_with_the_token() -> None:
    token = {key.lower(): text for key, text in as_header(TOKEN).items()}
    assert ask("POST", "/graphql", **token)[0] == 200
    assert ask("GET", "/graphql", "query={version}", **token)[0] == 200
    assert ask("WEBSOCKET", "/graphql", **token)[0] == "let in"


@pytest.mark.parametrize(
    "origin",
    [
        "http://example.invalid",
        "null",
        "http://127.0.0.1:5000",
        "https://127.0.0.1:3000",
    ],
)
def test_pages_of_other_origins_ask_in_vain(origin: str) -> None:
    assert ask("POST", "/graphql", **BY_COOKIE, origin=origin)[0] == 403
    assert ask("OPTIONS", "/graphql", **BY_COOKIE, origin=origin)[0] == 403
    assert ask("WEBSOCKET", "/graphql", **BY_COOKIE, origin=origin)[0] == "closed"
    assert ask("POST", "/", **as_bearer(), origin=origin)[0] == 403


def as_bearer() -> dict[str, str]:
    return {"authorization": f"bearer {TOKEN}"}


def test_other_ports_of_this_machine_ask_in_vain_although_they_get_the_cookie() -> None:
    assert ask("POST", "/graphql", **BY_COOKIE, **OTHER_PORT)[0] == 403
    assert ask("GET", "/logs/1", **BY_COOKIE, **PICTURE)[0] == 403
    assert ask("GET", "/", **BY_COOKIE, **PICTURE)[0] == 403


def test_a_link_elsewhere_leads_to_the_front_page_alone() -> None:
    assert ask("GET", "/", **BY_COOKIE, **LINK)[0] == 200
    assert ask("GET", "/runs", **BY_COOKIE, **LINK)[0] == 403


def test_what_changes_state_must_say_which_page_asks() -> None:
    assert ask("POST", "/graphql", **BY_COOKIE)[0] == 403
    assert ask("WEBSOCKET", "/graphql", **BY_COOKIE)[0] == "closed"


def test_no_address_runs_a_query() -> None:
    """Dagster runs a mutation in an address, which a link in a mail or a picture in a description could hold."""
    query = "query=mutation{x}"
    assert ask("GET", "/graphql", query, **BY_COOKIE)[0] == 403
    same = {"sec-fetch-site": "same-origin", "sec-fetch-dest": "image"}
    assert ask("GET", "/graphql", query, **BY_COOKIE, **same)[0] == 403
    assert ask("GET", "/graphql", **BY_COOKIE)[0] == 200  # the playground


@pytest.mark.parametrize(
    "host", ["example.invalid", "example.invalid:3000", "127.0.0.1", "127.0.0.1:1", ""]
)
def test_a_name_that_is_not_ours_is_not_answered(host: str) -> None:
    assert ask(**BY_COOKIE | {"host": host})[0] == 400
    assert ask("GET", "/", f"token={TOKEN}", host=host)[0] == 400
    assert ask("WEBSOCKET", "/graphql", **BY_COOKIE, host=host)[0] == "closed"


def test_the_link_becomes_a_cookie_that_no_script_reads_and_no_other_site_sends() -> (
    None
):
    status, headers = ask("GET", "/", f"token={TOKEN}")
    assert (status, headers["location"]) == (303, "/")
    assert headers["set-cookie"] == f"door={TOKEN}; HttpOnly; Path=/; SameSite=strict"
    assert ask("GET", "/", f"token={TOKEN}", **LINK)[0] == 303
    assert ask("GET", "/", "token=another")[0] == 401
    assert ask("GET", "/graphql", f"token={TOKEN}")[0] == 401


def test_servers_of_two_homes_or_ports_do_not_share_a_cookie() -> None:
    names = {name_cookie("/a"), name_cookie("/b"), name_cookie("/a", 1), name_cookie("/a", 2)}  # fmt: skip
    assert len(names) == 4
    assert name_cookie("/a", 1) == name_cookie("/a", 1)
    both = f"{name_cookie('/a')}=another; door={TOKEN}"
    assert ask(cookie=both)[0] == 200
    assert ask(cookie=f"{name_cookie('/a')}={TOKEN}; door=another")[0] == 401


def test_an_origin_of_the_settings_is_ours_and_its_cookie_wants_encryption() -> None:
    there = {"host": "daguerre.example"}
    ours = {**there, "origin": "https://daguerre.example"}
    assert ask("POST", "/graphql", **BY_COOKIE, **ours)[0] == 200
    plain = {**there, "origin": "http://daguerre.example"}
    assert ask("POST", "/graphql", **BY_COOKIE, **plain)[0] == 403
    assert "; Secure" in ask("GET", "/", f"token={TOKEN}", **there)[1]["set-cookie"]


def test_loopback_and_the_origins_of_the_settings_are_ours(tmp_path: Path) -> None:
    ours = {"DAGUERRE_UI_ORIGINS": "https://daguerre.example"}
    settings = load_settings({**ours, "DAGUERRE_HOME": str(tmp_path)})
    assert list_origins("3000", settings) == list(ORIGINS)


@pytest.mark.parametrize(
    "text", ["daguerre.example", "https://daguerre.example/ui", "*"]
)
def test_a_setting_that_is_no_origin_is_refused_with_the_remedy(
    text: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=f"{re.escape(text)}.*such as https://"):
        load_settings({"DAGUERRE_UI_ORIGINS": text, "DAGUERRE_HOME": str(tmp_path)})


def test_each_start_has_a_token_of_its_own_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("of before")
    path.chmod(0o644)
    tokens = {renew_token(path), renew_token(path)}
    assert len(tokens) == 2
    assert path.read_text() in tokens
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
    assert min(map(len, tokens)) >= 43  # 256 bits, six a character


def test_a_token_that_is_named_opens_the_ui_and_is_never_renewed(
    tmp_path: Path,
) -> None:
    named = tmp_path / "named"
    named.write_text("0123456789abcdef" * 4 + "\n")
    env = {"DAGUERRE_HOME": str(tmp_path), "DAGUERRE_UI_TOKEN_FILE": str(named)}
    settings = load_settings(env)
    assert settings.ui_token == named
    assert read_token(settings.ui_token) == "0123456789abcdef" * 4


@pytest.mark.parametrize("text", ["", "short", "a" * 31, "a b" * 20, "ä" * 40, None])
def test_a_named_token_that_could_be_guessed_or_is_not_there_is_refused(
    text: str | None, tmp_path: Path
) -> None:
    named = tmp_path / "named"
    if text is not None:
        named.write_text(text)
    env = {"DAGUERRE_HOME": str(tmp_path), "DAGUERRE_UI_TOKEN_FILE": str(named)}
    with pytest.raises(
        ValueError, match=r"DAGUERRE_UI_TOKEN_FILE.*openssl rand"
    ) as told:
        load_settings(env)
    assert not text or text not in str(told.value)


@pytest.mark.parametrize("text", ["10.0.0.5", "::", "localhost", "0.0.0.0:3000"])
def test_the_ui_listens_on_loopback_or_where_a_container_publishes(
    text: str, tmp_path: Path
) -> None:
    home = {"DAGUERRE_HOME": str(tmp_path)}
    assert load_settings(home).ui_host == "127.0.0.1"
    assert load_settings({**home, "DAGUERRE_UI_HOST": "0.0.0.0"}).ui_host == "0.0.0.0"
    with pytest.raises(ValueError, match=f"DAGUERRE_UI_HOST='{re.escape(text)}'"):
        load_settings({**home, "DAGUERRE_UI_HOST": text})
