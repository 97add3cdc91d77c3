"""Who may come in: an ASGI layer around Dagster's and MLflow's pages, which ask nobody themselves.

Belongs here: what of a request is believed, and what is answered to one that is not let in. Does not: servers, ports.
"""

import hashlib
import html
import os
import secrets
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestration.roles.keys import Keys, let_in
from orchestration.roles.rights import Person

_READING = ("GET", "HEAD")
_PAGE = "<!doctype html><meta charset=utf-8><title>Daguerre</title><p>{text}</p>"
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
ASK_FOR_LINK = (
    "This page is for the person who started it: open the link that `daguerre ui` printed, "
    "or give its token as `Authorization: Bearer ...`."
)
ASK_FOR_TOKEN = (
    "This is for who has the token of `daguerre serve`: give it as `Authorization: Bearer ...`; "
    "the server said at its start which file holds it."
)


@dataclass(frozen=True)
class Refusal:
    """Why a request is not let in: an HTTP status, and what helps."""

    status: int
    reason: str


class Gate:
    """Lets in whom the keys know, from pages of its own origin, under a name that is its own; the request says who.

    `origins` are like `http://127.0.0.1:3000`: what a browser may call this server. `cookie` is the name of the cookie
    that holds a token after the link was opened. `ask` is what they read who have no token; `tell` writes a refusal,
    which is a page otherwise.
    """

    def __init__(
        self,
        app: ASGIApp,
        origins: Collection[str],
        keys: Keys,
        cookie: str,
        ask: str = ASK_FOR_LINK,
        tell: Callable[[Refusal], Response] | None = None,
    ) -> None:
        self._app = app
        self._origin_of = {urlsplit(origin).netloc: origin for origin in origins}
        self._keys = keys
        self._cookie = cookie
        self._ask = ask
        self._tell = tell or _tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on what is let in."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        found = self.judge(request)
        refusal = found if isinstance(found, Refusal) else None
        if isinstance(found, Person) and not _is_link(request):
            let_in(request, found)
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            answer = self._tell(refusal) if refusal else self._welcome(request)
            await answer(scope, receive, send)

    def judge(self, request: HTTPConnection) -> Person | Refusal:
        """Who asks, or why the request is not let in."""
        return (
            self._judge_host(request)
            or self._judge_origin(request)
            or self._find_person(request)
        )

    def _judge_host(self, request: HTTPConnection) -> Refusal | None:
        """A name that somebody else owns may lead here too (DNS rebinding)."""
        if _host(request) in self._origin_of:
            return None
        known = ", ".join(sorted(self._origin_of))
        remedy = "name it in DAGUERRE_UI_ORIGINS, as in https://host.example"
        return Refusal(
            400, f"{_host(request)!r} is none of {known}: if it is yours, {remedy}."
        )

    def _judge_origin(self, request: HTTPConnection) -> Refusal | None:
        """Browsers tell which page asks; a page cannot say otherwise.

        Other ports of this machine are the same site to a browser, and get the cookie with them.
        """
        ours = self._origin_of[_host(request)]
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site", "none")
        if origin not in (None, ours):
            return Refusal(403, f"A page of {origin!r} may ask nothing here.")
        if site not in ("same-origin", "none") and not _is_visit(request):
            return Refusal(403, "A page of another origin may ask nothing here.")
        return None

    def _find_person(self, request: HTTPConnection) -> Person | Refusal:
        nobody = Refusal(401, self._ask)
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._keys.find_by_token(given) or nobody
        if _is_link(request):
            return self._keys.find_by_token(request.query_params["token"]) or nobody
        person = self._keys.find_by_token(
            request.cookies.get(self._cookie, "")
        ) or self._keys.find_by_proxy(request)
        if person and _may_change(request) and "origin" not in request.headers:
            reason = "This changes state, or could, and no page of ours asked for it."
            return Refusal(403, reason)
        return person or nobody

    def _welcome(self, request: HTTPConnection) -> Response:
        """The token moves from the address into a cookie."""
        answer = RedirectResponse("/", 303, _HEADERS)
        is_encrypted = self._origin_of[_host(request)].startswith("https:")
        answer.set_cookie(
            self._cookie,
            request.query_params["token"],
            httponly=True,
            samesite="strict",
            secure=is_encrypted,
        )
        return answer


def name_cookie(*servers: object) -> str:
    """Of the servers that share it: a browser has one cookie of a name for all ports of a host, and so two homes that
    gave it one name would sign each other out."""
    digest = hashlib.sha256("\0".join(map(str, servers)).encode()).hexdigest()
    return f"daguerre_{digest[:8]}"


def renew_token(path: Path) -> str:
    """A new token of 256 random bits, in a file for this user alone, which is whole whenever it is there."""
    token = secrets.token_urlsafe(32)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, part = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(token)
    os.replace(part, path)
    return token


def read_token(path: Path) -> str:
    """What is in the file, without the end of its line."""
    return path.read_text().strip()


def as_header(token: str) -> dict[str, str]:
    """What a program sends in place of a cookie."""
    return {"Authorization": f"Bearer {token}"}


def _host(request: HTTPConnection) -> str:
    return request.headers.get("host", "").lower()


def _is_visit(request: HTTPConnection) -> bool:
    """Whether a link on another page leads to the front page, which changes nothing."""
    headers = request.headers
    is_page = headers.get("sec-fetch-dest") == "document"
    return is_page and _is_reading(request) and request.scope["path"] == "/"


def _is_link(request: HTTPConnection) -> bool:
    """Whether it is the link that was printed."""
    is_front = request.scope["path"] == "/" and _is_reading(request)
    return is_front and "token" in request.query_params


def _is_reading(request: HTTPConnection) -> bool:
    return request.scope["type"] == "http" and request.scope["method"] in _READING


def _may_change(request: HTTPConnection) -> bool:
    """Dagster runs a mutation that stands in an address as well, be it that of a picture."""
    is_call = request.scope["path"] == "/graphql" and request.scope["query_string"]
    return not _is_reading(request) or bool(is_call)


def _tell(refusal: Refusal) -> Response:
    page = _PAGE.format(text=html.escape(refusal.reason))
    return HTMLResponse(page, refusal.status, _HEADERS)
